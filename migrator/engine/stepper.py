"""One step, forwards and back: capture, apply, verify; undo, verify. The same for every kind."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from migrator.errors import ConflictError, DriftError, StepFailedError, UnknownOutcomeError
from migrator.istio import kinds
from migrator.model import writes as fields
from migrator.model.journal import Event, FieldImage, Image
from migrator.model.mergepatch import difference
from migrator.model.news import Question, Topic
from migrator.model.resource import Ref
from migrator.model.verdict import State
from migrator.planner.outlook.undo import Undo
from migrator.planner.phases import checks
from migrator.planner.plan import Plan
from migrator.ports import Body, Cluster
from migrator.steps import AnyStep, Check, Disruption, Person

from . import gitops
from .pods import running_pods
from .run import Run

_TRIES = 5
# The API server asks webhooks by labels of a namespace that it caches: a pod that is made at once after a
# change could be judged by the old ones (k8s.io/apiserver pkg/admission/plugin/webhook/predicates/namespace)
_SETTLE_SECONDS = 1.0


def do(run: Run, step: AnyStep) -> None:
    """Bring `step` to verified, from wherever the last run left it.

    Raises StepFailedError (a check does not hold), DriftError (somebody else changed a field that the
    step is about), LockHeldError, or ClusterError.
    """
    state = run.progress.of(step.id)
    seen: Seen | None = None
    if state.standing in {"pending", "undoing"}:
        run.wait(step.before, step)
        run.lock.keep()
        seen = capture(run, step)
    if run.progress.of(step.id).standing == "captured":
        _apply(run, step, seen)
        if step.disruption is Disruption.RESTART:
            run.note(Event.APPLIED, step.id)
    if isinstance(step, Person):
        _instruct(run, step)
    run.wait(step.after, step)
    run.note(Event.VERIFIED, step.id)
    run.tell(Topic.VERIFIED, step.id)


class Seen(NamedTuple):
    """A target as it was read a moment ago: a change made from it fails if it is not so any more."""

    body: Body | None


def capture(run: Run, step: AnyStep) -> Seen | None:
    """Make the before-image durable. It is taken once for one attempt. Returns what it was taken of."""
    stamp = run.stamp()
    writes = step.writes(stamp)
    images: list[Image] = []
    seen: Seen | None = None
    if writes:
        live = run.cluster.get(step.target.ref)
        seen = Seen(live)
        _refuse_drift(step, live, stamp)
        before = gitops.before(step, live, writes)
        images.append(_image(step.target.ref, live, fields.image(before, writes)))
    images.extend(
        _image(pod, body, fields.image(body, _label_writes(step)))
        for pod, body in _pods(run.cluster, step)
    )
    run.note(Event.CAPTURED, step.id, stamp=stamp, images=tuple(images))
    return seen


def undo(run: Run, task: Undo) -> None:
    """Put back what `task` names of a step, and see that it holds.

    Raises DriftError when a field is neither what the step wrote nor what was there before.
    """
    step, state = task.step, run.progress.of(task.step.id)
    if not state.touched:  # a wait that nobody had come to: it leaves no record now either
        run.wait(undo_checks(step, run.plan), step)
        return
    if state.standing != "undoing":
        run.note(Event.UNDOING, step.id)
    writes = step.writes(state.stamp)
    for image in state.images:
        mine = writes if image.ref == step.target.ref else _label_writes(step)
        _put_back(run, image, mine, task)
    run.wait(undo_checks(step, run.plan) if task.last else (), step)
    if task.last:
        run.note(Event.UNDONE, step.id)
        if state.images:
            run.tell(Topic.UNDONE, step.id, task.says)


def undo_checks(step: AnyStep, plan: Plan) -> Iterator[Check]:
    """What must be seen after an undo: workloads that were rolled have rolled back, with sidecars; ambient
    Jobs that were left to their end have ended.

    Where the plan saw to it that sidecars receive HBONE, they do again: callers that are still ambient
    would otherwise reach them in plain text, which they refuse.
    """
    wanted = {check.predicate for check in step.after}
    if "jobs-done" in wanted:
        yield checks.jobs_left_ambient(step.target.ref)
    if "rolled-out" in wanted:
        yield checks.rolled_out(step.target.ref)
    if "pods-ambient" in wanted:
        yield checks.pods_have_sidecar(step.target.ref)
        hbone = checks.pods_accept_hbone(step.target.ref)
        if any(hbone in other.after for _, _, other in plan.steps()):
            yield hbone


def _apply(run: Run, step: AnyStep, seen: Seen | None) -> None:
    """`seen` is what the before-image was taken of, if that was now."""
    state = run.progress.of(step.id)
    writes = step.writes(state.stamp)
    changed = False
    for pod, body in _pods(run.cluster, step):
        changed |= _change(
            run, pod, lambda live: fields.written(live, _label_writes(step)), Seen(body)
        )
    if writes:
        seen = seen or Seen(run.cluster.get(step.target.ref))
        owner = gitops.owner(seen.body) if gitops.is_committed(step) else ""
        if owner:
            gitops.by_commit(run, gitops.Commit(step.id, step.target, writes, step.why), owner)
        else:
            changed |= _change(
                run, step.target.ref, lambda live: _wanted(step, live, state.stamp), seen
            )
    run.tell(Topic.CHANGED if changed else Topic.HELD, step.id, step.summary())


def _wanted(step: AnyStep, live: Body | None, stamp: str) -> Body | None:
    _refuse_drift(step, live, stamp)
    writes = step.writes(stamp)
    return live if fields.holds(live, writes) else fields.written(live, writes)


def _refuse_drift(step: AnyStep, live: Body | None, stamp: str) -> None:
    writes = step.writes(stamp)
    if live is None and writes and writes[0].path:
        raise _drift(step, f"{step.target} is gone")
    for path, expected, found in fields.foreign(live, writes):
        raise _drift(step, _difference(path, expected, found))


def _put_back(run: Run, image: Image, writes: tuple[fields.Write, ...], task: Undo) -> None:
    chosen = tuple((w, f) for w, f in zip(writes, image.fields, strict=True) if task.covers(w.path))
    ours, before = tuple(w for w, _ in chosen), tuple(f for _, f in chosen)

    def wanted(live: Body | None) -> Body | None:
        if live is None and image.ref.group_kind == kinds.POD and before and before[0].path:
            return None  # a pod that was labelled has been replaced since
        for path, written, found in fields.changed_since(live, ours, before):
            raise _drift(task.step, f"{image.ref}: " + _difference(path, written, found))
        return fields.restored(live, before)

    live = run.cluster.get(image.ref)
    owner = gitops.owner(live or before[0].value) if before and _is_owned(task.step, image) else ""
    if owner:
        wanted(live)
        back = tuple(fields.Write(path=f.path, value=f.value, old=w.value) for w, f in chosen)
        gitops.by_commit(run, gitops.Commit(task.step.id, task.step.target, back, task.says), owner)
    else:
        _change(run, image.ref, wanted, Seen(live))


def _is_owned(step: AnyStep, image: Image) -> bool:
    return image.ref == step.target.ref and gitops.is_committed(step)


def _change(run: Run, ref: Ref, wanted: Callable[[Body | None], Body | None], seen: Seen) -> bool:
    """Bring the object, which was `seen` a moment ago, to what `wanted` makes of it.

    What is there is read again after a foreign write in between, and after a write whose answer was lost;
    and before a deletion, which asks for no version.
    """
    lost: UnknownOutcomeError | None = None
    live, target = seen.body, wanted(seen.body)
    for number in range(_TRIES):
        run.lock.keep()
        if number or target is None:
            live = run.cluster.get(ref)
            target = wanted(live)
        try:
            changed = _write(run.cluster, ref, live, target)
        except ConflictError:
            continue
        except UnknownOutcomeError as error:
            lost = error
            run.clock.sleep(_SETTLE_SECONDS)
            continue
        # not only when `changed`: the run that did it may have been killed a moment ago
        if ref.group_kind == kinds.NAMESPACE:
            run.clock.sleep(_SETTLE_SECONDS)
        return changed or lost is not None
    raise lost or StepFailedError(
        f"{ref} changes faster than it can be written",
        detail=f"{_TRIES} writes in a row met a newer version. Something else keeps writing it.",
    )


def _write(cluster: Cluster, ref: Ref, live: Body | None, target: Body | None) -> bool:
    if live is None:
        if target is not None:
            cluster.create(target)
        return target is not None
    if target is None:
        cluster.delete(ref, uid=str(live["metadata"].get("uid", "")))
        return True
    patch = difference(live, target)
    if patch:
        cluster.patch(ref, patch, version=str(live["metadata"].get("resourceVersion", "")))
    return bool(patch)


def _instruct(run: Run, step: Person) -> None:
    """A person acts; what holds already needs nobody."""
    if step.after and all(run.look(c, step).state is State.DONE for c in step.after):
        return
    question = Question("instruction", step.id, step.title, step.instruction)
    if not run.watcher.ask(question):
        raise StepFailedError(
            f"{step.id}: a person must act: {step.title}", detail=step.instruction
        )


def _pods(cluster: Cluster, step: AnyStep) -> Iterator[tuple[Ref, Body]]:
    if not step.pod_labels():
        return
    for body in running_pods(cluster, step.target.ref):
        meta = body["metadata"]
        yield Ref(*kinds.POD, meta.get("namespace", ""), meta["name"]), body


def _label_writes(step: AnyStep) -> tuple[fields.Write, ...]:
    return tuple(
        fields.Write(path=("metadata", "labels", key), value=value, any_old=True)
        for key, value in step.pod_labels().items()
    )


def _image(ref: Ref, live: Body | None, kept: tuple[FieldImage, ...]) -> Image:
    uid = str((live or {}).get("metadata", {}).get("uid", ""))
    return Image(**ref._asdict(), uid=uid, fields=kept)


def _difference(path: fields.Path, expected: object, found: object) -> str:
    where = ".".join(path) or "the object"
    return f"{where} is {_short(found)}, where {_short(expected)} was expected"


def _short(value: object) -> str:
    text = "absent" if value is None else repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"


def _drift(step: AnyStep, says: str) -> DriftError:
    return DriftError(
        f"{step.id}: somebody else changed {step.target}",
        detail=f"{says}\nNothing was overwritten.",
        hint="migrate diff PLAN",
    )
