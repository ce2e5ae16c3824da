"""`make cluster`: a control plane of one's own to try the product on; `make cluster-stop` ends it.

Real: API server, controllers, scheduler, istiod, injection, statuses. Simulated: nodes (kwok makes pods
Ready without running them) and istio-cni (`cni_standin`). What was started is remembered by process id and
start time in an ignored folder, so that nothing else is ever ended.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench.generate import Size
from migrator.adapters.kube.client import connect

from . import meshes
from .api import reached
from .cni_standin import CniStandIn
from .controlplane import ControlPlane
from .fill import fill
from .processes import Child, end_process

HOME = Path(__file__).parents[1] / ".cache" / "cluster"
STATE = HOME / "state.json"
_TICKS_FIELD = 19  # of /proc/PID/stat behind the name: starttime, proc(5)


class Started(NamedTuple):
    """One process: an id alone could be another's by now."""

    name: str
    pid: int
    ticks: int


class Detached(ControlPlane):
    """A control plane that outlives the process that started it, and is remembered from its first child."""

    def spawn(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> Child:
        child = super().spawn(name, *arguments, env=env)
        remember(self.children)
        return child


def start(profile: str, example: str, size: Size | None = None) -> None:
    """Start, or say that it runs; print how to use it."""
    if any(alive(one) for one in remembered()):
        say("a cluster of this checkout runs already, or was left half started")
        usage()
        return
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    plane = Detached(HOME, detached=True)
    try:
        plane.start()
        plane.install_istio(profile)
        if example:
            meshes.install(plane, example)
        if size:
            fill(connect(str(plane.kubeconfig)), size)
        plane.children.append(_standin(plane))
        remember(plane.children)
    except BaseException:
        plane.stop()
        raise
    usage()


def stop() -> None:
    """End every process that was started, the last one first. Nothing to end is no error."""
    for one in reversed(remembered()):
        if alive(one):
            end_process(one.pid, 5, lambda seconds, one=one: _gone(one, seconds))  # type: ignore[misc]
    shutil.rmtree(HOME, ignore_errors=True)


def usage() -> None:
    say(f"\n    export KUBECONFIG={HOME / 'kubeconfig'}\n")
    say(
        "`make cluster-stop` ends it. Nodes and istio-cni are simulated: pods are Ready, nothing runs."
    )


def remember(children: list[Child]) -> None:
    found = [Started(child.name, child.pid, ticks(child.pid)) for child in children]
    STATE.write_text(json.dumps(found))


def remembered() -> tuple[Started, ...]:
    try:
        return tuple(Started(*one) for one in json.loads(STATE.read_text()))
    except FileNotFoundError:
        return ()


def alive(one: Started) -> bool:
    return ticks(one.pid) == one.ticks


def ticks(pid: int) -> int:
    """When the process started; -1 when it has ended (a zombie has, too)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if fields[0] == "Z" else int(fields[_TICKS_FIELD])


def _gone(one: Started, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while alive(one) and time.monotonic() < deadline:
        time.sleep(0.05)


def _standin(plane: ControlPlane) -> Child:
    return Child(
        "istio-cni stand-in",
        [sys.executable, "-m", "e2e.cluster", "enrol", plane.server, str(plane.authority.ca.cert)],
        HOME / "cni-standin.log",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        detached=True,
    )


def enrol(server: str, trusted: str) -> None:
    """The stand-in as a process of its own, until it is ended."""
    with CniStandIn(reached(server, trusted)):
        while True:
            time.sleep(3600)


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    match sys.argv[1:]:
        case ["start", profile, example, *size]:
            start(profile, example, Size(*map(int, size)) if size else None)
        case ["stop"]:
            stop()
        case ["enrol", server, trusted]:
            enrol(server, trusted)
        case other:
            sys.exit(f"start PROFILE EXAMPLE [NAMESPACES WORKLOADS PODS] | stop: {other}")


if __name__ == "__main__":
    main()
