"""A cluster as a snapshot describes it: what was read of it, and what a snapshot leaves out.

A snapshot has no identities, and of most pods and ReplicaSets only metadata. Identities are new, owners
are found by name, and what is missing of a pod is taken from the template that it was made of.
"""

from collections.abc import Callable
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot

from .bodies import decoded, owner_reference, ref_of, template_of
from .store import Object, Store

_MADE_LATE = {kinds.REPLICA_SET: 2, kinds.JOB: 2, kinds.POD: 3, kinds.NAMESPACE: 0}


def plant(
    store: Store, snapshot: Snapshot, root_namespace: str, admit: Callable[[Object], Object]
) -> None:
    """Store every object of the snapshot, owners before what they own; `admit` is the injector."""
    workloads = collect(snapshot)
    makers = {pod.ref: workload for workload in workloads for pod in workload.pods}
    used = {ref.namespace for ref in (r.ref for r in snapshot)} | {root_namespace}
    for name in sorted(filter(None, used)):
        if snapshot.get(Ref(*kinds.NAMESPACE, "", name)) is None:
            _add(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    alone = {workload.ref for workload in workloads}
    for resource in sorted(snapshot, key=_when):
        if resource.ref.group_kind == kinds.POD:
            _add_pod(store, _as_run(resource, admit), makers.get(resource.ref))
        elif resource.ref.group_kind != kinds.REPLICA_SET or resource.ref in alone:
            _add(store, decoded(resource.body))


def _add(store: Store, body: Object) -> Object:
    metadata = body["metadata"]
    owners = [_owned(store, body, one) for one in metadata.get("ownerReferences") or ()]
    if owners:
        metadata = {**metadata, "ownerReferences": [one for one in owners if one]}
    if body["kind"] == "Namespace":
        own = {"kubernetes.io/metadata.name": metadata["name"]}
        metadata = {**metadata, "labels": {**own, **(metadata.get("labels") or {})}}
    return store.add(ref_of(body), {**body, "metadata": metadata})


def _owned(store: Store, body: Object, owner: Any) -> Object:
    """The reference with the owner's uid of today; one whose owner is not in the source stays bare."""
    group = str(owner.get("apiVersion", "")).rpartition("/")[0]
    ref = Ref(group, owner["kind"], body["metadata"].get("namespace", ""), owner["name"])
    found = store.get(ref) or store.get(ref._replace(namespace=""))
    return {**owner, "uid": found["metadata"]["uid"]} if found else dict(owner)


def _as_run(resource: Resource, admit: Callable[[Object], Object]) -> Object:
    """A pod that ran when it was read is as it was; one of a manifest is admitted now."""
    body = decoded(resource.body)
    ran = resource.status.get("phase") or resource.metadata.get("creationTimestamp")
    return body if ran or names.SIDECAR_STATUS in resource.annotations else admit(body)


def _add_pod(store: Store, body: Object, workload: Workload | None) -> None:
    if workload is not None and workload.template_path:
        maker = store.get(workload.ref)
        made_by = _set_of(store, maker, body) if maker else None
        if made_by is not None:
            body["metadata"]["ownerReferences"] = [owner_reference(made_by)]
        body.setdefault("spec", {})
        body["spec"] = {**(workload.pod_spec or {}), **body["spec"]}
    _add(store, body)


def _set_of(store: Store, maker: Object, pod: Object) -> Object | None:
    """The ReplicaSet between a Deployment and its pod, made again with the hash that the pod bears."""
    ref = ref_of(maker)
    if ref.group_kind not in {kinds.DEPLOYMENT, kinds.ROLLOUT}:
        return None if ref.group_kind == kinds.CRON_JOB else maker
    owners = pod["metadata"].get("ownerReferences") or ()
    name = next((o["name"] for o in owners if o.get("kind") == "ReplicaSet"), "")
    if not name:
        return None
    made = Ref(*kinds.REPLICA_SET, ref.namespace, name)
    known = store.get(made)
    if known is not None:
        return known
    template = template_of(maker, ref.group_kind)
    first = not store.owned(maker, kinds.REPLICA_SET)
    metadata = template.get("metadata") or {}
    hashes = _hashes(pod["metadata"].get("labels") or {})
    labels = {**(metadata.get("labels") or {}), **hashes}
    body = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": ref.namespace,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [owner_reference(maker)],
        },
        "spec": {
            "template": {**template, "metadata": {**metadata, "labels": labels}} if first else {}
        },
    }
    return store.add(made, body)


def _hashes(labels: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key.endswith("pod-template-hash")}


def _when(resource: Resource) -> tuple[int, Ref]:
    return _MADE_LATE.get(resource.ref.group_kind, 1), resource.ref
