"""What the commands that execute a plan share: options, the plan file, stopping by Ctrl-C."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.errors import MigrateError

if TYPE_CHECKING:
    from migrator.planner.plan import Plan

    from .watching import TextWatcher

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", show_default=False, help="A plan file.")]
Simulate = Annotated[
    bool,
    typer.Option(
        "--simulate",
        help="On an in-memory cluster made from the plan's own snapshot; touches nothing.",
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Ask nothing; wait for what only a person can do.")
]
Kubeconfig = Annotated[
    str, typer.Option(metavar="FILE", show_default=False, help="As kubectl's option.")
]
Context = Annotated[
    str, typer.Option(metavar="NAME", show_default=False, help="The context of the kubeconfig.")
]
PrometheusUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        show_default=False,
        help="Where gates measure error rates; else they are not measured.",
    ),
]


def check_terminal(*, yes: bool) -> None:
    """Raises a usage error when questions could not be answered."""
    if not yes and not sys.stdin.isatty():
        message = "there is no terminal to ask on; --yes does what the plan says without asking"
        raise typer.BadParameter(message)


def watcher(*, yes: bool, simulated: bool = False) -> "TextWatcher":
    """Who is told, and asked, on this terminal."""
    from .watching import TextWatcher

    return TextWatcher(yes=yes, simulated=simulated)


@contextmanager
def about(plan: Path) -> Iterator[None]:
    """Errors name the plan file in the command that they tell to run next."""
    try:
        yield
    except MigrateError as error:
        error.hint = error.hint.replace("PLAN", str(plan))
        raise


@contextmanager
def stoppable(watcher: "TextWatcher", again: str) -> Iterator[None]:
    """Ctrl-C, once, ends the run at the next safe point (a question is one); twice, at once."""

    def ask_to_stop(_signal: int, _frame: object) -> None:
        if watcher.stop_asked or watcher.asking:
            raise KeyboardInterrupt
        watcher.stop_asked = True

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(again) from None
    finally:
        signal.signal(signal.SIGINT, before)
        watcher.close()


class InterruptedRunError(MigrateError):
    """Ctrl-C; what was begun is recorded."""

    exit_code = 5

    def __init__(self, again: str) -> None:
        super().__init__(
            "Stopped, as asked", detail="What was begun is recorded; nothing is lost.", hint=again
        )


def names_of(plan: "Plan") -> Sequence[str]:
    return [wave.name for phase in plan.phases for wave in phase.waves]
