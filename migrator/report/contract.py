"""What `migrate check` says, as data: the contract of its JSON, YAML and every other format."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field

from migrator import __version__
from migrator.istio.mesh import Mesh
from migrator.istio.waypoint import waypoints
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Frozen, Ref
from migrator.model.snapshot import Unread


class ObjectView(Frozen):
    """A reference, spelled out."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    @lru_cache(maxsize=65536)  # the findings of a mesh name the same objects again and again
    def of(cls, ref: Ref) -> Self:
        return cls(group=ref.group, kind=ref.kind, namespace=ref.namespace, name=ref.name)

    def __str__(self) -> str:
        return str(Ref(self.group, self.kind, self.namespace, self.name))


class FindingView(Frozen):
    """One finding; `effect` is what becomes of a policy, null for everything else."""

    code: str
    rule: str
    severity: str
    group: str
    kind: str
    namespace: str
    name: str
    path: str
    file: str
    line: int
    message: str
    fix: str
    remedy: str
    scope: str
    affects: tuple[ObjectView, ...]
    callers: tuple[str, ...]
    effect: str | None

    @classmethod
    def of(cls, finding: Finding) -> Self:
        subject = finding.subject
        return cls(
            code=finding.code,
            rule=finding.rule,
            severity=finding.severity.value,
            group=subject.group,
            kind=subject.kind,
            namespace=subject.namespace,
            name=subject.name,
            path=finding.path,
            file=finding.file,
            line=finding.line,
            message=finding.message,
            fix=finding.fix,
            remedy=finding.remedy.value,
            scope=finding.scope.value,
            affects=tuple(ObjectView.of(ref) for ref in finding.affects),
            callers=finding.callers,
            effect=finding.effect.value if finding.effect else None,
        )

    @property
    def subject(self) -> str:
        return str(Ref(self.group, self.kind, self.namespace, self.name))

    @property
    def where(self) -> str:
        """`file:line`, or nothing for what came from no file."""
        return f"{self.file}:{self.line}" if self.file else ""


class SuppressedView(FindingView):
    """A finding that an annotation of its subject suppresses, with the reason given there."""

    reason: str


class ReasonView(Frozen):
    """Why a Service needs a waypoint; `code` and `rule` are those of the rule that explains it."""

    code: str
    rule: str
    strength: Literal["hard", "soft"]
    kind: str
    namespace: str
    name: str


class WaypointView(Frozen):
    """A Service with at least one reason."""

    namespace: str
    service: str
    reasons: tuple[ReasonView, ...]


class UnreadView(Frozen):
    """Something that should have been read and could not be."""

    where: str
    reason: str
    kind: str

    @classmethod
    def of(cls, unread: Unread) -> Self:
        return cls(where=unread.where, reason=unread.reason, kind=unread.kind)


class ReadView(Frozen):
    """What was read of a cluster: all namespaces when `namespaces` is empty, but never `not_looked_at`.

    What stands in other namespaces and acts on these was not seen; `not_looked_at` are kinds outside of
    them that this user may not read.
    """

    namespaces: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = ()


class IstioView(Frozen):
    """The version that the answers are for; `assumed` when the source does not say it."""

    version: str
    assumed: bool


class Summary(Frozen):
    """How many of each."""

    blocker: int
    warning: int
    info: int
    suppressed: int


class CheckReport(Frozen):
    """The whole answer of `migrate check`. `complete: false` means: never read this as ready."""

    schema_: Literal["migrate/findings/v1"] = Field(default="migrate/findings/v1", alias="schema")
    tool: str = f"migrate {__version__}"
    complete: bool
    unread: tuple[UnreadView, ...]
    unknown: dict[str, int]
    read: ReadView
    istio: IstioView
    summary: Summary
    findings: tuple[FindingView, ...]
    suppressed: tuple[SuppressedView, ...]
    waypoints: tuple[WaypointView, ...]

    model_config = Frozen.model_config | {"populate_by_name": True, "serialize_by_alias": True}


_ALL_READ = ReadView()


def check_report(
    mesh: Mesh,
    findings: Iterable[Finding],
    suppressed: Iterable[tuple[Finding, str]] = (),
    namespaces: Iterable[str] = (),
    read: ReadView = _ALL_READ,
) -> CheckReport:
    """Put the answer together; `namespaces` limits the waypoints (the findings are limited already)."""
    views = tuple(FindingView.of(finding) for finding in findings)
    quiet = tuple(
        SuppressedView(**FindingView.of(finding).model_dump(), reason=reason)
        for finding, reason in suppressed
    )
    counts = {s: sum(view.severity == s.value for view in views) for s in Severity}
    return CheckReport(
        complete=mesh.snapshot.complete,
        unread=tuple(UnreadView.of(unread) for unread in mesh.snapshot.unread),
        unknown=dict(mesh.snapshot.unknown),
        read=read,
        istio=istio_view(mesh),
        summary=Summary(
            blocker=counts[Severity.BLOCKER],
            warning=counts[Severity.WARNING],
            info=counts[Severity.INFO],
            suppressed=len(quiet),
        ),
        findings=views,
        suppressed=quiet,
        waypoints=waypoint_views(mesh, namespaces),
    )


def istio_view(mesh: Mesh) -> IstioView:
    return IstioView(version=str(mesh.istio_version), assumed=mesh.version_is_assumed)


def waypoint_views(mesh: Mesh, namespaces: Iterable[str] = ()) -> tuple[WaypointView, ...]:
    """Every Service that has a reason to get a waypoint."""
    wanted = set(namespaces)
    return tuple(
        WaypointView(
            namespace=service.namespace,
            service=service.name,
            reasons=tuple(_reason(reason) for reason in reasons),
        )
        for service, reasons in mesh.waypoints.needing.items()
        if not wanted or service.namespace in wanted
    )


def _reason(reason: waypoints.Reason) -> ReasonView:
    return ReasonView(
        code=reason.code,
        rule=reason.rule,
        strength="hard" if reason.hard else "soft",
        kind=reason.source.kind,
        namespace=reason.source.namespace,
        name=reason.source.name,
    )
