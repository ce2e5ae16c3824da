"""`make bench-live`: a live check beside the raw lists that it needs and `istioctl analyze`, in one run.

A real API server and istiod; 100 namespaces, 2,000 Deployments, 6,000 pods with sidecars that the real
injector put in (pods are Ready without running). Each command is a process of its own, run in turn with the
others, so that a busy machine is busy for all of them.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from e2e.controlplane import ControlPlane
from e2e.copies import fill_with_copies
from e2e.fill import fill, wait_for_pods
from migrator.adapters.kube.client import connect

from .generate import Size
from .measure import Cost, measure

ROOT = Path(__file__).parents[1]
_LOOKED = {0, 3, 79}  # done; blockers of ours; istioctl's word for findings


def looked(command: list[str], kubeconfig: Path) -> Cost:
    """The cost of one command. Raises RuntimeError when it did not look at everything."""
    cost = measure(command, {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT)})
    if cost.code not in _LOOKED:
        raise RuntimeError(f"{' '.join(command)} ended with {cost.code}")
    return cost


def compare(plane: ControlPlane, rounds: int) -> dict[str, list[Cost]]:
    """Every command in turn; a round before the first warms caches and does not count."""
    python, recording = sys.executable, str(plane.folder / "requests.json")
    looked([python, "-m", "bench.replay", "record", recording], plane.kubeconfig)
    commands = {
        "raw lists (the floor)": [python, "-m", "bench.replay", recording],
        "migrate check": [python, "-m", "migrator", "check", "-o", "json"],
        "istioctl analyze -A": [str(plane.binaries["istioctl"]), "analyze", "-A"],
    }
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            cost = looked(command, plane.kubeconfig)
            if number:
                found[name].append(cost)
    return found


def report(found: dict[str, list[Cost]], say: Callable[[str], None]) -> None:
    """Median, least and most seconds, memory, and ratios of the medians."""
    middle = {name: statistics.median(t.seconds for t in taken) for name, taken in found.items()}
    say("| command | median s | min-max s | MiB | to the floor | to analyze |")
    say("|---|---|---|---|---|---|")
    lists, _, analyze = middle
    for name, taken in found.items():
        times = sorted(t.seconds for t in taken)
        memory = max(t.mib for t in taken)
        say(
            f"| {name} | {middle[name]:.2f} | {times[0]:.2f}-{times[-1]:.2f} | {memory:.0f} "
            f"| {middle[name] / middle[lists]:.2f} | {middle[name] / middle[analyze]:.2f} |"
        )


def filled(plane: ControlPlane, size: Size, *, copied: bool) -> None:
    """Put the mesh there. Raises TimeoutError when its pods do not become Ready."""
    api = connect(str(plane.kubeconfig))
    total = size.namespaces * size.workloads * size.pods
    began = time.monotonic()
    if copied:
        fill_with_copies(plane, api, size)
    else:
        fill(api, size)
        if not wait_for_pods(api, total, 900):
            raise TimeoutError("the pods did not become Ready in 15 minutes")
    how = "copied from an injected one" if copied else "injected"
    print(f"{total} pods, {how}, are Ready after {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("size", type=int, nargs="*", default=(100, 20, 3))
    parser.add_argument(
        "--copied", action="store_true", help="pods by e2e.copies, not by controllers"
    )
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if os.environ.get("KUBECONFIG"):
        sys.exit("KUBECONFIG is set: this starts a control plane of its own; unset it")
    with (
        tempfile.TemporaryDirectory(prefix="migrate-bench-") as folder,
        ControlPlane(Path(folder)) as plane,
    ):
        plane.install_istio("default")
        filled(plane, Size(*options.size), copied=options.copied)
        report(compare(plane, options.rounds), print)


if __name__ == "__main__":
    main()
