"""What ends a wave at once, whatever its checks say: signs that traffic is being lost now."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from migrator.errors import ForbiddenError
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import GroupKind, Ref
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check, SetLabels

from . import agents
from .binding import BOUND, waypoint_of
from .bodies import condition, listed, pod_ref, ref_of, spec_of, status_of, words
from .data_plane import PENDING, redirection
from .pods import live
from .waypoint import deployments

_EVENT = GroupKind("", "Event")
_CNI = "istio-cni"  # in the words of cni/pkg/plugin/plugin.go, which the kubelet quotes
_MAKERS = frozenset({*kinds.CONTROLLERS, kinds.POD})


def triggers(wave_steps: Sequence[AnyStep], cluster: ClusterReader) -> tuple[str, ...]:
    """Every reason to stop; none of them is something that a step of the wave may pass through."""
    return tuple(reason for sign in SIGNS for reason in sign(wave_steps, cluster))


def waypoints_lost(bound: Iterable[SetLabels], cluster: ClusterReader) -> Iterator[str]:
    """Waypoints that steps have bound something to, without a replica that serves."""
    used = {
        Ref(
            *kinds.GATEWAY,
            step.labels.get(names.USE_WAYPOINT_NAMESPACE)
            or step.target.namespace
            or step.target.name,
            waypoint,
        )
        for step in bound
        if (waypoint := step.labels.get(names.USE_WAYPOINT)) not in {None, "none"}
    }
    yield from _without_replicas(used, cluster)


def pending(wave_steps: Sequence[AnyStep], cluster: ClusterReader) -> tuple[Ref, ...]:
    """Pods whose traffic stands still now; for how long, only who asks repeatedly can tell."""
    return tuple(
        pod_ref(pod)
        for ref in _workloads(wave_steps)
        for pod in live(cluster, ref)
        if redirection(pod) == PENDING
    )


def _agents(wave_steps: Sequence[AnyStep], cluster: ClusterReader) -> Iterator[str]:
    """An agent that the wave does without, or waits for itself, is not missing."""
    if any(_asks_for_agents(step.after) for step in wave_steps):
        return
    needed = any(_asks_for_agents(step.before) for step in wave_steps)
    found = agents.look(cluster)
    for agent, nodes in found.missing.items():
        if nodes and (needed or agent in found.present):
            yield f"{agent} has no Ready pod on {listed(nodes)}"


def _asks_for_agents(checks: Sequence[Check]) -> bool:
    return any(check.predicate == "nodes-ready" for check in checks)


def _waypoints(wave_steps: Sequence[AnyStep], cluster: ClusterReader) -> Iterator[str]:
    used: set[Ref] = set()
    for ref, service in _services(wave_steps, cluster):
        waypoint = waypoint_of(ref, service, cluster)
        if waypoint is None:
            continue
        used.add(waypoint)
        found = condition(service, BOUND)
        if found.get("status") == "False":
            yield (
                f"{ref}: condition {BOUND} is {words(found)}: ambient callers go past the waypoint"
            )
    yield from _without_replicas(used, cluster)


def _without_replicas(waypoints: Iterable[Ref], cluster: ClusterReader) -> Iterator[str]:
    for waypoint in sorted(waypoints):
        for deployment in deployments(waypoint, cluster):
            if not status_of(deployment).get("availableReplicas"):
                ref = ref_of(deployment, kinds.DEPLOYMENT)
                yield f"{ref}: status.availableReplicas is 0: calls through the waypoint fail"


def _sandboxes(wave_steps: Sequence[AnyStep], cluster: ClusterReader) -> Iterator[str]:
    """Events outlive what they tell of by an hour, so only those of pods that still do not run count."""
    starting = {
        str(pod["metadata"].get("uid", "")): pod
        for ref in _workloads(wave_steps)
        for pod in live(cluster, ref)
        if status_of(pod).get("phase") == "Pending"
    }
    said: set[str] = set()
    for namespace in sorted({pod["metadata"].get("namespace", "") for pod in starting.values()}):
        for event in _events(cluster, namespace):
            uid = str((event.get("involvedObject") or {}).get("uid", ""))
            message = str(event.get("message", ""))
            if uid in starting and uid not in said and _CNI in message:
                said.add(uid)
                yield f"{pod_ref(starting[uid])} cannot start: {event.get('reason')}: {message}"


def _events(cluster: ClusterReader, namespace: str) -> Sequence[Body]:
    """Who may not read Events learns of it later: pods that do not start fail their own checks."""
    try:
        return cluster.list(_EVENT, namespace)
    except ForbiddenError:
        return ()


def _workloads(wave_steps: Sequence[AnyStep]) -> tuple[Ref, ...]:
    found = {step.target.ref for step in wave_steps if step.target.ref.group_kind in _MAKERS}
    return tuple(sorted(found))


def _services(wave_steps: Sequence[AnyStep], cluster: ClusterReader) -> Iterator[tuple[Ref, Body]]:
    """Those that the wave labels, and those in front of the workloads that it moves."""
    named = {step.target.ref for step in wave_steps}
    templates: dict[str, list[Mapping[str, str]]] = {}
    for ref in _workloads(wave_steps):
        templates.setdefault(ref.namespace, []).append(_template_labels(cluster.get(ref)))
    spaces = {ref.namespace for ref in named if ref.group_kind == kinds.SERVICE} | set(templates)
    for namespace in sorted(spaces):
        for service in cluster.list(kinds.SERVICE, namespace):
            ref = ref_of(service, kinds.SERVICE)
            selector = spec_of(service).get("selector") or {}
            fronts = selector and any(
                selector.items() <= labels.items() for labels in templates.get(namespace, ())
            )
            if ref in named or fronts:
                yield ref, service


def _template_labels(body: Body | None) -> Mapping[str, str]:
    """Of what the workload makes; a Pod is its own template."""
    if body is None:
        return {}
    template: Any = spec_of(body).get("template") or body
    return dict((template.get("metadata") or {}).get("labels") or {})


Sign = Callable[[Sequence[AnyStep], ClusterReader], Iterator[str]]
SIGNS: tuple[Sign, ...] = (_agents, _waypoints, _sandboxes)  # each may be refused by itself
