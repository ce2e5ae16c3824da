"""`make bench-apply`: how much of an apply and of a rollback is the tool's own time, and how much waiting.

A real API server and istiod, an example mesh migrated and rolled back. Waiting for the cluster is the time
between two looks at a check, and the time inside of HTTP requests, but for what the process computes
meanwhile; own time is processor time, that of Python's start too, and the time until the journal is on the
disk. Pods run nowhere and are enrolled by a stand-in: they are Ready at once, which no pod of a real cluster
is, or after `--pod-seconds`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.stopwatch import Asked, Waiting
from e2e import applying, meshes
from e2e.cni_standin import CniStandIn
from e2e.controlplane import ControlPlane

ROOT = Path(__file__).parents[1]
ALLOWED = 0.05  # own time, of the time of waiting
POD_SECONDS = 5.0


class Shares(NamedTuple):
    """Seconds of one command, and its requests by what they are for."""

    wall: float
    waiting: float
    cpu: float
    disk: float
    requests: Counter[str]

    @property
    def own(self) -> float:
        return self.cpu + self.disk

    @property
    def share(self) -> float:
        return self.own / self.waiting


def run_measured(arguments: list[str], result: Path) -> None:
    """In a process of its own: the command line, with its requests and its sleeps timed."""
    import urllib3

    from migrator import cli
    from migrator.adapters.clock import SystemClock

    waiting, disk, asked = Waiting(), Waiting(), Asked()
    pool = urllib3.PoolManager
    pool.request = waiting.around(pool.request, asked)  # type: ignore[method-assign]
    SystemClock.sleep = waiting.around(SystemClock.sleep)  # type: ignore[method-assign]
    os.fsync = disk.around(os.fsync)
    sys.argv = ["migrate", *arguments]
    try:
        cli.main()
    finally:
        found = [waiting.seconds, time.process_time(), disk.seconds, asked.by_part]
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
    waiting, cpu, disk, requests = json.loads(result.read_text())
    return Shares(wall, waiting, cpu, disk, Counter(requests))


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


def tell(found: dict[str, list[Shares]], say: Callable[[str], None]) -> float:
    """A line for each run, and for what was asked; the share of all runs together."""
    say("| command | in all s | waiting s | processor s | disk s | requests | own to waiting |")
    say("|---|---|---|---|---|---|---|")
    for command, taken in found.items():
        for one in taken:
            say(
                f"| {command} | {one.wall:.1f} | {one.waiting:.1f} | {one.cpu:.2f} | {one.disk:.2f} "
                f"| {one.requests.total()} | {one.share:.1%} |"
            )
    say("\n| requests of the last | " + " | ".join(found) + " |\n|---|" + "---|" * len(found))
    last = [taken[-1].requests for taken in found.values()]
    for part, _ in sum(last, Counter()).most_common():
        say(f"| {part} | " + " | ".join(str(one[part]) for one in last) + " |")
    every = [one for taken in found.values() for one in taken]
    return sum(one.own for one in every) / sum(one.waiting for one in every)


def bench(example: str, rounds: int, pod_seconds: float) -> float:
    """On a control plane of its own; the share of own time."""
    with (
        tempfile.TemporaryDirectory(prefix="migrate-bench-") as folder,
        ControlPlane(Path(folder), pod_seconds=pod_seconds) as plane,
    ):
        plane.install_istio("ambient")
        with CniStandIn(plane):
            return tell(compare(plane, example, rounds), print)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.applying", description=__doc__)
    parser.add_argument("example", nargs="?", default="bank")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--pod-seconds", type=float, default=POD_SECONDS,
        help="until a pod is Ready, at least; twice that at most (0: at once)",
    )  # fmt: skip
    options = parser.parse_args()
    if os.environ.get("KUBECONFIG"):
        sys.exit("KUBECONFIG is set: this starts a control plane of its own; unset it")
    at_once = bench(options.example, options.rounds, 0)
    print(f"\npods are Ready at once: own time is {at_once:.1%} of the time of waiting\n")
    if not options.pod_seconds:
        return
    share = bench(options.example, options.rounds, options.pod_seconds)
    print(
        f"\npods are Ready after {options.pod_seconds:g} to {2 * options.pod_seconds:g} s: own time is "
        f"{share:.1%} of the time of waiting; {ALLOWED:.0%} are allowed"
    )
    sys.exit(share > ALLOWED)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measured"]:
        run_measured(sys.argv[4:], Path(sys.argv[2]))
    else:
        main()
