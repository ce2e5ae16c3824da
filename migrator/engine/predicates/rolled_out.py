"""Readiness by kind: the controller has seen the newest spec, and only pods of it are left, available.

The order of questions is that of `kubectl rollout status` (k8s.io/kubectl pkg/polymorphichelpers), which
asks for the observed generation first: before that a status speaks of the template before.
"""

from collections.abc import Callable

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.model.verdict import Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check

from .argo import rollout
from .bodies import (
    condition,
    generation,
    gone,
    holds,
    is_ending,
    observed,
    spec_of,
    status_of,
    subject,
    words,
)


def rolled_out(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    ref = subject(check, step)
    body = cluster.get(ref)
    if body is None:
        return gone(ref)
    return readiness(ref, body)


def readiness(ref: Ref, body: Body) -> Verdict:
    """Whether the controller has finished what the newest spec asks for."""
    if is_ending(body):
        return Verdict.failed(f"{ref} is being deleted: metadata.deletionTimestamp is set")
    kind = _KINDS.get(ref.group_kind)
    if kind is None:
        return Verdict.failed(f"{ref}: how a {ref.group_kind} rolls is not known")
    return kind(ref, body)


def wanted_replicas(body: Body) -> int:
    """`spec.replicas`; the API server's default is one."""
    replicas = spec_of(body).get("replicas")
    return 1 if replicas is None else int(replicas)


def _deployment(ref: Ref, body: Body) -> Verdict:
    if spec_of(body).get("paused"):
        return Verdict.failed(f"{ref}: spec.paused is true, its pods are not replaced; unpause it")
    if unseen := _unseen(ref, body):
        return unseen
    progressing = condition(body, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Verdict.failed(f"{ref}: condition Progressing is {words(progressing)}")
    return _replaced(ref, body)


def _replaced(ref: Ref, body: Body) -> Verdict:
    wanted, status = wanted_replicas(body), status_of(body)
    updated = int(status.get("updatedReplicas") or 0)
    old = int(status.get("replicas") or 0) - updated
    if holds(body, "ReplicaFailure"):
        refused = words(condition(body, "ReplicaFailure"))
        return Verdict.waiting(f"{ref}: pods are refused: condition ReplicaFailure is {refused}")
    if short := _short(ref, "updatedReplicas", updated, wanted):
        return short
    if old > 0:
        return Verdict.waiting(
            f"{ref}: pods of the old template that are left: {old}; none is awaited"
        )
    return _available(ref, body, wanted)


def _stateful_set(ref: Ref, body: Body) -> Verdict:
    if unseen := _unseen(ref, body):
        return unseen
    wanted, status = wanted_replicas(body), status_of(body)
    strategy = spec_of(body).get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    updated = int(status.get("updatedReplicas") or 0)
    if updated < wanted and strategy.get("type") == "OnDelete":
        return _by_hand(ref, updated, wanted)
    if updated < wanted and partition:
        return Verdict.failed(
            f"{ref}: spec.updateStrategy.rollingUpdate.partition is {partition}, so the pods below that "
            "ordinal keep the old template; set it to 0"
        )
    if short := _short(ref, "updatedReplicas", updated, wanted):
        return short
    current, update = status.get("currentRevision"), status.get("updateRevision")
    if current != update and strategy.get("type") != "OnDelete" and not partition:
        return Verdict.waiting(
            f"{ref}: status.currentRevision is {current}; {update}, the updateRevision, is awaited"
        )
    return _available(ref, body, wanted)


def _daemon_set(ref: Ref, body: Body) -> Verdict:
    if unseen := _unseen(ref, body):
        return unseen
    status = status_of(body)
    wanted = int(status.get("desiredNumberScheduled") or 0)
    updated = int(status.get("updatedNumberScheduled") or 0)
    available = int(status.get("numberAvailable") or 0)
    strategy = spec_of(body).get("updateStrategy") or {}
    if updated < wanted and strategy.get("type") == "OnDelete":
        return _by_hand(ref, updated, wanted)
    return (
        _short(ref, "updatedNumberScheduled", updated, wanted)
        or _short(ref, "numberAvailable", available, wanted)
        or Verdict.done(f"{ref}: {available} of {wanted} pods are updated and available")
    )


def _replica_set(ref: Ref, body: Body) -> Verdict:
    return _unseen(ref, body) or _available(ref, body, wanted_replicas(body))


def _cron_job(ref: Ref, body: Body) -> Verdict:  # noqa: ARG001  all kinds are asked alike
    return Verdict.done(f"{ref}: nothing to roll; its next Jobs take the template")


def _job(ref: Ref, body: Body) -> Verdict:
    if holds(body, "Failed"):
        return Verdict.failed(f"{ref}: condition Failed is {words(condition(body, 'Failed'))}")
    return Verdict.done(f"{ref}: nothing to roll; a Job's pods are never replaced")


def _pod(ref: Ref, body: Body) -> Verdict:
    phase = status_of(body).get("phase")
    if phase in {"Failed", "Succeeded"}:
        return Verdict.failed(f"{ref}: status.phase is {phase}; nothing starts it again")
    if holds(body, "Ready"):
        return Verdict.done(f"{ref}: condition Ready is True")
    ready = words(condition(body, "Ready"))
    return Verdict.waiting(f"{ref}: condition Ready is {ready}; True is awaited")


def _unseen(ref: Ref, body: Body) -> Verdict | None:
    wanted, seen = generation(body), observed(status_of(body))
    if seen >= wanted:
        return None
    return Verdict.waiting(f"{ref}: status.observedGeneration is {seen}; {wanted} is awaited")


def _short(ref: Ref, field: str, found: int, wanted: int) -> Verdict | None:
    if found >= wanted:
        return None
    return Verdict.waiting(f"{ref}: status.{field} is {found}; {wanted} is awaited")


def _available(ref: Ref, body: Body, wanted: int) -> Verdict:
    available = int(status_of(body).get("availableReplicas") or 0)
    if short := _short(ref, "availableReplicas", available, wanted):
        return short
    if not wanted:
        return Verdict.done(f"{ref}: spec.replicas is 0, so there is nothing to roll")
    return Verdict.done(f"{ref}: {wanted} of {wanted} replicas are updated and available")


def _by_hand(ref: Ref, updated: int, wanted: int) -> Verdict:
    return Verdict.waiting(
        f"{ref}: updateStrategy is OnDelete, and {updated} of {wanted} pods have the new template; a person "
        "must delete the others, one after the other"
    )


_KINDS: dict[GroupKind, Callable[[Ref, Body], Verdict]] = {
    kinds.DEPLOYMENT: _deployment,
    kinds.STATEFUL_SET: _stateful_set,
    kinds.DAEMON_SET: _daemon_set,
    kinds.ROLLOUT: rollout,
    kinds.REPLICA_SET: _replica_set,
    kinds.CRON_JOB: _cron_job,
    kinds.JOB: _job,
    kinds.POD: _pod,
}
