"""`make bench-live`: a live check beside the raw lists that it needs and `istioctl analyze`, in one run.

A real API server and istiod; 100 namespaces, 2,000 Deployments, 6,000 pods with sidecars that the real
injector put in (pods are Ready without running). Each command is a process of its own, run in turn with the
others, so that a busy machine is busy for all of them.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from e2e.controlplane import ControlPlane
from e2e.fill import fill, wait_for_pods
from migrator.adapters.kube.client import Api, connect
from migrator.adapters.kube.lists import BY_METADATA
from migrator.adapters.kube.resources import Served, discover

from .generate import Size

ROOT = Path(__file__).parents[1]
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_ROUNDS = 5
_FLOOR = "--floor"
_LOOKED = {0, 3, 79}  # done; blockers of ours; istioctl's word for findings


class Taken(NamedTuple):
    """Of one process: seconds on the wall, and the most memory it had, in MiB."""

    seconds: float
    mebibytes: float


def floor() -> None:
    """The lists that a check needs, asked for side by side, and thrown away."""
    api = connect()
    served = discover(api)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(_list, api, one) for one in served.values()]:
            done.result()


def _list(api: Api, served: Served) -> None:
    accept = _METADATA if served.kind in BY_METADATA else "application/json"
    token = ""
    while True:
        query = [("limit", "500"), *([("continue", token)] if token else [])]
        data = api.request("GET", served.path(), query=query, accept=accept, timeout=120)
        _, found, rest = data.partition(b'"continue":"')
        token = rest.partition(b'"')[0].decode() if found else ""
        if not token:
            return


def measure(command: Sequence[str], kubeconfig: Path) -> Taken:
    """Run one command to its end. Raises RuntimeError when it did not look at everything."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in _LOOKED:
        message = f"{' '.join(command)} ended with {child.returncode}"
        raise RuntimeError(message)
    return Taken(time.monotonic() - began, usage.ru_maxrss / 1024)


def compare(plane: ControlPlane) -> dict[str, list[Taken]]:
    """Every command in turn, `_ROUNDS` times; the first round warms caches and does not count."""
    python = sys.executable
    commands = {
        "raw lists (the floor)": [python, "-m", "bench.live", _FLOOR],
        "migrate check": [python, "-m", "migrator", "check", "-o", "json"],
        "istioctl analyze -A": [str(plane.binaries["istioctl"]), "analyze", "-A"],
    }
    found: dict[str, list[Taken]] = {name: [] for name in commands}
    for number in range(_ROUNDS + 1):
        for name, command in commands.items():
            taken = measure(command, plane.kubeconfig)
            if number:
                found[name].append(taken)
    return found


def report(found: dict[str, list[Taken]], say: Callable[[str], None]) -> None:
    """Median, least and most seconds, memory, and ratios of the medians."""
    middle = {name: statistics.median(t.seconds for t in taken) for name, taken in found.items()}
    say("| command | median s | min-max s | MiB | to the floor | to analyze |")
    say("|---|---|---|---|---|---|")
    lists, _, analyze = middle
    for name, taken in found.items():
        times = sorted(t.seconds for t in taken)
        memory = max(t.mebibytes for t in taken)
        say(
            f"| {name} | {middle[name]:.2f} | {times[0]:.2f}-{times[-1]:.2f} | {memory:.0f} "
            f"| {middle[name] / middle[lists]:.2f} | {middle[name] / middle[analyze]:.2f} |"
        )


def main(arguments: Sequence[str]) -> None:
    if list(arguments) == [_FLOOR]:
        floor()
        return
    namespaces, workloads, pods = (int(n) for n in arguments or ("100", "20", "3"))
    size = Size(namespaces, workloads, pods)
    with (
        tempfile.TemporaryDirectory(prefix="migrate-bench-") as folder,
        ControlPlane(Path(folder)) as plane,
    ):
        plane.install_istio("default")
        api = connect(str(plane.kubeconfig))
        print(f"filling: {namespaces} namespaces, {workloads} workloads each, {pods} pods each")
        fill(api, size)
        total = namespaces * workloads * pods
        if not wait_for_pods(api, total, 900):
            sys.exit("the pods did not become Ready in 15 minutes")
        report(compare(plane), print)


if __name__ == "__main__":
    main(sys.argv[1:])
