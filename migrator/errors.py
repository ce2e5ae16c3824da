"""Every way in which this tool stops, each with what happened, where, and what to do next.

A finding is data, an exception is a stop: these are the only exceptions that the command line expects.
Anything else that reaches a user is a bug of ours.
"""


class MigrateError(Exception):
    """The run cannot go on; `summary` says what, `detail` where and why, `hint` the next command."""

    exit_code = 1

    def __init__(self, summary: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.hint = hint


class ManifestError(MigrateError):
    """A file could not be read as manifests; `path` and `line` (from 1) say where."""

    def __init__(self, summary: str, *, path: str, line: int | None = None, hint: str = "") -> None:
        where = path if line is None else f"{path}:{line}"
        super().__init__(summary, detail=where, hint=hint)
        self.path = path
        self.line = line


class ClusterError(MigrateError):
    """The cluster did not answer, or not as it should."""


class UnreachableError(ClusterError):
    """There was no answer, or none from who should give it, and nothing was changed: ask again later."""


class ForbiddenError(ClusterError):
    """The API server refused this user; `detail` names verb, resource and namespace."""


class NotFoundError(ClusterError):
    """There is no such object, or no such kind."""


class ConflictError(ClusterError):
    """The object is not at the version that was expected, or exists already."""


class UnknownOutcomeError(ClusterError):
    """A change was sent and its answer was lost, or blames the server: it may have been made.

    Who meets it reads again before writing again.
    """


class InvalidError(ClusterError):
    """The API server or an admission webhook refused a change; `detail` holds its words."""


class MetricsError(MigrateError):
    """Prometheus did not answer, or not as it should; nothing was measured."""


class BlockedPlanError(MigrateError):
    """The plan has blockers, or acknowledgements that nobody gave."""

    exit_code = 3


class StalePlanError(MigrateError):
    """The cluster is no longer what the plan was made from; `detail` lists objects and fields."""

    exit_code = 4


class DriftError(MigrateError):
    """A field that a step set has a value that is neither the step's nor the old one."""

    exit_code = 4


class StepFailedError(MigrateError):
    """A step or a gate failed; the run stands at a safe point and can go on."""

    exit_code = 5


class RolledBackError(MigrateError):
    """A step failed and what had been done was rolled back, verified."""

    exit_code = 6


class RollbackIncompleteError(MigrateError):
    """The rollback could not restore everything; a person is needed."""

    exit_code = 7


class LockHeldError(MigrateError):
    """Another run holds the Lease, or this one lost it."""

    exit_code = 8
