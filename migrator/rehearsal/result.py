"""What a rehearsal found out: the contract of its JSON report."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from migrator.model.resource import Frozen

SCHEMA: Final = "migrate/rehearsal/v1"


class Outcome(StrEnum):
    """`inconclusive`: nothing went wrong that was seen, and something could not be seen."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Incident(Frozen):
    """A call whose answer was not that of the baseline, `samples` times from `step` to the step `until`.

    `opened`: it was never allowed before. `closed`: it is denied now. `failed`: it got no good answer.
    `expected`: the plan says so of a wave so far, or it is what the fault does; empty for what must not be.
    """

    kind: Literal["opened", "closed", "failed"]
    during: str  # the plan, or a fault
    wave: str
    step: str
    until: str = ""
    caller: str
    service: str
    port: int
    request: str
    before: str
    by: str
    samples: int
    simulated: bool
    expected: Literal["", "plan", "fault"] = ""


class FaultReport(Frozen):
    """A failure that was put in: whether the run stopped at it, and whether all was as before again."""

    fault: str
    says: str
    stopped: bool
    at: str
    rolled_back: bool
    baseline_holds: bool
    differs: tuple[str, ...] = ()  # calls that were not answered as before after the rollback
    seconds: float


class StepReport(Frozen):
    """One step of the plan's whole run."""

    wave: str
    step: str
    says: str
    seconds: float
    restart: bool


class Baseline(Frozen):
    """Calls by their answer before anything was changed; of `unstable` ones the answers differed."""

    allowed: int
    denied: int
    failed: int
    unstable: int
    callers: dict[str, int]


class Rehearsal(Frozen):
    """The whole report."""

    schema_: Literal["migrate/rehearsal/v1"] = Field(default=SCHEMA, alias="schema")
    verdict: Outcome
    reasons: tuple[str, ...]
    provider: str
    istio: str
    istio_of_plan: str
    snapshot: str
    baseline: Baseline
    samples: int
    simulated_samples: int
    faults: tuple[FaultReport, ...]
    steps: tuple[StepReport, ...]
    incidents: tuple[Incident, ...]
    adapted: tuple[str, ...]
    proven: tuple[str, ...]
    simulated: tuple[str, ...]
    left_out: tuple[str, ...]
    seconds: float

    model_config = Frozen.model_config | {"populate_by_name": True, "serialize_by_alias": True}

    @property
    def exit_code(self) -> int:
        """As the command ends: 0 passed, 5 failed, 1 inconclusive."""
        return {Outcome.PASSED: 0, Outcome.FAILED: 5}.get(self.verdict, 1)

    @property
    def restarts(self) -> int:
        return sum(step.restart for step in self.steps)
