"""Other programs on PATH: run to their end, or running beside us and printing lines."""

import os
import selectors
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from migrator.errors import ClusterError, MigrateError

_LAST = 2000  # characters of what a program said
_END_SECONDS = 5


class Lines(Protocol):
    """A program that runs, asked once and answering in lines."""

    def read(self) -> Sequence[str]:
        """The whole lines since the last time; nothing is waited for."""

    @property
    def ended(self) -> bool: ...

    def end(self) -> None:
        """It runs no more when this returns."""


class Runner(Protocol):
    """What starts programs."""

    def has(self, program: str) -> bool:
        """Whether it is on PATH."""

    def run(self, command: Sequence[str], *, stdin: str = "", seconds: float = 600) -> str:
        """Its output. Raises ClusterError with its words when it fails."""

    def start(self, command: Sequence[str], stdin: str) -> Lines:
        """A program that goes on; `stdin` is all that it is given."""


class Programs:
    """The real ones; none of them sees the user's kubeconfig."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        kept = os.environ if environment is None else environment
        self._environment = {k: v for k, v in kept.items() if k != "KUBECONFIG"}

    def has(self, program: str) -> bool:
        return shutil.which(program, path=self._environment.get("PATH")) is not None

    def run(self, command: Sequence[str], *, stdin: str = "", seconds: float = 600) -> str:
        try:
            done = subprocess.run(  # noqa: S603  built by us, no shell
                list(command), input=stdin, capture_output=True, text=True, check=False,
                timeout=seconds, env=self._environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{command[0]} did not end within {seconds:.0f} s") from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-_LAST:]
            raise ClusterError(f"{' '.join(command[:3])} failed", detail=said)
        return done.stdout

    def start(self, command: Sequence[str], stdin: str) -> "RunningProgram":
        return RunningProgram(list(command), stdin, self._environment)


class RunningProgram:
    """One that prints lines."""

    def __init__(self, command: Sequence[str], stdin: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  built by us, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, start_new_session=True,
        )  # fmt: skip
        self._rest = b""
        if self._process.stdin is not None:
            try:
                self._process.stdin.write(stdin.encode())
                self._process.stdin.close()
            except BrokenPipeError:
                return  # it has ended already, which `ended` says

    def read(self) -> Sequence[str]:
        *whole, self._rest = (self._rest + b"".join(self._chunks())).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def _chunks(self) -> Iterator[bytes]:
        out = self._process.stdout
        if out is None:
            return
        with selectors.DefaultSelector() as ready:
            ready.register(out, selectors.EVENT_READ)
            while ready.select(0):
                chunk = os.read(out.fileno(), 65536)
                if not chunk:
                    return
                yield chunk

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        for stop in (self._process.terminate, self._process.kill):
            stop()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            break
        if self._process.stdout is not None:
            self._process.stdout.close()


def need(runner: Runner, programs: Mapping[str, str]) -> None:
    """Raises MigrateError that names every missing program, and what it is for."""
    missing = [f"{name}: {why}" for name, why in programs.items() if not runner.has(name)]
    if missing:
        raise MigrateError("programs are missing on PATH", detail="\n".join(missing))
