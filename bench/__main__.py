"""`python -m bench`: what an offline check costs, beside the least that reading the same files could.

Each number is of a process of its own: wall-clock seconds and the most memory that it held. The floor only
parses the files (PyYAML's C loader, msgspec), keeping nothing. Nothing is asserted: machines differ.
"""

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .generate import sized, write_json, write_snapshot, write_yaml
from .measure import Cost, measure

SIZES = (6_000, 30_000, 120_000)
_YAML_UP_TO = 30_000
_FLOOR = "import bench.floor, sys; bench.floor.parse(sys.argv[1])"
_CHECK = "from migrator.cli import main; main()"


class Row(NamedTuple):
    """One line of the table."""

    form: str
    objects: int
    bytes: int
    floor: Cost
    check: Cost


def row(form: str, objects: int, source: Path) -> Row:
    """The costs of reading and of checking `source`."""
    files = [source] if source.is_file() else list(source.iterdir())
    check = [sys.executable, "-c", _CHECK, "check", str(source), "-o", "json"]
    return Row(
        form, objects, sum(file.stat().st_size for file in files),
        measure([sys.executable, "-c", _FLOOR, str(source)]), measure(check),
    )  # fmt: skip


def rows(sizes: Sequence[int], folder: Path) -> "list[Row]":
    """Every form at every size; YAML only where a person would have it."""
    found = []
    for objects in sizes:
        size = sized(objects)
        if objects <= _YAML_UP_TO:
            write_yaml(size, folder / "yaml")
            found.append(row("YAML", size.objects, folder / "yaml"))
        write_json(size, folder / "json")
        found.append(row("JSON", size.objects, folder / "json"))
        write_snapshot(folder / "json", folder / "mesh.gz")
        found.append(row("snapshot", size.objects, folder / "mesh.gz"))
        for form in ("yaml", "json"):
            shutil.rmtree(folder / form, ignore_errors=True)
        print(f"… {objects} objects measured", file=sys.stderr, flush=True)
    return found


def exponent(of_form: Sequence[Row]) -> str:
    """The growth of time with size, without the start of the process: 1 is linear."""
    if len(of_form) < 2:
        return "-"
    first, last = of_form[0], of_form[-1]
    start = measure([sys.executable, "-c", "from migrator.cli import main"]).seconds
    times = (max(one.check.seconds - start, 1e-3) for one in (last, first))
    grown = next(times) / next(times)
    return f"{math.log(grown) / math.log(last.objects / first.objects):.2f}"


def start_up() -> tuple[float, float]:
    """Seconds of `migrate --help`, and of Python doing nothing: the least of ten."""
    help_ = [sys.executable, "-c", _CHECK, "--help"]
    nothing = [sys.executable, "-c", "pass"]
    return tuple(min(_alone(one) for _ in range(10)) for one in (help_, nothing))  # type: ignore[return-value]


def _alone(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = sorted(parser.parse_args().sizes)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = rows(sizes, Path(folder))
    print(
        f"{'form':9} {'objects':>8} {'MB':>6} {'floor s':>8} {'check s':>8} {'MiB':>6} {'exit':>4}"
    )
    for one in found:
        print(
            f"{one.form:9} {one.objects:8} {one.bytes / 1e6:6.1f} {one.floor.seconds:8.2f} "
            f"{one.check.seconds:8.2f} {one.check.mib:6.0f} {one.check.code:4}"
        )
    for form in ("YAML", "JSON", "snapshot"):
        print(f"growth exponent, {form}: {exponent([one for one in found if one.form == form])}")
    subprocess.run([sys.executable, "-m", "bench.planning"], check=True)
    help_, nothing = start_up()
    print(f"migrate --help: {help_:.3f} s; python -c pass: {nothing:.3f} s")


if __name__ == "__main__":
    main()
