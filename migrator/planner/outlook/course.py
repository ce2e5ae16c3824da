"""A plan as it goes: every namespace through the steps that it can notice, and everybody who calls."""

from collections.abc import Mapping
from functools import cached_property

from migrator.exposure.crowd import Crowd
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.planner.plan import Plan

from .localities import Localities
from .repeating import Repeats

Calls = Mapping[Ref, frozenset[Ref]]


class Course:
    """What all answers about a plan are computed from, each part once.

    `calls`: who calls a workload, where that is known.
    """

    def __init__(self, mesh: Mesh, plan: Plan, calls: Calls | None = None) -> None:
        self.mesh = mesh
        self.plan = plan
        self.calls: Calls = calls or {}
        self.steps = tuple(step for _, _, step in plan.steps())
        self.end = 2 * len(self.steps) + 1  # the moment after the last

    @cached_property
    def repeats(self) -> Repeats:
        """Its namespaces."""
        return Repeats(self.mesh, Localities(self.mesh, self.plan), self.end)

    @cached_property
    def crowd(self) -> Crowd:
        """Its callers."""
        return Crowd(
            self.mesh.config.trust_domain, self.repeats.members(), self.repeats.waypoints()
        )

    def step_at(self, moment: int) -> str:
        """The step that a moment but the first belongs to."""
        return self.steps[(moment - 1) // 2].id
