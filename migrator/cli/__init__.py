"""The `migrate` command: one file a command; what may go in: options, calls, exit codes.

Everything that costs time to import is imported by the command that needs it.
"""

import os
import sys
from typing import Annotated

import typer

from migrator import __version__
from migrator.errors import MigrateError

from . import check, estimate, explain, plan, scan, show

app = typer.Typer(
    name="migrate",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(scan.scan)
app.command()(check.check)
app.command()(explain.explain)
app.command()(plan.plan)
app.command()(show.show)
app.command()(estimate.estimate)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"migrate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Move a Kubernetes cluster from Istio sidecars to Istio ambient.

    This version reads manifests: it takes inventory, finds what will not work in ambient or not as it
    does now, and writes a plan for review. It changes nothing.
    """


def main() -> None:
    """Run a command; every way to stop becomes words and an exit code, never a traceback."""
    try:
        app()
    except MigrateError as error:
        _say(error.summary, error.detail, error.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MIGRATE_DEBUG"):
            raise
        _say(
            f"this is a bug of migrate: {type(error).__name__}: {error}",
            "Nothing was changed. Please report it, with the traceback that this prints:",
            "MIGRATE_DEBUG=1 migrate …",
        )
        sys.exit(1)


def _say(summary: str, detail: str, hint: str) -> None:
    from migrator.report.text import safe

    text = f"error: {summary}\n"
    if detail:
        text += f"\n{detail}\n"
    if hint:
        text += f"\n    {hint}\n"
    sys.stderr.write(safe(text))
