"""Failures that are put in on purpose: which there are, and where a plan would meet them."""

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.planner.plan import PhaseName, Plan
from migrator.steps import AnyStep, Disruption

from .calls import Call


class Trouble(StrEnum):
    """What goes wrong."""

    WAYPOINT = "waypoint-never-ready"
    ENROLMENT = "pods-never-enrol"
    IMAGE = "image-cannot-start"
    ERRORS = "service-answers-503"


_SAYS = {
    Trouble.WAYPOINT: "the pods of the waypoint of {} are refused",
    Trouble.ENROLMENT: "istio-cni takes no notice of the pods of {}",
    Trouble.IMAGE: "the image of {} cannot start",
    Trouble.ERRORS: "nothing answers behind the Services of {}: callers get 503",
}


class Fault(NamedTuple):
    """One failure. `step`: where in the plan it is put in; empty before the plan begins."""

    trouble: Trouble
    namespace: str
    workload: Ref | None = None
    step: str = ""

    @property
    def says(self) -> str:
        return _SAYS[self.trouble].format(self.workload or self.namespace)

    def explains(self, kind: str, call: Call) -> bool:
        """Whether it alone is why the call is `opened`, `closed` or `failed`.

        A pod that starts without sidecar and that istio-cni does not take notice of has nothing around it:
        everybody reaches it, and it calls others without an identity.
        """
        if self.trouble is Trouble.ENROLMENT:
            touched = [*call.servers, *([call.caller] if call.caller else [])]
            return any(one.namespace == self.namespace for one in touched)
        unserved = call.may_be_unserved(kind) and self.workload in call.servers
        return self.trouble is Trouble.ERRORS and unserved


def of_plan(
    plan: Plan, wanted: Iterable[Trouble], needed: Collection[Ref]
) -> tuple[tuple[Fault, ...], tuple[str, ...]]:
    """The failures that this plan can meet, each once, and in words those that it cannot.

    `needed`: workloads without which calls fail; that nothing answers elsewhere would show to nobody.
    """
    found, missing = [], []
    for trouble in wanted:
        fault = next(_faults(plan, trouble, needed), None)
        if fault is None:
            missing.append(f"{trouble}: the plan has no step that could meet it")
        else:
            found.append(fault)
    return tuple(found), tuple(missing)


def _faults(plan: Plan, trouble: Trouble, needed: Collection[Ref]) -> Iterator[Fault]:
    match trouble:
        case Trouble.WAYPOINT:
            for scope in plan.waypoints:
                yield Fault(trouble, scope.namespace)
        case Trouble.ENROLMENT:
            for step in _switching(plan):
                if any(check.predicate.startswith("pods-ambient") for check in step.after):
                    space = step.target.namespace or step.target.name
                    yield Fault(trouble, space, step=step.id)
        case _:
            for step in _switching(plan):
                ref = step.target.ref
                shows = trouble is not Trouble.ERRORS or ref in needed
                restarts = step.disruption is Disruption.RESTART
                if shows and restarts and ref.group_kind == kinds.DEPLOYMENT:
                    yield Fault(trouble, ref.namespace, ref, step.id)


def _switching(plan: Plan) -> Iterator[AnyStep]:
    return (step for phase, _, step in plan.steps() if phase is PhaseName.SWITCH)
