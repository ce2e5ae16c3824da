"""Readiness of an Argo Rollout: its own `status.phase` (argoproj/argo-rollouts pkg/apis/rollouts)."""

from migrator.model.resource import Ref
from migrator.model.verdict import Verdict
from migrator.ports import Body

from .bodies import generation, observed, spec_of, status_of


def rollout(ref: Ref, body: Body) -> Verdict:
    """Argo writes the observed generation as text; versions before 1.0 write a hash, which says nothing."""
    status, phase = status_of(body), str(status_of(body).get("phase") or "")
    seen = str(status.get("observedGeneration") or "0")
    says = f"{ref}: status.phase is {phase or 'absent'}"
    if status.get("message"):
        says += f" ({status['message']})"
    if spec_of(body).get("paused"):
        return Verdict.failed(f"{ref}: spec.paused is true, its pods are not replaced; unpause it")
    if seen.isdecimal() and observed(status) < generation(body):
        return Verdict.waiting(
            f"{ref}: status.observedGeneration is {seen}; {generation(body)} is awaited"
        )
    if status.get("abort") or phase == "Degraded":
        return Verdict.failed(f"{says}: the rollout was aborted, or does not progress")
    if phase == "Paused":
        return Verdict.waiting(f"{says}: a person, or an analysis, must promote it")
    return _settled(ref, body, says)


def _settled(ref: Ref, body: Body, says: str) -> Verdict:
    status = status_of(body)
    if status.get("phase") != "Healthy":
        return Verdict.waiting(f"{says}; Healthy is awaited")
    stable, current = status.get("stableRS"), status.get("currentPodHash")
    if stable != current:
        return Verdict.waiting(f"{ref}: status.stableRS is {stable}; {current} is awaited")
    return Verdict.done(says)
