"""Of which pods, ReplicaSets and ConfigMaps metadata is not enough, and the whole object is asked for.

A pod that no known controller made is the only place where its template stands; a ReplicaSet likewise. The
mesh's own agents are judged by the node that they are on and by their readiness. A pod's sidecar has the
version that istiod injected when the pod was made: one that is younger than the ReplicaSets of all running
istiods has today's, or during an upgrade the one before.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.adapters.sanitize import holds_settings
from migrator.istio import kinds, platform
from migrator.istio import labels as names
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot

_AGENTS = frozenset({platform.CNI_AGENT, platform.ZTUNNEL})
_NAME_LABELS = ("app", "k8s-app", "app.kubernetes.io/name")
_ISTIOD = "istiod"


def wanted_whole(snapshot: Snapshot) -> tuple[Ref, ...]:
    """What to ask for, in order: as little as possible."""
    found = set(wanted_settings(snapshot))
    workloads = collect(snapshot)
    for workload in workloads:
        found.update(_of_workload(snapshot, workload))
    found.update(pod.ref for pod in snapshot.of(kinds.POD) if _labelled(pod, _AGENTS))
    found.update(_old_sidecars(snapshot, workloads))
    return tuple(sorted(found))


def wanted_settings(snapshot: Snapshot) -> Iterator[Ref]:
    """The ConfigMaps of Istio, its CNI and Cilium."""
    return (one.ref for one in snapshot.of(kinds.CONFIG_MAP) if holds_settings(one.name))


def _of_workload(snapshot: Snapshot, workload: Workload) -> Iterator[Ref]:
    if workload.ref.group_kind == kinds.REPLICA_SET and snapshot.get(workload.ref):
        yield workload.ref
    elif workload.template_path == "":
        yield from (pod.ref for pod in workload.pods[:1])


def _old_sidecars(snapshot: Snapshot, workloads: Iterable[Workload]) -> Iterator[Ref]:
    """One pod for each workload and generation of it that may have an older istiod's sidecar."""
    istiods = [pod for pod in snapshot.of(kinds.POD) if _labelled(pod, {_ISTIOD})]
    youngest = max((_made(_maker(snapshot, pod) or pod) for pod in istiods), default="")
    for workload in workloads:
        seen: set[Any] = set()
        for pod in workload.pods:
            owner = str(pod.metadata.get("ownerReferences"))
            injected = names.SIDECAR_STATUS in pod.annotations
            if injected and owner not in seen and (not youngest or _made(pod) <= youngest):
                seen.add(owner)
                yield pod.ref


def _maker(snapshot: Snapshot, pod: Resource) -> Resource | None:
    """The ReplicaSet of a pod, where it was read."""
    owners = (o for o in pod.metadata.get("ownerReferences") or () if o["kind"] == "ReplicaSet")
    refs = (Ref(*kinds.REPLICA_SET, pod.namespace, owner["name"]) for owner in owners)
    return next((found for ref in refs if (found := snapshot.get(ref))), None)


def _made(resource: Resource) -> str:
    """RFC 3339 in UTC, which sorts as text."""
    return str(resource.metadata.get("creationTimestamp") or "")


def _labelled(pod: Resource, wanted: Iterable[str]) -> bool:
    return any(pod.labels.get(key) in set(wanted) for key in _NAME_LABELS)
