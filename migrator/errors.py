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
