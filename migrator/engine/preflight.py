"""What must be true before the first change of a run: permissions, and a dry run of every change.

The dry run goes through the cluster's whole admission chain (quota, PodSecurity, policies, webhooks)
and stores nothing.
"""

from collections.abc import Iterator
from typing import Any

from migrator.errors import ClusterError, ForbiddenError, InvalidError, MigrateError
from migrator.istio import kinds
from migrator.model import writes as fields
from migrator.model.mergepatch import difference
from migrator.model.news import Topic
from migrator.model.resource import GroupKind, Ref
from migrator.planner.plan import Plan
from migrator.ports import Cluster, ClusterReader
from migrator.steps import AnyStep, CreateObject, DeleteObject

from .glance import Glance
from .run import Run

LEASE = GroupKind("coordination.k8s.io", "Lease")


def permissions(plan: Plan) -> tuple[tuple[str, GroupKind, str], ...]:
    """Every verb, kind and namespace that applying `plan`, and rolling it back, needs."""
    root = plan.header.root_namespace
    needed = {(verb, kinds.CONFIG_MAP, root) for verb in ("list", "create", "patch")}
    needed |= {(verb, LEASE, root) for verb in ("get", "create", "patch")}
    for _, _, step in plan.steps():
        needed |= set(_of_step(step))
    return tuple(sorted(needed))


def check_permissions(cluster: Cluster, plan: Plan) -> None:
    """Raises ForbiddenError that names everything that is missing."""
    missing = [
        f"{verb} {kind}" + (f" in {namespace}" if namespace else "")
        for verb, kind, namespace in permissions(plan)
        if not cluster.may(verb, kind, namespace)
    ]
    if missing:
        raise ForbiddenError(
            "Permissions are missing, nothing was changed",
            detail="\n".join(missing),
            hint="migrate permissions apply",
        )


def dry_run(run: Run) -> None:
    """Every change that is still to be made, as the API server would take it now.

    Raises InvalidError that names each step that would be refused, with the API server's words.
    """
    made: dict[Ref, Any] = {}
    glance = Glance(run.cluster)
    refused: list[str] = []
    for _, _, step in run.plan.steps():
        if run.progress.of(step.id).touched:
            _take_as_made(glance, step, made)
            continue
        try:
            _try(run.cluster, glance, step, made)
        except (InvalidError, ForbiddenError) as error:
            refused.append(f"{step.id}: {error.summary} {error.detail}".rstrip())
    if refused:
        raise InvalidError(
            f"{len(refused)} changes would be refused, nothing was changed",
            detail="\n".join(refused),
            hint="migrate diff PLAN",
        )
    run.tell(Topic.NOTE, "preflight", "permissions are complete, and every change passed a dry run")


def others_open(run: Run, others: tuple[str, ...]) -> None:
    """Raises MigrateError when another plan is half way."""
    if others and not run.progress.touched:
        raise MigrateError(
            "Another plan is under way in this cluster",
            detail=f"Its record is of plan {', '.join(others)}: finish it, or roll it back, first.",
            hint="migrate status PLAN",
        )


def _of_step(step: AnyStep) -> Iterator[tuple[str, GroupKind, str]]:
    kind, namespace = step.target.ref.group_kind, step.target.namespace
    if isinstance(step, CreateObject | DeleteObject):
        for verb in ("get", "create", "delete"):
            yield verb, kind, namespace
    elif step.writes(""):
        yield "get", kind, namespace
        yield "patch", kind, namespace
    if step.pod_labels():
        yield "patch", kinds.POD, namespace
    if any(check.predicate.startswith("pods-") for check in step.after):
        yield "list", kinds.POD, namespace


def _try(cluster: Cluster, glance: ClusterReader, step: AnyStep, made: dict[Ref, Any]) -> None:
    """An object that an earlier step makes is tried as it will be, under no name that is taken."""
    ref = step.target.ref
    writes = step.writes("1970-01-01T00:00:00Z")
    if not writes or isinstance(step, DeleteObject):
        return
    live = made.get(ref) or glance.get(ref)
    if live is None and writes[0].path:
        raise InvalidError(f"{step.target} is not there")
    wanted = fields.written(live, writes)
    if live is None or ref in made:
        made[ref] = wanted
        if wanted is not None and glance.get(ref) is None:
            _create(cluster, wanted)
        return
    patch = difference(live, wanted or {})
    if patch:
        cluster.patch(ref, patch, dry_run=True)


def _take_as_made(cluster: ClusterReader, step: AnyStep, made: dict[Ref, Any]) -> None:
    """A step that was stopped between its record and its change will be made before later ones."""
    if isinstance(step, CreateObject) and cluster.get(step.target.ref) is None:
        made[step.target.ref] = step.manifest


def _create(cluster: Cluster, wanted: Any) -> None:
    try:
        cluster.create(wanted, dry_run=True)
    except (ForbiddenError, InvalidError):
        raise
    except ClusterError as error:
        raise InvalidError(error.summary, detail=error.detail) from error
