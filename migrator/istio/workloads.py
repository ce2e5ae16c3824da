"""Workloads: whatever makes pods, with its template and the pods that run now.

Deployment, StatefulSet, DaemonSet, ReplicaSet without owner, Job without owner, CronJob, bare Pod and
Argo Rollout; and pods of any other controller (an operator's own kind), grouped by that owner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from migrator.model.fieldpath import field
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot

from . import kinds
from . import labels as names

_MAX_OWNERS = 8  # Kubernetes' own chains have two links; more is a cycle or a mistake


class Role(StrEnum):
    """What a workload is for: the migration moves `app`; the others have rules of their own."""

    APP = "app"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"
    CONTROL_PLANE = "control-plane"


@dataclass(frozen=True, eq=False)
class Workload:
    """One maker of pods.

    `template_path` is where the pod template is in `resource.body` ("" for a bare pod); `replicas` is
    what the manifest asks for (None where the kind has no such field). `pods` run now: empty when the
    source is manifests only. `resource` is None only for pods whose owner was not in the source.
    """

    ref: Ref
    resource: Resource
    template: Mapping[str, Any]
    template_path: str
    replicas: int | None
    pods: tuple[Resource, ...]
    role: Role

    @cached_property
    def namespace(self) -> str:
        return self.ref.namespace

    @cached_property
    def name(self) -> str:
        return self.ref.name

    def without_pods(self) -> "Workload":
        """As its manifest alone says it."""
        return replace(self, pods=())

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The labels that a new pod starts with."""
        return (self.template.get("metadata") or {}).get("labels") or {}

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        return (self.template.get("metadata") or {}).get("annotations") or {}

    @cached_property
    def pod_spec(self) -> Mapping[str, Any]:
        return self.template.get("spec") or {}

    @cached_property
    def service_account(self) -> str:
        """Its account; `serviceAccount` is the old name, which the API server still takes as input."""
        spec = self.pod_spec
        return spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"

    @cached_property
    def host_network(self) -> bool:
        return bool(self.pod_spec.get("hostNetwork"))

    @cached_property
    def containers(self) -> Sequence[Mapping[str, Any]]:
        return self.pod_spec.get("containers") or ()

    def path(self, *parts: str | int) -> str:
        """A field path below the pod template, in terms of the manifest."""
        below = field(*parts)
        return f"{self.template_path}.{below}" if self.template_path else below

    @cached_property
    def all_containers(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Every container and init container with its path."""
        return tuple(
            (self.path("spec", group, i), container)
            for group in ("initContainers", "containers")
            for i, container in enumerate(self.pod_spec.get(group) or ())
        )


def collect(snapshot: Snapshot) -> tuple[Workload, ...]:
    """All workloads of the snapshot, ordered by reference."""
    pods = _pods_by_owner(snapshot)
    found = []
    for kind in kinds.CONTROLLERS:
        for resource in snapshot.of(kind):
            if _is_owned(resource):
                continue
            found.append(_from_controller(resource, tuple(pods.pop(resource.ref, ()))))
    for owner, group in pods.items():
        found.append(_from_pods(owner, tuple(group)))
    return tuple(sorted(found, key=lambda w: w.ref))


def _pods_by_owner(snapshot: Snapshot) -> dict[Ref, list[Resource]]:
    """Pods by the top of their owners, which is looked for once for all pods of the same one."""
    found: dict[Ref, list[Resource]] = {}
    known: dict[tuple[Ref, str], Ref] = {}
    for pod in snapshot.of(kinds.POD):
        owner = _controller(pod) or pod.ref
        key = owner, pod.labels.get(names.POD_TEMPLATE_HASH, "")
        top = known.get(key) or _top_owner(snapshot, pod)
        if top != pod.ref:  # owners in a circle: then each pod is its own
            known[key] = top
        found.setdefault(top, []).append(pod)
    return found


def _from_controller(resource: Resource, pods: tuple[Resource, ...]) -> Workload:
    path = "spec.template"
    template = resource.spec.get("template") or {}
    if resource.ref.group_kind == kinds.CRON_JOB:
        path = "spec.jobTemplate.spec.template"
        template = ((resource.spec.get("jobTemplate") or {}).get("spec") or {}).get(
            "template"
        ) or {}
    if not template and pods:  # a Rollout with workloadRef, or a dump without templates
        template, path = pods[0].body, ""
    return Workload(
        resource.ref, resource, template, path, _replicas(resource), pods,
        _role(resource.ref, template),
    )  # fmt: skip


def _from_pods(owner: Ref, pods: tuple[Resource, ...]) -> Workload:
    first = pods[0]
    return Workload(owner, first, first.body, "", len(pods), pods, _role(owner, first.body))


def _replicas(resource: Resource) -> int | None:
    match resource.ref.group_kind:
        case kinds.DEPLOYMENT | kinds.STATEFUL_SET | kinds.REPLICA_SET | kinds.ROLLOUT:
            replicas = resource.spec.get("replicas")
            return 1 if replicas is None else int(replicas)
        case kinds.JOB:
            return int(resource.spec.get("parallelism", 1))
        case _:
            return None


def _role(ref: Ref, template: Mapping[str, Any]) -> Role:
    meta = template.get("metadata") or {}
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    if labels.get(names.GATEWAY_CLASS_NAME) == names.WAYPOINT_CLASS:
        return Role.WAYPOINT
    if is_gateway_pod(labels, annotations, template.get("spec") or {}):
        return Role.GATEWAY
    app = labels.get("app") or labels.get("k8s-app")
    if app in {"istiod", "ztunnel", "istio-cni-node", "istio-cni"} or ref.name == "istio-cni-node":
        return Role.CONTROL_PLANE
    return Role.APP


def is_gateway_pod(
    labels: Mapping[str, str], annotations: Mapping[str, str], spec: Mapping[str, Any]
) -> bool:
    """Whether the pod is an Istio gateway: a managed one, an injected one, or one of the old charts.

    The label `istio: ingressgateway|egressgateway` is the charts' own (manifests/charts/gateways).
    """
    if names.GATEWAY_NAME in labels:
        return True
    if "gateway" in annotations.get(names.TEMPLATES, "").split(","):
        return True
    if labels.get("istio") in {"ingressgateway", "egressgateway", "eastwestgateway"}:
        return True
    return any(
        list(c.get("args") or ())[:2] == ["proxy", "router"] for c in spec.get("containers") or ()
    )


def _controller(resource: Resource) -> Ref | None:
    for owner in resource.metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            return Ref(group, owner["kind"], resource.namespace, owner["name"])
    return None


def _is_owned(resource: Resource) -> bool:
    """A controller that another one makes is no workload of its own; one that an operator makes is."""
    owner = _controller(resource)
    return owner is not None and owner.group_kind in kinds.CONTROLLERS


def _top_owner(snapshot: Snapshot, pod: Resource) -> Ref:
    """Follow controllers upwards; a ReplicaSet that is not there is named by its pods' hash label.

    Above the last controller may be an operator's own resource, which has no pod template.
    """
    at = pod
    for _ in range(_MAX_OWNERS):
        owner = _controller(at)
        made_by_operator = at is not pod and owner and owner.group_kind not in kinds.CONTROLLERS
        if owner is None or made_by_operator:
            return at.ref
        found = snapshot.get(owner)
        if found is None:
            return _beyond(snapshot, owner, pod)
        at = found
    return pod.ref


def _beyond(snapshot: Snapshot, owner: Ref, pod: Resource) -> Ref:
    suffix = "-" + pod.labels.get(names.POD_TEMPLATE_HASH, "")
    if owner.group_kind == kinds.REPLICA_SET and owner.name.endswith(suffix) and suffix != "-":
        parent = owner.name.removesuffix(suffix)
        for kind in (kinds.ROLLOUT, kinds.DEPLOYMENT):
            ref = Ref(kind.group, kind.kind, owner.namespace, parent)
            if snapshot.get(ref) is not None:
                return ref
        return Ref(kinds.DEPLOYMENT.group, kinds.DEPLOYMENT.kind, owner.namespace, parent)
    return owner
