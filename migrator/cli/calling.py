"""The call graph of `migrate plan`: declared in a file, measured by Prometheus, or both."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.errors import ManifestError

from . import common
from .streams import working
from .writing import encoded, write_new

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh
    from migrator.planner.decisions.calls import CallGraph

Calls = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", show_default=False,
        help="The call graph; without it all callers count as unknown.",
    ),
]  # fmt: skip
Url = Annotated[
    str,
    typer.Option(
        "--prometheus", metavar="URL", show_default=False,
        help="Measure calls there; a token is taken from MIGRATE_PROMETHEUS_TOKEN.",
    ),
]  # fmt: skip
Window = Annotated[
    str, typer.Option("--prometheus-window", metavar="DURATION", help="How far to look back.")
]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--prometheus-ca", metavar="FILE", show_default=False,
        help="Who signed Prometheus's certificate, as PEM.",
    ),
]  # fmt: skip
Save = Annotated[
    Path | None,
    typer.Option(
        "--save-calls", metavar="FILE", show_default=False,
        help="Write the call graph with what was measured, for review and --calls.",
    ),
]  # fmt: skip
Complete = Annotated[
    bool,
    typer.Option("--calls-complete", help="You say that there are no calls but those known."),
]


@dataclass(frozen=True)
class Wish:
    """What a person asked for about calls."""

    file: Path | None
    prometheus: str
    window: str
    authority: Path | None
    save: Path | None
    complete: bool

    def __post_init__(self) -> None:
        """A usage error when an option lacks what it is about."""
        for option, given in (("--save-calls", self.save), ("--prometheus-ca", self.authority)):
            if given and not self.prometheus:
                message = f"{option} is about what is measured: --prometheus URL is missing"
                raise typer.BadParameter(message)
        if self.complete and not (self.prometheus or self.file):
            message = "--calls-complete is about a call graph: --calls or --prometheus is missing"
            raise typer.BadParameter(message)


def call_graph(mesh: "Mesh", wish: Wish) -> "CallGraph | None":
    """The declared graph, with what was measured; saved when that was asked for."""
    from migrator.planner.decisions.calls import CallGraph, dump_calls

    graph = _declared(wish.file) if wish.file else None
    if wish.prometheus:
        graph = (graph or CallGraph()).joined(_measured(mesh, wish))
    if graph is not None and wish.complete:
        graph = graph.model_copy(update={"complete": True})
    if graph is not None and wish.save:
        write_new({wish.save: encoded([dump_calls(graph)])})
        common.narrate(f"call graph written to {wish.save}: {len(graph.calls)} calls")
    return graph


def _measured(mesh: "Mesh", wish: Wish) -> "CallGraph":
    from migrator.adapters import prometheus
    from migrator.adapters.prometheus.address import TOKEN, parse_address
    from migrator.planner.decisions.measured import measured_graph

    try:
        window = prometheus.parse_window(wish.window)
        address = parse_address(wish.prometheus, os.environ.get(TOKEN, ""))
    except ValueError as error:
        raise typer.BadParameter(f"--prometheus: {error}") from error
    server = prometheus.Prometheus(address, authority=wish.authority)
    with working(f"measuring calls at {address.place}"):
        found = prometheus.measure_flows(server, window)
    return measured_graph(mesh, found.flows, found.measured)


def _declared(file: Path) -> "CallGraph":
    import yaml

    from migrator.planner.decisions.calls import parse_calls

    try:
        return parse_calls(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ManifestError(f"--calls: {error.strerror}", path=str(file)) from error
    except (ValueError, yaml.YAMLError) as error:
        raise ManifestError(f"--calls: this is no call graph: {error}", path=str(file)) from error
