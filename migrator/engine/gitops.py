"""Objects whose owner is a repository: the change is shown, committed by a person, and waited for.

Restarts are not changes of what the repository says: Argo CD's own restart action writes the same
annotation (argoproj/argo-cd resource_customizations/apps/Deployment/actions/restart), and Flux keeps it
(fluxcd/pkg ssa, manager.go: fields of others stay).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from migrator.errors import ConflictError, ForbiddenError, NotFoundError, StepFailedError
from migrator.istio import ownership
from migrator.model import writes as fields
from migrator.model.news import Question, Topic
from migrator.model.resource import Ref, Resource
from migrator.ports import Body
from migrator.steps import AnyStep, RestartWorkload, Target

from .run import POLL_SECONDS, Run

_SECONDS = 3600


def owner(live: Body | None) -> str:
    """Who would put our change back: an Argo CD Application, or an object of Flux; empty for nobody."""
    if live is None:
        return ""
    meta = live.get("metadata") or {}
    ref = Ref("", str(live.get("kind", "")), meta.get("namespace", ""), meta.get("name", ""))
    resource = Resource(ref, live)
    mark = ownership.argocd(resource, {}) or ownership.flux(resource)
    return mark.owner if mark else ""


def before(step: AnyStep, live: Body | None, writes: tuple[fields.Write, ...]) -> Body | None:
    """The object as it was: what is owned may have been committed ahead of the step that asks for it."""
    whole = live or (writes[0].old if not writes[0].path else None)
    if not is_committed(step) or not owner(whole):
        return live
    early = [w for w in writes if not w.any_old and fields.holds(live, (w,))]
    return fields.written(live, [fields.Write(path=w.path, value=w.old) for w in early])


class Commit(NamedTuple):
    """A change of one object that a person makes in the repository; it can be shown as a step can."""

    step: str
    target: Target
    changes: tuple[fields.Write, ...]
    why: str

    def writes(self, stamp: str) -> tuple[fields.Write, ...]:  # noqa: ARG002
        return self.changes

    def pod_labels(self) -> Mapping[str, str | None]:
        return {}

    def summary(self) -> str:
        return f"commit a change of {self.target}"


def is_committed(step: AnyStep) -> bool:
    """Nobody commits the time of a restart, and both tools leave that annotation alone."""
    return not isinstance(step, RestartWorkload)


def by_commit(run: Run, commit: Commit, owner_name: str) -> None:
    """Wait until the cluster shows the change. Raises StepFailedError when nobody made it in an hour."""
    begin = run.clock.now()
    says = f"{commit.target} belongs to {owner_name}: commit this change there"
    asked = False
    while not fields.holds(run.cluster.get(commit.target.ref), commit.changes):
        question = Question("instruction", commit.step, says, commit.why, commit)
        waited = (run.clock.now() - begin).total_seconds()
        if waited > _SECONDS or not (asked or run.watcher.ask(question)):
            raise StepFailedError(
                f"{commit.step}: {says}",
                detail="The object is not patched behind its owner's back: the owner would put it back.",
                hint="migrate export PLAN FOLDER",
            )
        asked = True
        _leave_to_owner(run, commit.target.ref)
        run.tell(Topic.WAITING, commit.step, f"{owner_name} to sync the change", waited)
        run.keep_lock()
        run.clock.sleep(POLL_SECONDS)


def _leave_to_owner(run: Run, ref: Ref) -> None:
    """What this tool made and a repository took over stays ours as well: no field of it would ever go."""
    with suppress(ConflictError, ForbiddenError, NotFoundError):
        run.cluster.release(ref)
