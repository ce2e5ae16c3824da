"""`make bench-apply`: how much of an apply and of a rollback is the tool's own time, and how much waiting.

A real API server and istiod, an example mesh migrated and rolled back. Waiting for the cluster is the time
inside HTTP requests and between two looks at a check; all the rest is own time, the start of Python too.
Pods are Ready without running and are enrolled by a stand-in, within a second or so: a real cluster takes
minutes, so that the share that is measured here is more than anyone will see.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from e2e import applying, meshes
from e2e.cni_standin import CniStandIn
from e2e.controlplane import ControlPlane

ROOT = Path(__file__).parents[1]
ALLOWED = 0.05  # own time, of the time of waiting


class Shares(NamedTuple):
    """Seconds of one command, and how many requests it sent."""

    wall: float
    http: float
    between: float
    cpu: float
    requests: int

    @property
    def own(self) -> float:
        return self.wall - self.http - self.between

    @property
    def share(self) -> float:
        return self.own / (self.http + self.between)


class Stopwatch:
    """Adds up the time inside of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return method(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - begin
                self.calls += 1

        return timed


def run_measured(arguments: list[str], result: Path) -> None:
    """In a process of its own: the command line, with its requests and its sleeps timed."""
    import urllib3

    from migrator import cli
    from migrator.adapters.clock import SystemClock

    http, between = Stopwatch(), Stopwatch()
    urllib3.PoolManager.request = http.around(urllib3.PoolManager.request)  # type: ignore[method-assign]
    SystemClock.sleep = between.around(SystemClock.sleep)  # type: ignore[method-assign]
    sys.argv = ["migrate", *arguments]
    try:
        cli.main()
    finally:
        found = [http.seconds, between.seconds, time.process_time(), http.calls]
        result.write_text(json.dumps(found))


def measured(plane: ControlPlane, *arguments: str) -> Shares:
    """Raises RuntimeError when the command fails."""
    result = plane.folder / "shares.json"
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.applying", "--measured", str(result), "--", *arguments],
        check=False, capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(plane.kubeconfig), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    wall = time.perf_counter() - begin
    if done.returncode:
        message = f"migrate {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
        raise RuntimeError(message)
    http, between, cpu, requests = json.loads(result.read_text())
    return Shares(wall, http, between, cpu, requests)


def compare(plane: ControlPlane, example: str, rounds: int) -> dict[str, list[Shares]]:
    """The example there and back, so many times."""
    found: dict[str, list[Shares]] = {"apply": [], "rollback": []}
    calls = meshes.EXAMPLES / example / "calls.yaml"
    with applying.installed(plane, meshes.documents(example)) as spaces:
        known = ("--calls", str(calls)) if calls.exists() else ()
        plan = applying.planned(plane, plane.folder, spaces, *known)
        for _ in range(rounds):
            for command, taken in found.items():
                taken.append(measured(plane, command, str(plan), "--yes"))
    return found


def report(found: dict[str, list[Shares]], say: Callable[[str], None]) -> float:
    """A line for each run; the share of all of them together."""
    say(
        "| command | wall s | HTTP s (requests) | between looks s | own s | own CPU s | own to waiting |"
    )
    say("|---|---|---|---|---|---|---|")
    for command, taken in found.items():
        for one in taken:
            say(
                f"| {command} | {one.wall:.1f} | {one.http:.1f} ({one.requests}) | {one.between:.1f} "
                f"| {one.own:.2f} | {one.cpu:.2f} | {one.share:.1%} |"
            )
    every = [one for taken in found.values() for one in taken]
    return sum(one.own for one in every) / sum(one.http + one.between for one in every)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.applying", description=__doc__)
    parser.add_argument("example", nargs="?", default="bank")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if os.environ.get("KUBECONFIG"):
        sys.exit("KUBECONFIG is set: this starts a control plane of its own; unset it")
    with (
        tempfile.TemporaryDirectory(prefix="migrate-bench-") as folder,
        ControlPlane(Path(folder)) as plane,
    ):
        plane.install_istio("ambient")
        with CniStandIn(plane):
            share = report(compare(plane, options.example, options.rounds), print)
    print(f"own time is {share:.1%} of the time of waiting; {ALLOWED:.0%} are allowed")
    sys.exit(share > ALLOWED)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measured"]:
        run_measured(sys.argv[4:], Path(sys.argv[2]))
    else:
        main()
