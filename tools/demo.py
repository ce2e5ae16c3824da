"""`make demo`: from manifests to a plan, and the plan walked there and back on an in-memory cluster.

Each command's output is shown from its beginning; the line below it says how to see the rest. Nothing
is touched but plans/local/, where the plans are written.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.rule import Rule

from .catalogue import ROOT

EXAMPLES = ROOT / "plans" / "examples"
LOCAL = ROOT / "plans" / "local"
EXPECTED = {0, 3}  # 3: the mesh has blockers, which is a result

console = Console(highlight=False)


class Step(NamedTuple):
    """One command, what it is for, and how many lines of its output are enough to see that."""

    purpose: str
    command: str
    lines: int


def steps(example: str, plan: str) -> tuple[Step, ...]:
    mesh, calls = f"{example}/mesh", f"{example}/calls.yaml"
    graph = f" --calls {calls}" if (ROOT / calls).is_file() else ""
    return (
        Step("What is there?", f"scan {mesh}", 14),
        Step("What will not work in ambient, or not as it does now?", f"check {mesh}", 24),
        Step("In which order can it move, and how?", f"plan {mesh}{graph} -o {plan}", 6),
        Step("The plan, as a reviewer reads it.", f"show {plan}", 44),
    )


def walked(plan: str) -> tuple[Step, ...]:
    """What follows once a person has accepted what the plan says."""
    return (
        Step("Every object change, as a diff.", f"diff {plan}", 12),
        Step("Step by step, on an in-memory cluster.", f"apply {plan} --simulate --yes", 40),
        Step("And back.", f"rollback {plan} --simulate --yes", 20),
    )


def accept(plan: Path) -> None:
    """Set every `acknowledged` of the plan, as a reviewer does in an editor."""
    text = plan.read_text(encoding="utf-8")
    accepted = text.replace("acknowledged: false", "acknowledged: true")
    plan.write_text(accepted, encoding="utf-8")
    console.print(
        "\nThe reviewer accepts: `acknowledged: true`, in the plan file, where it says what changes.",
        style="italic",
    )


def run(step: Step) -> int:
    """Run `migrate`, print what it says as far as the step wants it, give its exit code."""
    colour = {"FORCE_COLOR": "1"} if console.is_terminal and not console.no_color else {}
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *step.command.split()],
        cwd=ROOT,
        env={**os.environ, **colour, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = done.stdout.rstrip().splitlines()
    sys.stdout.write("".join(f"{line}\n" for line in lines[: step.lines]))
    sys.stdout.flush()
    if len(lines) > step.lines:
        rest = len(lines) - step.lines
        console.print(f"… {rest} more lines: migrate {step.command}", style="dim", soft_wrap=True)
    return done.returncode


def walk(example: Path, number: int, total: int) -> bool:
    """All steps on one example; whether every command ended as it should."""
    about = " ".join((example / "README.md").read_text().split("\n\n")[1].split())
    plan = (LOCAL / f"demo-{example.name}.yaml").relative_to(ROOT).as_posix()
    console.print(Rule(f"mesh {number} of {total}: {example.name}"))
    console.print(about, style="italic")
    reviewed = steps(example.relative_to(ROOT).as_posix(), plan)
    for i, step in enumerate((*reviewed, *walked(plan)), start=1):
        if i == len(reviewed) + 1:
            accept(ROOT / plan)
        console.print(f"\n[bold][{number}.{i}] {step.purpose}[/bold]")
        console.print(f"$ migrate {step.command}\n", style="cyan", soft_wrap=True)
        code = run(step)
        if code not in EXPECTED:
            console.print(f"migrate {step.command} ended with exit code {code}", style="red")
            return False
    console.print()
    return True


def main() -> int:
    LOCAL.mkdir(parents=True, exist_ok=True)
    examples = sorted(
        (path.parent for path in EXAMPLES.glob("*/mesh")), key=lambda path: path.name != "shop"
    )
    started = time.monotonic()
    for number, example in enumerate(examples, start=1):
        if not walk(example, number, len(examples)):
            return 1
    took = time.monotonic() - started
    console.print(Rule())
    console.print(
        f"{len(examples)} meshes in {took:.1f} s. No cluster was touched; the plans and their reports"
        f" are in {LOCAL.relative_to(ROOT)}/. Next: your own manifests. `make setup` installs the"
        " command in .venv, README.md says how to save the manifests of a cluster."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
