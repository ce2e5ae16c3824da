"""Run a command of `migrate` again and again, killed with SIGKILL at one API write further each time.

`python -m e2e.killed MODE -- apply PLAN --yes`: MODE `after` kills when a write has been answered, before
anything is done with the answer; `before` kills with a write still unsent. Each attempt may make one
write beside its Lease, so that every write of the whole command is a point of death once. Prints how many
attempts were killed, and ends with the exit code of the attempt that was not.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

_LEASE = "Lease"


class Mortal:
    """Counts the writes of a cluster, and ends the process at the second that is not the Lease's."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.writes = 0

    def wrap(self, method: Callable[..., Any], verb: str) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if options.get("dry_run") or self._is_lease(verb, arguments):
                return method(*arguments, **options)
            self.writes += 1
            if self.mode == "before" and self.writes == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = method(*arguments, **options)
            if self.mode == "after" and self.writes == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    @staticmethod
    def _is_lease(verb: str, arguments: tuple[Any, ...]) -> bool:
        first = arguments[1]
        return (first["kind"] if verb == "create" else first.kind) == _LEASE


def attempt(mode: str, arguments: list[str]) -> int:
    """One process: its exit code, or -9 when it was killed."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    from migrator import cli
    from migrator.adapters.kube.writer import LiveCluster

    mortal = Mortal(mode)
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
    killed = 0
    while (code := attempt(mode, arguments)) == -signal.SIGKILL:
        killed += 1
    print(killed)
    return code


if __name__ == "__main__":
    import migrator.adapters.kube.writer
    import migrator.cli.apply
    import migrator.engine.apply  # noqa: F401  imported once, before the forks

    sys.exit(main())
