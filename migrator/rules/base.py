"""The shape of a rule."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.finding import Effect, Finding, Remedy, Scope, Severity
from migrator.model.resource import GroupKind, Ref, Resource


class Refs(tuple[Ref, ...]):
    """References, each once and in order."""

    __slots__ = ()


def refs_of(things: Iterable[Workload | Resource | Ref]) -> Refs:
    """Of what a finding affects; a rule may make those once that many of its findings share."""
    if isinstance(things, Refs):
        return things
    return Refs(sorted({one if isinstance(one, Ref) else one.ref for one in things}))


class Rule(ABC):
    """One question put to a mesh. A rule is pure: same mesh, same findings.

    The class docstring is the rule's page: a first sentence that says what is wrong, then the headings
    `## Why`, `## Fix` and `## References`. `inputs` are the kinds whose absence from what could be read
    makes the answer unknown; a test records what the rule really asks for and compares.
    """

    code: ClassVar[str]
    severity: ClassVar[Severity]
    remedy: ClassVar[Remedy] = Remedy.MANUAL
    scope: ClassVar[Scope] = Scope.WORKLOAD
    inputs: ClassVar[frozenset[GroupKind]]

    @classmethod
    def id(cls) -> str:
        """The file's name with dashes: it cannot drift from the code."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @classmethod
    def doc(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def summary(cls) -> str:
        return cls.doc().partition("\n")[0]

    @abstractmethod
    def check(self, mesh: Mesh) -> Iterator[Finding]: ...

    def finding(  # noqa: PLR0913  one keyword for each thing a finding may say
        self,
        subject: Resource,
        message: str,
        *,
        fix: str,
        path: str = "",
        severity: Severity | None = None,
        remedy: Remedy | None = None,
        affects: Iterable[Workload | Resource | Ref] = (),
        callers: Iterable[str] = (),
        effect: Effect | None = None,
    ) -> Finding:
        """A finding of this rule about `subject`, at `path` in it."""
        return Finding(
            code=self.code,
            rule=self.id(),
            severity=severity or self.severity,
            subject=subject.ref,
            path=path,
            message=message,
            fix=fix,
            remedy=remedy or self.remedy,
            scope=self.scope,
            affects=refs_of(affects),
            callers=tuple(callers),
            effect=effect,
            file=subject.origin.file if subject.origin else "",
            line=subject.origin.line if subject.origin else 0,
        )
