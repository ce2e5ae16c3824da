"""`make demo`: from manifests to a reviewed plan, on every example, with the real command line.

Nothing is touched but plans/local/, where the plans are written.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from .catalogue import ROOT

EXAMPLES = ROOT / "plans" / "examples"
LOCAL = ROOT / "plans" / "local"
EXPECTED = {0, 3}  # 3: the mesh has blockers, which is a result

console = Console(highlight=False, stderr=False)


def steps(example: str, plan: str) -> tuple[tuple[str, list[str]], ...]:
    """The walk: what a step is for, and its command."""
    mesh, calls = f"{example}/mesh", f"{example}/calls.yaml"
    graph = ["--calls", calls] if (ROOT / calls).is_file() else []
    return (
        ("What is there?", ["scan", mesh]),
        ("What will not work in ambient, or not as it does now?", ["check", mesh]),
        (
            "In which order can it move, and what happens at each step?",
            ["plan", mesh, *graph, "-o", plan],
        ),
        ("The plan, as a reviewer reads it.", ["show", plan]),
    )


def run(arguments: list[str]) -> int:
    """Run `migrate` with our own terminal, so that it looks as it does for a user."""
    sys.stdout.flush()
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


def walk(example: Path, number: int, total: int) -> bool:
    """All steps on one example; whether every command ended as it should."""
    plan = (LOCAL / f"demo-{example.name}.yaml").relative_to(ROOT).as_posix()
    (ROOT / plan).unlink(missing_ok=True)
    console.print(Rule(f"mesh {number} of {total}: {example.name}"))
    for i, (purpose, arguments) in enumerate(
        steps(example.relative_to(ROOT).as_posix(), plan), start=1
    ):
        console.print(f"\n[bold][{number}.{i}] {purpose}[/bold]")
        console.print(f"[dim]$ migrate {' '.join(arguments)}[/dim]\n", soft_wrap=True)
        code = run(arguments)
        if code not in EXPECTED:
            console.print(f"migrate {arguments[0]} ended with exit code {code}", style="red")
            return False
    return True


def main() -> int:
    LOCAL.mkdir(parents=True, exist_ok=True)
    examples = sorted(path.parent for path in EXAMPLES.glob("*/mesh"))
    started = time.monotonic()
    for number, example in enumerate(examples, start=1):
        if not walk(example, number, len(examples)):
            return 1
    console.print(Rule())
    console.print(
        f"{len(examples)} meshes in {time.monotonic() - started:.1f} s. Nothing was changed; the"
        f" plans are in {LOCAL.relative_to(ROOT)}/. Next: your own manifests, or what"
        " `kubectl get -o yaml` prints of a cluster.",
        soft_wrap=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
