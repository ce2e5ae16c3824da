"""`make bench-plan`: what `migrate plan` costs from files to files, and `migrate show` of the plan it wrote.

`python -m bench.plan_command [NAMESPACES WORKLOADS PODS]`: a mesh of 2,000 namespaces with 10 workloads each
unless told otherwise, as JSON and as YAML. Each command is a process of its own: wall-clock seconds, seconds
of the processor, and the most memory that it held. Nothing is asserted: machines differ.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .generate import Size, write_json, write_yaml
from .measure import Cost, measure
from .planning import LARGE

_MIGRATE = (sys.executable, "-c", "from migrator.cli import main; main()")
_FORMS: dict[str, Callable[[Size, Path], None]] = {"JSON": write_json, "YAML": write_yaml}


def commands(size: Size, folder: Path) -> None:
    """Prints a line for each command, as soon as it is done."""
    plan = folder / "plan.yaml"
    for form, write in _FORMS.items():
        source = folder / form.lower()
        write(size, source)
        _say(f"plan from {form}", measure([*_MIGRATE, "plan", str(source), "-o", str(plan)]))
    for file in (plan, plan.with_suffix(".md"), plan.with_suffix(".snapshot")):
        print(f"  {file.name}: {file.stat().st_size / 1e6:.1f} MB")
    _say("show the plan", measure([*_MIGRATE, "show", str(plan)]))


def _say(what: str, cost: Cost) -> None:
    print(
        f"{what:16} {cost.seconds:7.1f} s, {cost.cpu:7.1f} s of the processor, {cost.mib:6.0f} MiB, "
        f"exit code {cost.code}",
        flush=True,
    )


if __name__ == "__main__":
    asked = Size(*map(int, sys.argv[1:4])) if len(sys.argv) == 4 else LARGE
    print(f"{asked.namespaces} namespaces, {asked.namespaces * asked.workloads} workloads")
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        commands(asked, Path(place))
