"""A Docker engine of our own, in network, process and mount namespaces that nothing leaves.

There is no way out of the network namespace, not even to this machine's loopback: what is asked of the
cluster is asked from inside (`entered`). When the first process ends, the kernel ends all others of its
process namespace, containers too; their mounts and links go with them. What a killed run leaves is files,
and empty cgroups: `clean` removes both.
"""
# ruff: noqa: S607

import contextlib
import ctypes
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from e2e.cluster import Started, alive, ticks
from e2e.processes import Child, end_process

from .cache import home

RUNTIME = Path(__file__).parent / "runtime.py"
_CGROUP = "migrate-kind"
_STARTED: list[Child] = []  # by this process; the kernel says when they end
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Engine:
    """dockerd with its data and socket in one folder; another run of the same user waits for it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home() / "run"
        self.socket = self.folder / "docker.sock"
        self._state = self.folder / "state.json"

    @property
    def environment(self) -> dict[str, str]:
        """For the docker and kind commands."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}

    @property
    def running(self) -> Started | None:
        """The first process of the namespaces, if it lives."""
        try:
            found = Started(*json.loads(self._state.read_text()))
        except FileNotFoundError:
            return None
        return found if alive(found) else None

    @property
    def namespace(self) -> Path:
        found = self.running
        assert found, "the engine does not run"
        return Path(f"/proc/{found.pid}/ns/net")

    def start(self, *, detached: bool = False) -> None:
        """Start it, or take the one that runs."""
        if self.running:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        child = Child("dockerd", self._command(), self.folder / "dockerd.log", detached=detached)
        _STARTED.append(child)
        self._state.write_text(json.dumps(Started("dockerd", child.pid, ticks(child.pid))))
        child.wait_until(lambda: self.answers("info"), 60, "its socket did not answer")

    def stop(self) -> None:
        found = self.running
        if found:
            with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
                for inner in _children(found.pid):
                    os.kill(inner, signal.SIGTERM)  # dockerd itself: it stops its containers
                _wait(found, 20)
            end_process(found.pid, 5, lambda seconds: _wait(found, seconds))
        while _STARTED:
            _STARTED.pop().process.wait()
        self._state.unlink(missing_ok=True)

    def clean(self) -> None:
        """End it whatever it does, and remove all that it wrote."""
        self.stop()
        for group in sorted(Path("/sys/fs/cgroup").glob(f"**/{_CGROUP}"), reverse=True):
            for inner in sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True):
                inner.rmdir()
            group.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)

    def docker(self, *arguments: str, stdin: Path | None = None) -> str:
        with contextlib.ExitStack() as files:
            source = files.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
            return subprocess.run(
                ["docker", *arguments], stdin=source, env=self.environment,
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip

    def answers(self, *arguments: str) -> bool:
        """Whether docker does this without an error."""
        asked = ["docker", *arguments]
        done = subprocess.run(asked, env=self.environment, check=False, capture_output=True)
        return not done.returncode

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread, and the processes and threads that it starts, inside the network namespace."""
        outside = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        inside = os.open(self.namespace, os.O_RDONLY)
        try:
            _move(inside)
            try:
                yield
            finally:
                _move(outside)
        finally:
            os.close(inside)
            os.close(outside)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While no other process of this user makes or uses a cluster here."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / "run.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _command(self) -> list[str]:
        dockerd = shlex.join(
            ["dockerd", "--data-root", str(self.folder / "data"), "--host", f"unix://{self.socket}",
             "--add-runtime", f"narrowed={RUNTIME}", "--default-runtime", "narrowed",
             "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{_CGROUP}"]
        )  # fmt: skip
        # an empty /run: another engine's containerd may be in it, which dockerd would use
        first = f"mount -t tmpfs none /run && ip link set lo up && exec {dockerd}"
        return ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                "sh", "-c", first]  # fmt: skip


def _move(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "the network namespace cannot be entered")


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait(process: Started, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while alive(process):
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(process.name, seconds)
        time.sleep(0.1)
