"""The `migrate` command: one file a command; what may go in: options, calls, exit codes.

Everything that costs time to import is imported by the command that needs it.
"""

import os
import sys
from typing import Annotated

import typer

from migrator import __version__
from migrator.errors import MigrateError

from . import (
    apply,
    check,
    diff,
    estimate,
    explain,
    export,
    permissions,
    plan,
    process,
    rehearse,
    rollback,
    scan,
    show,
    status,
    streams,
)

app = typer.Typer(
    name="migrate",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# The short helps fit one line of 80 columns: typer cuts a longer one.
app.command(short_help="Take inventory of namespaces and workloads.")(scan.scan)
app.command(short_help="Find what will not work in ambient as it does now.")(check.check)
app.command(short_help="Explain a rule, or list all.")(explain.explain)
app.command(short_help="Write the phased plan, as a file for review.")(plan.plan)
app.command(short_help="Show a plan as a reviewer reads it.")(show.show)
app.command(short_help="Show every object change of a plan.")(diff.diff)
app.command(short_help="Apply a plan, step by step.")(apply.apply)
app.command(short_help="Say where a plan stands.")(status.status)
app.command(short_help="Look again at everything a plan claims.")(status.verify)
app.command(short_help="Undo a plan, newest first, verified.")(rollback.rollback)
app.command(short_help="Try a plan on a throw-away cluster.")(rehearse.rehearse)
app.command(short_help="Write the changes for kustomize.")(export.export)
app.command(short_help="Print the least RBAC that is needed.")(permissions.permissions)
app.command(short_help="Estimate requests now and in ambient.")(estimate.estimate)


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

    It takes inventory, finds what will not work in ambient or not as it does now, writes a plan for
    review, applies it step by step, and rolls it back. Only `apply` and `rollback` change a cluster.
    """


def main() -> None:
    """Run a command; every way to stop becomes words and an exit code, never a traceback."""
    process.begin()
    try:
        _run()
    except MigrateError as error:
        _say(error.summary, error.detail, error.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        streams.abandon()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MIGRATE_DEBUG"):
            raise
        if isinstance(error, OSError):
            streams.abandon()
            _say(f"the system refused: {error.strerror or error}", error.filename or "", "")
            sys.exit(1)
        _say(
            f"this is a bug of migrate: {type(error).__name__}: {error}",
            "What was begun is recorded: migrate status. Please report it, with the traceback of:",
            "MIGRATE_DEBUG=1 migrate …",
        )
        sys.exit(1)


def _run() -> None:
    """A command with its output written to the end: what fails only then is an error like any other."""
    try:
        app()
    finally:
        sys.stdout.flush()


def _say(summary: str, detail: str, hint: str) -> None:
    from migrator.report.text import safe

    text = f"error: {summary}\n"
    if detail:
        text += f"\n{detail}\n"
    if hint:
        text += f"\n    {hint}\n"
    sys.stderr.write(safe(text))
