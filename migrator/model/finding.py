"""What a rule found, as data."""

from enum import StrEnum

from pydantic import SkipValidation

from .resource import Frozen, Ref


class Severity(StrEnum):
    """Blocker: the phase that touches the scope must not run. Warning: acknowledge. Info: report."""

    BLOCKER = "blocker"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Remedy(StrEnum):
    """Who resolves a finding: the plan itself, a person, or nobody needs to."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    NONE = "none"


class Effect(StrEnum):
    """What becomes of a policy, by the set of requests that it matches.

    `faithful`: the same set. `wider`: more than was asked. `narrower`: less. `open`: nothing is left of
    something that denied. `closed`: nothing is left of something that allowed, so all is denied.
    `ignored`: not read at all.
    """

    FAITHFUL = "faithful"
    WIDER = "wider"
    NARROWER = "narrower"
    OPEN = "open"
    CLOSED = "closed"
    IGNORED = "ignored"


class Scope(StrEnum):
    """What a blocker stops: everything, the namespaces concerned, or the workloads concerned."""

    CLUSTER = "cluster"
    NAMESPACE = "namespace"
    WORKLOAD = "workload"


class Finding(Frozen):
    """One answer of one rule about one object.

    `message` says what is there and what happens in ambient, `fix` what to do about it. `affects` are
    the workloads (or services) concerned, `callers` the classes of callers that notice. Findings are made
    by rules and never read: references, thousands in some, are taken as they are.
    """

    code: str
    rule: str
    severity: Severity
    subject: SkipValidation[Ref]
    path: str = ""
    message: str
    fix: str
    remedy: Remedy
    scope: Scope
    affects: SkipValidation[tuple[Ref, ...]] = ()
    callers: tuple[str, ...] = ()
    effect: Effect | None = None
    file: str = ""
    line: int = 0

    def __hash__(self) -> int:
        return hash((self.code, self.subject, self.path, self.message))

    @property
    def sort_key(self) -> tuple[int, str, Ref, str, str]:
        return (self.severity.rank, self.code, self.subject, self.path, self.message)
