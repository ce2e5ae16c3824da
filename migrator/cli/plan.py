"""`migrate plan`: the phased plan, as a file for review."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from migrator.errors import ManifestError

from . import calling, common, live, names


class Waypoints(StrEnum):
    """Which reasons get a Service a waypoint."""

    HARD = "hard"
    ALL = "all"


class Routes(StrEnum):
    """What becomes of VirtualServices of the mesh."""

    KEEP = "keep"
    HTTPROUTE = "httproute"


class Strategy(StrEnum):
    """How namespaces move."""

    AUTO = "auto"
    WORKLOAD = "workload"


def plan(
    sources: common.Sources = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Where the plan goes, with its report beside it as .md; else the plan goes to stdout.",
        ),
    ] = None,
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespaces",
            "-n",
            metavar="NAME",
            show_default=False,
            help="Move only this namespace; may be repeated.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", show_default=False, help="Leave this namespace behind; may be repeated."
        ),
    ] = None,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE[:OBJECT]", show_default=False, help="Accept a finding; may be repeated."
        ),
    ] = None,
    calls: calling.Calls = None,
    prometheus: calling.Url = "",
    prometheus_window: calling.Window = "7d",
    prometheus_ca: calling.Authority = None,
    save_calls: calling.Save = None,
    calls_complete: calling.Complete = False,
    waypoints: Annotated[
        Waypoints,
        typer.Option(
            help="Waypoints for what would break or open without, or for soft reasons too."
        ),
    ] = Waypoints.HARD,
    strategy: Annotated[
        Strategy,
        typer.Option(help="Flip namespaces where that is safe, or move every workload by itself."),
    ] = Strategy.AUTO,
    routes: Annotated[
        Routes,
        typer.Option(
            help="VirtualServices stay, or become HTTPRoutes where every request is answered as before."
        ),
    ] = Routes.KEEP,
    soak: Annotated[
        int, typer.Option(metavar="MINUTES", min=0, help="How long to watch after each wave.")
    ] = 10,
    istio_version: common.IstioVersion = "",
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
) -> None:
    """Write the plan: phases, waves and steps, each with its reason, exact change, checks and undo.

    What it opens and closes is said on stderr. Exit code 0; 3 when a blocker stops the whole mesh, or
    when the plan opens something that nobody accepted; 1 when something could not be read: then there
    is no plan.
    """  # fmt: skip
    from migrator.planner import PlanOptions, make_plan
    from migrator.planner.options import Acknowledge
    from migrator.rules import all_rules
    from migrator.rules.suppression import without_suppressed

    from .selection import ask, find_rule
    from .writing import check_plan_path, conclude, print_plan, write_plan

    check_plan_path(output)
    wish = calling.Wish(
        calls, prometheus, prometheus_window, prometheus_ca, save_calls, calls_complete
    )
    reading = common.read(sources, live.Live(context, kubeconfig))
    mesh = common.mesh_of(reading, istio_version)
    if not mesh.snapshot.complete:
        first = mesh.snapshot.unread[0]
        raise ManifestError(
            "no plan is made from what could not be read in full",
            path=f"{first.where}: {first.reason}",
            hint="migrate check SOURCE" if sources else "migrate permissions",
        )
    accepted = tuple(Acknowledge.parse(text) for text in acknowledge or ())
    for one in accepted:
        if not one.code.startswith("PLAN"):
            find_rule(one.code)
    options = PlanOptions(
        namespaces=names.check_namespaces(mesh, namespaces or (), "--namespaces"),
        exclude=names.check_namespaces(mesh, exclude or (), "--exclude"),
        acknowledge=accepted,
        waypoints=waypoints.value,
        strategy=strategy.value,
        routes=routes.value,
        soak_minutes=soak,
        calls=calling.call_graph(mesh, wish),
        cluster=reading.cluster,
    )
    found, suppressed = without_suppressed(mesh.snapshot, ask(mesh, all_rules()))
    made = make_plan(mesh, found, options, suppressed)
    if output is None:
        print_plan(made)
    else:
        report = write_plan(made, output, mesh.snapshot)
        common.narrate(f"plan written to {output}, its report to {report}")
        common.narrate(f"\n    migrate show {output}")
    if suppressed:
        common.narrate(f"suppressed by annotation, see `migrate check`: {len(suppressed)}")
    conclude(made)
