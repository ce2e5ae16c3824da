"""The cluster as a source: which one, and reading it."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from .streams import working

if TYPE_CHECKING:
    from migrator.adapters.files import Reading

Context = Annotated[
    str,
    typer.Option(
        "--context", metavar="NAME", show_default=False,
        help="The context of the kubeconfig to use, without SOURCE.",
    ),
]  # fmt: skip
Kubeconfig = Annotated[
    str,
    typer.Option(
        "--kubeconfig", metavar="FILE", show_default=False,
        help="The kubeconfig to use, without SOURCE; else KUBECONFIG or ~/.kube/config.",
    ),
]  # fmt: skip


class Live(NamedTuple):
    """Which cluster is read when there is no SOURCE; only these namespaces of it, if any."""

    context: str = ""
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()


def read_live(live: Live) -> "Reading":
    """The cluster; on stderr, what was left out of it."""
    from migrator.adapters.kube.client import connect
    from migrator.adapters.kube.identity import identity
    from migrator.adapters.kube.reading import read_cluster

    api = connect(live.kubeconfig, live.context)
    with working(f"reading the cluster of context {api.context}"):
        found = read_cluster(api, namespaces=live.namespaces)
        found.cluster = identity(api)
    if live.namespaces:
        typer.echo(
            f"read only {', '.join(found.namespaces)}: what stands in other namespaces and acts "
            "on these is not seen",
            err=True,
        )
    if found.not_looked_at:
        typer.echo(
            f"not looked at, for this user may not: {', '.join(found.not_looked_at)}", err=True
        )
    return found
