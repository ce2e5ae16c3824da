"""Run a command of `migrate` again and again, killed with SIGKILL at one API write further each time.

`python -m e2e.killed MODE -- apply PLAN --yes`, MODE one of

- `after`: killed when a write has been answered, before anything is done with the answer;
- `before`: killed with a write still unsent;
- `after:N`: killed once, after its N-th write, and not begun again;
- `never`: not killed.

Each attempt of the first two may make one write beside its Lease, so that every write of the whole command
is a point of death once. Prints how many attempts were killed and how many writes all of them made, and
ends with the exit code of the last attempt (-9 when it was killed).
"""

import importlib
import mmap
import os
import pkgutil
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

_LEASE = "Lease"
_SIZE = 8


class Death(NamedTuple):
    """Where an attempt ends: after its `after`-th write, or before its `before`-th; 0 is never."""

    after: int = 0
    before: int = 0
    again: bool = True

    @classmethod
    def parse(cls, mode: str) -> "Death":
        name, _, number = mode.partition(":")
        if number:
            return cls(after=int(number), again=False)
        return {"after": cls(after=1), "before": cls(before=2), "never": cls()}[name]


class Total:
    """A number that this process shares with its children, and that outlives them."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    @property
    def value(self) -> int:
        return int.from_bytes(self._memory[:_SIZE], "little")

    def add(self) -> None:
        self._memory[:_SIZE] = (self.value + 1).to_bytes(_SIZE, "little")


class Mortal:
    """Counts the writes of a cluster that are not the Lease's, and ends the process at one of them."""

    def __init__(self, death: Death, total: Total) -> None:
        self.death = death
        self.total = total
        self.writes = 0

    def wrap(self, method: Callable[..., Any], verb: str) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if options.get("dry_run") or self._is_lease(verb, arguments):
                return method(*arguments, **options)
            self.writes += 1
            if self.writes == self.death.before:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = method(*arguments, **options)
            self.total.add()
            if self.writes == self.death.after:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    @staticmethod
    def _is_lease(verb: str, arguments: tuple[Any, ...]) -> bool:
        first = arguments[1]
        return (first["kind"] if verb == "create" else first.kind) == _LEASE


def attempt(death: Death, total: Total, arguments: list[str]) -> int:
    """One process: its exit code, or -9 when it was killed."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    from migrator import cli
    from migrator.adapters.kube.writer import LiveCluster

    mortal = Mortal(death, total)
    for verb in ("create", "patch", "delete"):
        setattr(LiveCluster, verb, mortal.wrap(getattr(LiveCluster, verb), verb))
    sys.argv = ["migrate", *arguments]
    try:
        cli.main()
    except SystemExit as end:
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else bool(end.code))
    os._exit(0)


def main() -> int:
    mode, _, *arguments = sys.argv[1:]
    death, total = Death.parse(mode), Total()
    killed = 0
    while (code := attempt(death, total, arguments)) == -signal.SIGKILL:
        killed += 1
        if not death.again:
            break
    print(killed, total.value)
    return code


def import_once(*packages: str) -> None:
    """Before the forks: what each attempt would import again."""
    for package in packages:
        for module in pkgutil.iter_modules(
            importlib.import_module(package).__path__, package + "."
        ):
            importlib.import_module(module.name)


if __name__ == "__main__":
    import_once("migrator.adapters.kube", "migrator.engine", "migrator.planner")
    for name in ("adapters.clock", "adapters.holder", "adapters.journal_file", "report.news_text"):
        importlib.import_module(f"migrator.{name}")
    for name in ("apply", "rollback", "world", "watching"):
        importlib.import_module(f"migrator.cli.{name}")
    sys.exit(main())
