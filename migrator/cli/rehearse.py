"""`migrate rehearse`: the whole migration on a throw-away cluster, with traffic, faults and a verdict."""

from enum import StrEnum
from typing import Annotated

import typer

from . import calling, common, executing, live, rehearsing


class ProviderOption(StrEnum):
    """Where the cluster comes from."""

    CONTROLPLANE = "controlplane"


class FaultOption(StrEnum):
    """What is put in on purpose."""

    WAYPOINT = "waypoint-never-ready"
    ENROLMENT = "pods-never-enrol"
    IMAGE = "image-cannot-start"
    ERRORS = "service-answers-503"
    NONE = "none"


class Form(StrEnum):
    """Forms of the report."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    JUNIT = "junit"


def rehearse(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLAN|SOURCE",
            show_default=False,
            help="A plan file, or files, folders or a snapshot to make a plan of; none is the cluster of "
            "the current context, which is only read.",
        ),
    ] = None,
    provider: Annotated[  # noqa: ARG001  the only one so far
        ProviderOption, typer.Option(help="Where the throw-away cluster comes from.")
    ] = ProviderOption.CONTROLPLANE,
    checkout: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            envvar="MIGRATE_CHECKOUT",
            show_default=False,
            help="For controlplane: a checkout of migrate; else the current folder.",
        ),
    ] = "",
    fault: Annotated[
        list[FaultOption] | None,
        typer.Option(
            show_default=False, help="Put only this in, or none; may be repeated. Else all of them."
        ),
    ] = None,
    calls: calling.Calls = None,
    replicas: Annotated[int, typer.Option(min=1, help="Pods of a workload at most.")] = 2,
    patience: Annotated[
        int, typer.Option(metavar="SECONDS", min=10, help="For any check of the plan at most.")
    ] = 120,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="The form of the report.")
    ] = Form.TEXT,
    keep: Annotated[bool, typer.Option("--keep", help="Do not delete the cluster.")] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only delete what earlier rehearsals left behind.")
    ] = False,
    istio_version: common.IstioVersion = "",
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
) -> None:
    """Try the whole migration on a throw-away cluster: traffic, faults put in on purpose, a verdict.

    Exit code 0 passed; 5 failed; 1 inconclusive, or there is no verdict; 3 the plan has blockers. Nothing
    but the throw-away cluster is ever changed.
    """
    from .rehearsal_world import provider_of, tools

    found = provider_of(checkout)
    if clean:
        for leftover in found.leftovers():
            found.remove(leftover)
            common.narrate(f"deleted {leftover}")
        return
    from migrator.rehearsal.faults import Trouble
    from migrator.rehearsal.recreate import Wish
    from migrator.rehearsal.whole import Options
    from migrator.rehearsal.whole import rehearse as whole

    wanted = tuple(
        Trouble(one.value) for one in fault or FaultOption if one is not FaultOption.NONE
    )
    options = Options(Wish(replicas=replicas), wanted, patience, keep=keep)
    where = rehearsing.Where(context, kubeconfig, calls, istio_version)
    subject = rehearsing.subject(sources, where)
    watcher = executing.watcher(yes=True)
    with executing.stoppable(watcher, "migrate rehearse"):
        report = whole(subject, found, tools(watcher), options)
    rehearsing.show(report, output.value)
    if report.exit_code:
        raise typer.Exit(report.exit_code)
