"""Child processes that are ended by process id, whatever becomes of the test run.

Each child gets a process group of its own, its log in a file, and dies with its parent: the kernel sends
it SIGKILL when the thread that started it ends (Linux, PR_SET_PDEATHSIG): asked politely, an API server
that has lost its etcd takes a minute to go.
"""

import contextlib
import ctypes
import itertools
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class StartError(Exception):
    """A process ended, or was not ready in time; the end of its log is in the message."""


def free_port() -> int:
    """A loopback port that nobody listens on now, and that this process has not had before.

    It is none that the kernel gives to outgoing connections, so it is still free for a server that is
    started again. Each process begins elsewhere in the range: two runs ask for different ones.
    """
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports never end")


def _ports() -> Iterator[int]:
    first, count = 16_000, 16_000  # Linux's own range begins at 32768
    begin = os.getpid() * 37 % count
    for step in itertools.count():
        yield first + (begin + step) % count


_PORTS = _ports()


class Child:
    """One running program."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: dict[str, str] | None = None,
        detached: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = env
        self._detached = detached
        self._readiness: tuple[Callable[[], bool], float, str] | None = None
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as out:
            return subprocess.Popen(
                self._command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self._env,
                start_new_session=True,
                preexec_fn=None if self._detached else _dies_with(os.getpid()),  # noqa: PLW1509
            )

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """The same command once more, as ready as the first time."""
        self.stop()
        self.process = self._start()
        if self._readiness:
            self.wait_until(*self._readiness)

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Poll `ready` until it says yes. Raises StartError when the process ends, or in vain."""
        self._readiness = (ready, seconds, what)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                message = f"{self.name} ended with {self.process.returncode}:\n{self.tail()}"
                raise StartError(message)
            if ready():
                return
            time.sleep(0.1)
        message = f"{self.name}: {what} not within {seconds:.0f} s:\n{self.tail()}"
        raise StartError(message)

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float = 5) -> None:
        """SIGTERM, then SIGKILL, and wait for the end."""
        end_process(self.pid, seconds, self.process.wait)


def end_process(pid: int, seconds: float, wait: Callable[[float], object]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        try:
            wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def answers(url: str, context: object = None) -> bool:
    """Whether a GET of `url` gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as reply:  # type: ignore[arg-type]  # noqa: S310
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _dies_with(parent: int) -> Callable[[], None]:
    def arrange() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before this could be arranged
            os._exit(1)

    return arrange
