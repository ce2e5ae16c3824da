"""How one workload leaves its sidecar, by its kind."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.workloads import Workload
from migrator.planner.decisions.layout import Layout
from migrator.steps import (
    AnyStep,
    Disruption,
    PatchTemplate,
    Person,
    RestartWorkload,
    Target,
    WaitForJobs,
)

from . import checks
from .flip import flip_id
from .prepare import step_name

_ROLLS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.ROLLOUT)


def move_steps(layout: Layout, workload: Workload, *, by_label: bool) -> Iterator[AnyStep]:
    """`by_label`: the template asks for ambient itself; else the namespace does, and has done already."""
    kind = workload.ref.group_kind
    if kind in _ROLLS:
        yield _roll(layout, workload, by_label=by_label)
    elif kind == kinds.CRON_JOB:
        patch = _template(layout, workload, by_label=by_label)
        if patch is not None:
            yield patch
        yield _wait(workload)
    elif kind == kinds.JOB:
        yield _wait(workload)
    else:
        yield _recreate(workload, by_label=by_label)


def _roll(layout: Layout, workload: Workload, *, by_label: bool) -> AnyStep:
    patch = _template(layout, workload, by_label=by_label)
    if patch is not None:
        return patch
    return RestartWorkload(
        id=f"move.{step_name(workload.ref)}",
        target=Target.of(workload.ref),
        template_path=workload.template_path,
        why="Its next pods have no sidecar and are enrolled.",
        rules=(),
        requires=(flip_id(workload.namespace),),
        disruption=Disruption.RESTART,
        before=(checks.nodes_ready(),),
        after=(checks.rolled_out(workload.ref), checks.pods_ambient(workload.ref)),
    )


def _template(layout: Layout, workload: Workload, *, by_label: bool) -> PatchTemplate | None:
    """The template's own labels and annotations; None when nothing in it has to change."""
    labels: dict[str, str | None] = {}
    annotations: dict[str, str | None] = {}
    rules: set[str] = set()
    if by_label:
        labels = {names.DATAPLANE_MODE: names.AMBIENT, names.INJECT: "false"}
    elif workload.labels.get(names.INJECT) not in {None, "false"}:
        labels[names.INJECT] = None
        rules.add("AMB303")
    if names.REVISION in workload.labels:
        labels[names.REVISION] = None
        rules.add("AMB303")
    if workload.annotations.get(names.INJECT) not in {None, "false"}:
        annotations[names.INJECT] = None
        rules.add("AMB303")
    if any(workload.ref in {f.subject, *f.affects} for f in layout.found("custom-pod-dns")):
        annotations[names.DNS_CAPTURE] = "false"
        rules.add("AMB330")
    if not labels and not annotations:
        return None
    rolls = workload.ref.group_kind in _ROLLS
    return PatchTemplate(
        id=f"move.{step_name(workload.ref)}",
        target=Target.of(workload.ref),
        template_path=workload.template_path,
        labels=labels,
        annotations=annotations,
        old_labels={key: workload.labels.get(key) for key in labels},
        old_annotations={key: workload.annotations.get(key) for key in annotations},
        why="Its next pods have no sidecar and are enrolled, by labels of their own."
        if by_label
        else "What its template asks for itself would outlast the namespace's label.",
        rules=tuple(sorted(rules)),
        requires=() if by_label else (flip_id(workload.namespace),),
        disruption=Disruption.RESTART if rolls else Disruption.NONE,
        before=(checks.nodes_ready(),),
        after=(checks.rolled_out(workload.ref), checks.pods_ambient(workload.ref)) if rolls else (),
    )


def _wait(workload: Workload) -> WaitForJobs:
    return WaitForJobs(
        id=f"wait.{step_name(workload.ref)}",
        target=Target.of(workload.ref),
        why="Running Jobs keep their sidecar to their end; new ones are ambient.",
        rules=("AMB346",),
        after=(checks.jobs_done(workload.ref),),
    )


def _recreate(workload: Workload, *, by_label: bool) -> Person:
    labels = (
        f", with the labels {names.DATAPLANE_MODE}=ambient and {names.INJECT}=false"
        if by_label
        else ""
    )
    return Person(
        id=f"move.{step_name(workload.ref)}",
        target=Target.of(workload.ref),
        title=f"recreate the pods of {workload.ref}",
        instruction=f"Nothing rolls the pods of {workload.ref}: delete and create them again{labels}.",
        why="A pod keeps its sidecar as long as it lives.",
        rules=("AMB345",),
        disruption=Disruption.RESTART,
        after=(checks.pods_ambient(workload.ref),),
    )
