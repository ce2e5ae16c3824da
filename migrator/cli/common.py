"""What several commands share: sources, versions, printing."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .live import Live, read_live
from .memory import kept
from .streams import working

if TYPE_CHECKING:
    from pydantic import BaseModel

    from migrator.adapters.files import Reading
    from migrator.istio.mesh import Mesh
    from migrator.istio.versions import Version

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        show_default=False,
        help="Files, folders (read with their subfolders), `-` for standard input, or a saved snapshot; "
        "none is the cluster of the current context.",
    ),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        show_default=False,
        help="Only this namespace; may be repeated.",
    ),
]
IstioVersion = Annotated[
    str,
    typer.Option(
        "--istio-version", metavar="X.Y.Z", show_default=False,
        help="The version that the mesh will run when it moves; else the oldest istiod's in the source.",
    ),
]  # fmt: skip
Line = tuple[str, str]


def read(sources: list[str] | None, live: Live) -> "Reading":
    """Read the sources; without any, the cluster."""
    if sources and (live.context or live.kubeconfig):
        message = "SOURCE and a cluster cannot both be read: leave out --context and --kubeconfig"
        raise typer.BadParameter(message)
    with kept():
        return _read_files(sources) if sources else read_live(live)


def _read_files(sources: list[str]) -> "Reading":
    from migrator.adapters.files import read_sources

    with working(f"reading {', '.join(sources)}"):
        return read_sources(sources)


def version_of(text: str) -> "Version | None":
    from migrator.istio.versions import parse_version

    if not text:
        return None
    found = parse_version(text)
    if found is None:
        message = f"--istio-version: {text!r} is no version; 1.30.3 is one"
        raise typer.BadParameter(message)
    return found


def mesh_of(reading: "Reading", istio_version: str = "") -> "Mesh":
    from migrator.istio.mesh import Mesh

    return Mesh(reading.snapshot, istio_version=version_of(istio_version))


def print_lines(lines: Iterable[Line]) -> None:
    """Styled lines to stdout; styles only reach a terminal."""
    from migrator.report.text import console, safe

    out = console()
    if out.color_system is None:
        sys.stdout.writelines(f"{safe(text)}\n" for text, _ in lines)
        return
    for text, style in lines:
        out.out(safe(text), style=style or None, highlight=False)


def print_model(model: "BaseModel", form: str) -> None:
    """A contract as JSON or YAML, to stdout."""
    print_data(model.model_dump(mode="json", by_alias=True), form)


def print_data(data: Any, form: str) -> None:
    from migrator.report.data import render

    sys.stdout.write(render(data, form))


def narrate(text: str) -> None:
    """A word for the person, on stderr."""
    typer.echo(text, err=True)
