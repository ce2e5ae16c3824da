"""The plan: the whole truth of what apply will do, made to be read in review."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from migrator.model.finding import Severity
from migrator.model.resource import Frozen
from migrator.steps import AnyStep, Target

SCHEMA: Final = "migrate/plan/v1"
OPENS: Final = "PLAN03"


class PhaseName(StrEnum):
    """Prepare the mesh, expand it by what is dormant, switch wave by wave, contract."""

    PREPARE = "prepare"
    EXPAND = "expand"
    SWITCH = "switch"
    CONTRACT = "contract"


class Gate(Frozen):
    """A condition, or a person, that must say yes before the next wave."""

    kind: Literal["checks", "error-rate", "soak", "person"]
    says: str
    minutes: int = 0


class ChangedCalls(Frozen):
    """Calls of one kind of callers to one target whose fate is another than at the start.

    `callers` is how they send; `identities` are principals, none for callers without one. `alike`: others
    too, whom no policy tells from these. `direct`: to the pods' addresses, past every virtual IP. `request`
    is one of those that are meant. `policy`, at `hop`: of what opens the one that denied before, of what
    closes the one that denies now. `since` and `until` are steps; `until` is empty for what stays so.
    """

    callers: str
    identities: tuple[str, ...] = ()
    alike: bool = False
    target: Target
    direct: bool = False
    ports: tuple[int, ...]
    request: str
    policy: Target | None = None
    hop: str = ""
    why: str
    since: str
    until: str = ""

    @property
    def who(self) -> str:
        """The callers, in words."""
        if not self.identities:
            return "anybody" if self.alike else f"{self.callers} callers without an identity"
        named = ", ".join(self.identities)
        return f"{self.callers} callers {named}" + (" and others like them" if self.alike else "")

    def __str__(self) -> str:
        ports = ", ".join(map(str, self.ports))
        where = f"the pods of {self.target} by their own address" if self.direct else self.target
        at = f" ({self.policy} at the {self.hop})" if self.policy else ""
        until = f" until {self.until}" if self.until else ", and it stays so"
        return (
            f"{self.who}, to {where}, port {ports}, for example {self.request}: {self.why}{at}; "
            f"from {self.since}{until}"
        )


class ReroutedCalls(Frozen):
    """Calls to a Service that pass, and are routed in another way than at the start.

    `was` and `callers`: how they sent and send. `lost` is done no longer, `changed` otherwise, `shared` at
    one place for all callers together, `gained` only now: each an object and its settings. `by` shapes the
    calls now, nobody where it is empty. `covered`: what a person accepts of the findings already that says
    the same. `since` is the first step with which it begins for one of them.
    """

    callers: str
    was: str
    identities: tuple[str, ...] = ()
    alike: bool = False
    target: Target
    lost: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    by: str = ""
    covered: tuple[str, ...] = ()
    since: str
    until: str = ""

    def __str__(self) -> str:
        parts = (
            ("no longer", self.lost),
            ("in another way", self.changed),
            ("for all callers together", self.shared),
            ("only now", self.gained),
        )
        said = "; ".join(f"{how}: {', '.join(found)}" for how, found in parts if found)
        until = f" until {self.until}" if self.until else ", and it stays so"
        covered = f" (said by {', '.join(self.covered)})" if self.covered else ""
        return (
            f"{self.target}, {said}; by {self.by or 'nobody'}, for {self._who}; "
            f"from {self.since}{until}{covered}"
        )

    @property
    def _who(self) -> str:
        how = self.callers if self.callers == self.was else f"{self.callers}, {self.was} before"
        others = " and others like them" if self.alike else ""
        return f"callers {', '.join(self.identities)}{others} ({how})"


class Exposure(Frozen):
    """What begins with a wave: requests that were denied and pass, that passed and fail, or that nobody
    can tell of, and calls that are routed in another way, against the start, for whom and until when.
    `accepted` are blockers that a person accepted, in whose harm the model has no say. Computed by the
    model, not observed.
    """

    opens: tuple[ChangedCalls, ...] = ()
    closes: tuple[ChangedCalls, ...] = ()
    unknown: tuple[ChangedCalls, ...] = ()
    reroutes: tuple[ReroutedCalls, ...] = ()
    accepted: tuple[str, ...] = ()


class Rollback(Frozen):
    """What a rollback from the end of some wave opens and closes that the way forward does not.

    `since` and `until` are steps here whose undoing begins and ends it; without `until` it lasts beyond
    the rollback's end.
    """

    opens: tuple[ChangedCalls, ...] = ()
    closes: tuple[ChangedCalls, ...] = ()
    unknown: tuple[ChangedCalls, ...] = ()


class Wave(Frozen):
    """Steps that are done together; its end is a checkpoint, a verified resting point."""

    name: str
    goal: str
    steps: tuple[AnyStep, ...]
    gates: tuple[Gate, ...] = ()
    exposure: Exposure = Exposure()


class Phase(Frozen):
    name: PhaseName
    goal: str
    waves: tuple[Wave, ...]


class Header(Frozen):
    """From what the plan was made; apply refuses when the mesh is no longer that.

    `cluster` is the uid of the namespace kube-system, which lives as long as its cluster; empty for files.
    """

    snapshot: str
    istio: str
    istio_assumed: bool
    root_namespace: str
    trust_domain: str
    calls: Literal["none", "partial", "complete"]
    cluster: str = ""


class NamespaceScope(Frozen):
    """How a namespace moves: `namespace` flips its label, `workload` moves one workload after another."""

    namespace: str
    mode: Literal["namespace", "workload"]
    why: str
    workloads: tuple[str, ...]


class WaypointScope(Frozen):
    """A waypoint and the services bound to it, each with the codes of its reasons."""

    namespace: str
    name: str
    services: dict[str, tuple[str, ...]]


class Exclusion(Frozen):
    """A workload or namespace that stays behind, and what would let it move."""

    target: Target
    reason: str
    rules: tuple[str, ...] = ()
    fix: str = ""


class KnownCallers(Frozen):
    """Who may call a workload, where that is known; `how` says from where. Of others nothing closes."""

    target: Target
    callers: tuple[Target, ...]
    how: str


class Acknowledgement(Frozen):
    """Behaviour that changes and that a person accepts by setting `acknowledged: true`."""

    code: str
    rule: str
    severity: Severity
    target: Target
    path: str = ""
    says: str
    acknowledged: bool = False


class Plan(Frozen):
    """Header, scope, what must be acknowledged, what stays behind, and the phases."""

    schema_: Literal["migrate/plan/v1"] = Field(default=SCHEMA, alias="schema")
    tool: str
    header: Header
    assumptions: tuple[str, ...]
    scope: tuple[NamespaceScope, ...]
    waypoints: tuple[WaypointScope, ...]
    blockers: tuple[Acknowledgement, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    exclusions: tuple[Exclusion, ...]
    callers: tuple[KnownCallers, ...] = ()
    rollback: Rollback = Rollback()
    phases: tuple[Phase, ...]

    model_config = Frozen.model_config | {"populate_by_name": True, "serialize_by_alias": True}

    def steps(self) -> tuple[tuple[PhaseName, Wave, AnyStep], ...]:
        """Every step in order, with its phase and wave."""
        return tuple(
            (phase.name, wave, step)
            for phase in self.phases
            for wave in phase.waves
            for step in wave.steps
        )

    @property
    def is_stopped(self) -> bool:
        """Whether a blocker, or that it opens something, stands unaccepted against the whole plan."""
        blocked = any(not b.acknowledged for b in self.blockers)
        return blocked or any(a.code == OPENS and not a.acknowledged for a in self.acknowledgements)

    def refusals(self) -> tuple[str, ...]:
        """Why this plan must not be applied; empty when it may. The one place that says no."""
        blocked = (f"{b.code} {b.rule} on {b.target} blocks the whole mesh" for b in self.blockers)
        waiting = (
            f"{a.code} {a.rule} on {a.target} is not acknowledged"
            + (f": {a.says}" if a.code.startswith("PLAN") else "")
            for a in self.acknowledgements
            if not a.acknowledged
        )
        return (*blocked, *waiting)
