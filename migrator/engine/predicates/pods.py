"""The pods that a check judges: of the workload's current template, neither ending nor ended."""

from collections.abc import Callable
from dataclasses import dataclass

from migrator.engine.pods import running_pods
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import Ref
from migrator.model.verdict import Verdict
from migrator.ports import Body, ClusterReader

from .bodies import (
    annotations_of,
    generation,
    gone,
    is_ending,
    labels_of,
    observed,
    pod_ref,
    status_of,
    together,
)
from .rolled_out import wanted_replicas

_REVISION = "deployment.kubernetes.io/revision"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_ENDED = frozenset({"Succeeded", "Failed"})
_REPLICATED = frozenset({kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.REPLICA_SET, kinds.ROLLOUT})
_REVISIONED = frozenset({kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.ROLLOUT})


@dataclass(frozen=True, slots=True)
class Pods:
    """`settled`: a controller made them all from the current template, so what is wrong in them stays."""

    ref: Ref
    pods: tuple[Body, ...]
    wanted: int | None
    settled: bool


Judge = Callable[[Body, bool], Verdict]


def every(cluster: ClusterReader, ref: Ref, judge: Judge, done: str) -> Verdict:
    """`judge` of each pod and of whether pods are settled; `done` says what all of them have."""
    found = current(cluster, ref)
    if isinstance(found, Verdict):
        return found
    number = len(found.pods)
    if not found.wanted and not number:
        return _none(found)
    verdicts = [judge(pod, found.settled) for pod in found.pods]
    if number < (found.wanted or 0):
        verdicts.append(
            Verdict.waiting(f"{ref}: {number} of {found.wanted} pods are there; all are awaited")
        )
    return together(verdicts, f"{ref}: {number} of {number} pods {done}")


def current(cluster: ClusterReader, ref: Ref) -> Pods | Verdict:
    """The workload's pods, or why they cannot be told yet, or any more."""
    body = cluster.get(ref)
    if body is None and ref.group_kind == kinds.POD:
        return Verdict.waiting(f"{ref} is not there; a person must create it again")
    if body is None and ref.group_kind in kinds.CONTROLLERS:
        return gone(ref)
    settled = body is not None and ref.group_kind in _REVISIONED
    if body is not None and settled and observed(status_of(body)) < _numbered(body):
        return Verdict.waiting(
            f"{ref}: status.observedGeneration is {observed(status_of(body))}; {generation(body)} is awaited"
        )
    belongs = _of_template(cluster, ref, body) if body is not None and settled else _any
    pods = tuple(pod for pod in live(cluster, ref) if belongs(pod))
    return Pods(ref, pods, _wanted(ref, body), settled)


def live(cluster: ClusterReader, ref: Ref) -> tuple[Body, ...]:
    """Every pod of the workload that carries traffic, or will."""
    return tuple(
        pod
        for pod in running_pods(cluster, ref)
        if not is_ending(pod) and status_of(pod).get("phase") not in _ENDED
    )


def has_sidecar(pod: Body) -> bool:
    return names.SIDECAR_STATUS in annotations_of(pod)


def tell(pod: Body, *, holds: bool, says: str, awaited: str) -> Verdict:
    """What is seen of one pod; when it does not hold yet, what is awaited."""
    if holds:
        return Verdict.done(f"{pod_ref(pod)}: {says}")
    return Verdict.waiting(f"{pod_ref(pod)}: {says}; {awaited} is awaited")


def _none(found: Pods) -> Verdict:
    if found.wanted is None and found.ref.group_kind not in {kinds.CRON_JOB, kinds.JOB}:
        return Verdict.waiting(f"{found.ref} has no pods; a person must create them again")
    return Verdict.done(f"{found.ref} wants no pods now, and has none")


def _wanted(ref: Ref, body: Body | None) -> int | None:
    if body is None:
        return None
    if ref.group_kind in _REPLICATED:
        return wanted_replicas(body)
    if ref.group_kind == kinds.DAEMON_SET:
        return int(status_of(body).get("desiredNumberScheduled") or 0)
    return 1 if ref.group_kind == kinds.POD else None


def _numbered(body: Body) -> int:
    """The generation to wait for; Rollouts of old versions observe a hash, which says nothing."""
    seen = str(status_of(body).get("observedGeneration") or "0")
    return generation(body) if seen.isdecimal() else 0


def _any(_: Body) -> bool:
    return True


def _of_template(cluster: ClusterReader, ref: Ref, body: Body) -> Callable[[Body], bool]:
    """Whether a pod is of the current template, by the label that its controller writes.

    Without the mark that names the current template every pod counts.
    """
    if ref.group_kind == kinds.DEPLOYMENT:
        key, value = names.POD_TEMPLATE_HASH, _newest_hash(cluster, ref, body)
    elif ref.group_kind == kinds.STATEFUL_SET:
        key, value = "controller-revision-hash", status_of(body).get("updateRevision")
    elif ref.group_kind == kinds.DAEMON_SET:
        key, value = "pod-template-generation", annotations_of(body).get(_TEMPLATE_GENERATION)
    else:
        key, value = "rollouts-pod-template-hash", status_of(body).get("currentPodHash")
    return (lambda pod: labels_of(pod).get(key) == value) if value else _any


def _newest_hash(cluster: ClusterReader, ref: Ref, body: Body) -> str | None:
    """Of the ReplicaSet with the Deployment's own revision number."""
    wanted = annotations_of(body).get(_REVISION)
    for candidate in cluster.list(kinds.REPLICA_SET, ref.namespace):
        owners = candidate["metadata"].get("ownerReferences") or ()
        mine = any(o.get("kind") == ref.kind and o.get("name") == ref.name for o in owners)
        if mine and wanted and annotations_of(candidate).get(_REVISION) == wanted:
            return labels_of(candidate).get(names.POD_TEMPLATE_HASH)
    return None
