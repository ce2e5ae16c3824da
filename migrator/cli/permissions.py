"""`migrate permissions`: the least RBAC."""

from enum import StrEnum
from typing import Annotated

import typer

from . import common


class Purpose(StrEnum):
    """What the rights are for."""

    SCAN = "scan"
    APPLY = "apply"


Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        show_default=False,
        help="Roles for work in this namespace only, no ClusterRole; may be repeated.",
    ),
]


def permissions(
    purpose: Annotated[
        Purpose, typer.Argument(help="For reading a cluster, or for applying a plan to it too.")
    ] = Purpose.SCAN,
    namespace: Namespaces = None,
) -> None:
    """Print the least RBAC that reading a cluster needs, or applying a plan, as YAML for kubectl.

    With --namespace it is a Role for each, and one for Istio's root namespace. Nothing is asked of a
    cluster.
    """
    from migrator.adapters.kube.permissions import roles, without_role

    wanted = tuple(namespace or ())
    made = roles(purpose.value, wanted)
    name = made[0]["metadata"]["name"]
    if wanted:
        what, option = "rolebinding", f" --role={name} --namespace=NAMESPACE"
        typer.echo("# What is outside of namespaces is not looked at with these alone:")
        typer.echo("\n".join(f"#   {one}" for one in without_role()))
    else:
        what, option = "clusterrolebinding", f" --clusterrole={name}"
    typer.echo(f"# To bind it: kubectl create {what} {name}{option} --user=NAME")
    for one in made:
        typer.echo("---")
        common.print_data(one, "yaml")
