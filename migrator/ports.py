"""What the core asks of the outside, as Protocols; adapters keep them.

What may go in here: interfaces of few methods over plain data. What may not: implementations, and types
of a client library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from migrator.model.journal import Entry
from migrator.model.news import News, Question
from migrator.model.resource import GroupKind, Ref

Body = Mapping[str, Any]


class ClusterReader(Protocol):
    """Objects as they are now. Raises ForbiddenError, or ClusterError when there is no answer."""

    def get(self, ref: Ref) -> Body | None:
        """The whole object, or None when it (or its kind) is not there."""

    def list(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> Sequence[Body]:
        """Every object of `kind` with these labels; of all namespaces when `namespace` is empty."""


class Cluster(ClusterReader, Protocol):
    """Reading and changing; every change is made by the field manager `migrate`.

    With `dry_run` the API server does all but storing: admission, quota, validation. All methods raise
    ConflictError when the object is not at the version that was expected, or exists already.
    """

    def create(self, manifest: Body, *, dry_run: bool = False) -> Body:
        """Create the object; ConflictError when there is one of that name."""

    def patch(self, ref: Ref, patch: Body, *, version: str = "", dry_run: bool = False) -> Body:
        """Apply a JSON merge patch (RFC 7386); with `version` only to that resourceVersion."""

    def delete(self, ref: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        """Delete the object, which may be gone already; with `uid` only that one (else ConflictError)."""

    def release(self, ref: Ref) -> None:
        """Own no field of the object any more; every field stays, and others may take theirs away."""

    def may(self, verb: str, kind: GroupKind, namespace: str = "") -> bool:
        """Whether this user may, by a SelfSubjectAccessReview."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; Ctrl-C raises KeyboardInterrupt here."""


class Record(Protocol):
    """Where the entries of a plan's runs are kept, in two places that suffice alone."""

    def entries(self) -> Sequence[Entry]:
        """Everything recorded so far, in order. Changes nothing."""

    def settle(self) -> Sequence[Entry]:
        """Make both places hold the same, and say what; only whoever holds the lock may."""

    def append(self, entry: Entry) -> None:
        """Keep `entry`; it is durable in both places when this returns. Raises MigrateError if not."""


class Watcher(Protocol):
    """Who is told what the engine does, and asked what only a person can say."""

    def tell(self, news: News) -> None:
        """Something began, ended, or is being waited for."""

    def ask(self, question: Question) -> bool:
        """A person's answer; False stops the run at a safe point."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests and TCP connections in a span of time, as counters estimate them.

    `errors` had no answer or one that blames the server (5xx, gRPC's server errors); `refused` were
    answered 403, which many a service does every day, and a policy that closes too much does too.
    """

    requests: float
    errors: float
    refused: float = 0.0


class Probe(Protocol):
    """What was measured of calls. Raises MetricsError when there is no answer."""

    def error_rate(self, services: Sequence[Ref], window_seconds: int) -> Rate | None:
        """Of all calls to `services` in the last seconds; None when nothing measured any of them."""
