"""`python -m bench.fuzz --count 10000`: reads, checks and plans spoilt manifests.

Whatever a manifest holds, the tool ends in time and with nothing but its own errors. Exit code 1 with the
first spoilt input that shows otherwise, which is then in the file that is named.
"""

import argparse
import io
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType

from migrator.adapters.files import read_sources
from migrator.errors import MigrateError
from migrator.istio.mesh import Mesh
from migrator.planner import PlanOptions, make_plan
from migrator.planner.file.planfile import dump
from migrator.rules import all_rules, analyze

from .mutate import mutated, seeds

SECONDS = 10  # for one input; the longest of a good one is far below one second


def outcome(data: bytes) -> str:
    """Read, check, locate and plan `data`; `complete`, `incomplete` or `refused`."""
    try:
        reading = read_sources(["-"], stdin=io.BytesIO(data))
        mesh = Mesh(reading.snapshot)
        findings = analyze(mesh, all_rules())
        for finding in findings:
            reading.locate(finding)
        dump(make_plan(mesh, findings, PlanOptions()))
    except MigrateError:
        return "refused"
    return "complete" if reading.snapshot.complete else "incomplete"


def inputs(count: int, seed: int) -> "list[bytes]":
    """The same inputs for the same numbers."""
    chance = random.Random(seed)
    start = seeds()
    return [mutated(chance.choice(start), chance) for _ in range(count)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    seen: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    chance = random.Random(arguments.seed)
    start = seeds()
    for number in range(arguments.count):
        data = mutated(chance.choice(start), chance)
        signal.alarm(SECONDS)
        try:
            seen[outcome(data)] += 1
        except Exception as error:  # noqa: BLE001  any other exception is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {error} at {where.filename}:{where.lineno}"
            if not bad[what]:
                _report(number, data, what)
            bad[what] += 1
        finally:
            signal.alarm(0)
    print(f"{arguments.count} inputs: {dict(seen)}, {sum(bad.values())} failures")
    return 1 if bad else 0


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"took longer than {SECONDS} s")


def _report(number: int, data: bytes, what: str) -> None:
    with tempfile.NamedTemporaryFile(
        prefix=f"spoilt-{number}-", suffix=".yaml", delete=False
    ) as file:
        file.write(data)
    print(f"input {number}, kept in {Path(file.name)}: {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
