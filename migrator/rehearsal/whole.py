"""One whole rehearsal: a cluster, the mesh on it, the runs, the report; and the cluster is gone again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from migrator.engine import apply as engine
from migrator.errors import MigrateError
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.meshconfig import ROOT_NAMESPACE
from migrator.istio.pods.dataplane import Mode
from migrator.planner.plan import Plan
from migrator.ports import Clock, Cluster, Watcher

from . import configuring, making
from .adapt import Adapted, adapt
from .faults import Trouble, of_plan
from .matrix import Ability, Matrix, matrix
from .persons import Persons
from .providers import Provider, Throwaway
from .recreate import DECIDING, Recreated, Wish, recreate
from .result import Baseline, FaultReport, Rehearsal
from .run import Jobs, Stage
from .verdict import judge

_READY_SECONDS = 300.0
_NETWORKS = "what NetworkPolicies refuse: nothing here enforces them"


class Subject(NamedTuple):
    """What is rehearsed."""

    mesh: Mesh
    plan: Plan


class Options(NamedTuple):
    """How. `per_class`: calls of one class of callers to one port; `patience`: seconds for a check."""

    wish: Wish = Wish()
    troubles: Sequence[Trouble] = tuple(Trouble)
    patience: int = 120
    per_class: int = 6
    keep: bool = False


class Tools(NamedTuple):
    """What reaches the cluster once it is there."""

    clock: Clock
    watcher: Watcher
    connect: Callable[[Throwaway], Cluster]
    jobs: Callable[[Cluster, Throwaway], Jobs]


@dataclass
class _Rehearsing:
    subject: Subject
    provider: Provider
    tools: Tools
    options: Options
    adapted: Adapted

    def on(self, throwaway: Throwaway) -> Rehearsal:
        begin = self.tools.clock.now()
        recreated = recreate(self.subject.mesh, self.options.wish)
        calls = matrix(self.subject.mesh, self.provider.nature.ability, self.options.per_class)
        cluster = self.tools.connect(throwaway)
        persons = Persons(cluster, self.tools.clock, lambda: self._install(throwaway, cluster))
        if _is_ambient_already(self.subject.mesh):
            self._install(throwaway, cluster)
        configuring.configure(cluster, self.subject.mesh)
        made = making.make(cluster, recreated, persons)
        waiting = making.wait(cluster, self.tools.clock, recreated.namespaces, _READY_SECONDS)
        if waiting:
            raise MigrateError("the mesh does not run on the throw-away cluster", detail=waiting)
        stage = Stage(
            throwaway, self.tools.clock, self.tools.watcher, persons,
            self.tools.jobs(cluster, throwaway), self.adapted.plan, self.options.patience,
            calls.calls, recreated.namespaces,
        )  # fmt: skip
        stage.baseline()
        faults, missing = of_plan(self.subject.plan, self.options.troubles, stage.ledger.needed())
        reports = []
        for fault in faults:
            reports.append(stage.meet(fault))
            if not reports[-1].rolled_back:
                break
        else:
            stage.walk()
        left = (
            *made.refused,
            *_left_out(recreated, calls),
            *([_NETWORKS] if _unenforced(self.subject.mesh, self.provider.nature.ability) else []),
            *missing,
            *configuring.differences(self.subject.mesh),
        )
        seconds = (self.tools.clock.now() - begin).total_seconds()
        return self._report(throwaway, stage, reports, _Sides(left, made.deciding, seconds))

    def _install(self, throwaway: Throwaway, cluster: Cluster) -> None:
        """Installing writes Istio's own configuration anew."""
        throwaway.install_ambient()
        configuring.configure(cluster, self.subject.mesh)

    def _report(
        self, throwaway: Throwaway, stage: Stage, faults: Sequence[FaultReport], sides: "_Sides"
    ) -> Rehearsal:
        ledger = stage.ledger
        unsure = [f"not there, and it decides about calls: {one}" for one in sides.deciding]
        unsure += ledger.missed()
        unsure += _cannot_show(ledger.baseline(), self.subject.mesh, self.provider.nature.ability)
        verdict, reasons = judge(ledger, faults, stage.problems, unsure)
        header = self.subject.plan.header
        return Rehearsal(
            verdict=verdict,
            reasons=reasons,
            provider=self.provider.name,
            istio=throwaway.istio,
            istio_of_plan=header.istio,
            snapshot=header.snapshot,
            baseline=ledger.baseline(),
            samples=ledger.samples,
            simulated_samples=ledger.simulated,
            faults=tuple(faults),
            steps=tuple(stage.last.steps) if stage.last else (),
            incidents=ledger.incidents(),
            adapted=self.adapted.changes,
            proven=self.provider.nature.proven,
            simulated=self.provider.nature.simulated,
            left_out=sides.left_out,
            seconds=sides.seconds,
        )


class _Sides(NamedTuple):
    left_out: tuple[str, ...]
    deciding: tuple[str, ...]
    seconds: float


def rehearse(subject: Subject, provider: Provider, tools: Tools, options: Options) -> Rehearsal:
    """Raises BlockedPlanError before anything is made, and MigrateError when there is no verdict.

    The cluster is deleted whatever happens, unless it is to be kept.
    """
    adapted = adapt(subject.plan, options.patience)
    engine.refuse_blocked(adapted.plan)
    _refuse_impossible(subject, provider.nature.ability)
    throwaway = provider.create(subject.plan.header.istio)
    try:
        return _Rehearsing(subject, provider, tools, options, adapted).on(throwaway)
    finally:
        throwaway.traffic.stop()
        if not options.keep:
            throwaway.delete()


def _refuse_impossible(subject: Subject, ability: Ability) -> None:
    if not subject.plan.steps():
        raise MigrateError("there is nothing to rehearse: the plan has no steps")
    targets = {step.target.ref for _, _, step in subject.plan.steps()}
    rolling = sorted(str(ref) for ref in targets if ref.group_kind == kinds.ROLLOUT)
    if rolling and not ability.rollouts:
        raise MigrateError(
            "the plan moves Rollouts, and nobody rolls them out on such a cluster",
            detail=", ".join(rolling),
            hint="--provider context takes one that has Argo Rollouts; or plan with --exclude",
        )
    root = subject.plan.header.root_namespace
    if root != ROOT_NAMESPACE:
        raise MigrateError(
            f"Istio's root namespace is {root}; a throw-away cluster has it in {ROOT_NAMESPACE}"
        )


def _is_ambient_already(mesh: Mesh) -> bool:
    """Whether the mesh has a part that no cluster without ambient could show."""
    modes = {mesh.state(workload).mode for workload in mesh.workloads}
    return Mode.AMBIENT in modes or bool(mesh.waypoints.gateways)


def _cannot_show(baseline: Baseline, mesh: Mesh, ability: Ability) -> Iterator[str]:
    """What no answer could bring to light, whatever happened."""
    if not baseline.allowed:
        yield "no call was allowed before anything was changed: an outage could not show"
    there = sorted(kind.kind for kind in DECIDING if mesh.of(kind))
    if there and not baseline.denied:
        unseen = " (nothing here enforces a NetworkPolicy)" if _unenforced(mesh, ability) else ""
        said = f"there are {' and '.join(there)}, and they denied no call{unseen}"
        yield f"{said}: a hole could not show"


def _unenforced(mesh: Mesh, ability: Ability) -> bool:
    return bool(mesh.of(kinds.NETWORK_POLICY)) and not ability.networks


def _left_out(recreated: Recreated, calls: Matrix) -> tuple[str, ...]:
    return (*recreated.left_out, *calls.left_out)
