"""Objects whose owner is a repository: the change is shown, committed by a person, and waited for."""

from migrator.errors import StepFailedError
from migrator.istio import ownership
from migrator.model import writes as fields
from migrator.model.news import Question, Topic
from migrator.model.resource import Ref, Resource
from migrator.ports import Body
from migrator.steps import AnyStep

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


def by_commit(run: Run, step: AnyStep, owner_name: str, writes: tuple[fields.Write, ...]) -> None:
    """Wait until the cluster shows the change. Raises StepFailedError when nobody made it in an hour."""
    begin = run.clock.now()
    asked = False
    while not fields.holds(run.cluster.get(step.target.ref), writes):
        says = f"{step.target} belongs to {owner_name}: commit this change there"
        if not asked:
            asked = True
            if not run.watcher.ask(Question("instruction", step.id, says, step.why, step)):
                raise _not_committed(step, says)
        waited = (run.clock.now() - begin).total_seconds()
        if waited > _SECONDS:
            raise _not_committed(step, says)
        run.tell(Topic.WAITING, step.id, f"{owner_name} to sync the change", waited)
        run.keep_lock()
        run.clock.sleep(POLL_SECONDS)


def _not_committed(step: AnyStep, says: str) -> StepFailedError:
    return StepFailedError(
        f"{step.id}: {says}",
        detail="The object is not patched behind its owner's back: the owner would put it back.",
        hint="migrate export PLAN FOLDER",
    )
