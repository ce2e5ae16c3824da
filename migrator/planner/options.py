"""What a person may ask of the planner."""

from typing import Literal

from pydantic import Field

from migrator.model.finding import Finding
from migrator.model.resource import Frozen
from migrator.planner.decisions.calls import CallGraph


class Acknowledge(Frozen):
    """`CODE` or `CODE:object`: a finding that a person has seen and accepts.

    The object is `namespace/name`, `Kind/namespace/name`, or just a name for cluster-scoped kinds.
    """

    code: str
    object: str = ""

    @classmethod
    def parse(cls, text: str) -> "Acknowledge":
        code, _, target = text.partition(":")
        return cls(code=code.strip(), object=target.strip())

    def covers(self, finding: Finding) -> bool:
        if self.code not in {finding.code, finding.rule}:
            return False
        subject = finding.subject
        full = str(subject)
        return not self.object or self.object in {full, full.partition("/")[2]}


class PlanOptions(Frozen):
    """`namespaces` empty means all that have sidecars. `waypoints`: for hard reasons only, or for all.
    `routes`: VirtualServices stay as they are, or become HTTPRoutes where that changes nothing.

    `cluster` is the identity of the cluster that was read, if one was.
    """

    namespaces: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    acknowledge: tuple[Acknowledge, ...] = ()
    waypoints: Literal["hard", "all"] = "hard"
    strategy: Literal["auto", "workload"] = "auto"
    routes: Literal["keep", "httproute"] = "keep"
    soak_minutes: int = Field(default=10, ge=0)
    calls: CallGraph | None = None
    cluster: str = ""

    def wants(self, namespace: str) -> bool:
        return (not self.namespaces or namespace in self.namespaces) and (
            namespace not in self.exclude
        )
