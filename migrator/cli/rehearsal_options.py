"""The options of `migrate rehearse`."""

from enum import StrEnum
from typing import Annotated

import typer

_FORCE = "With --clean: also what a rehearsal that runs uses, or nobody knows whose it is."


class ProviderOption(StrEnum):
    """Where the cluster comes from."""

    KIND = "kind"
    CONTEXT = "context"
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


Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PLAN|SOURCE", show_default=False,
        help="A plan file, or files, folders or a snapshot to make a plan of; none is the cluster of "
        "the current context, which is only read.",
    ),
]  # fmt: skip
Provider = Annotated[
    ProviderOption,
    typer.Option(
        help="kind makes a cluster in containers; context takes one that is labelled disposable; "
        "controlplane starts a control plane of a checkout, where every call is simulated."
    ),
]
Checkout = Annotated[
    str,
    typer.Option(
        metavar="FOLDER", envvar="MIGRATE_CHECKOUT", show_default=False,
        help="For controlplane: a checkout of migrate; else the current folder.",
    ),
]  # fmt: skip
On = Annotated[
    str,
    typer.Option(
        "--on", metavar="CONTEXT", show_default=False,
        help="For context: the disposable cluster's context in the kubeconfig.",
    ),
]  # fmt: skip
OnKubeconfig = Annotated[
    str,
    typer.Option(
        "--on-kubeconfig", metavar="FILE", show_default=False,
        help="For context: where that context is; else KUBECONFIG or ~/.kube/config.",
    ),
]  # fmt: skip
NodeImage = Annotated[
    str,
    typer.Option(
        metavar="IMAGE", show_default=False,
        help="For kind: the image of its nodes, which says the version of Kubernetes.",
    ),
]  # fmt: skip
Load = Annotated[
    list[str] | None,
    typer.Option(
        "--load-image", metavar="IMAGE|ARCHIVE", show_default=False,
        help="For kind: put this image into the nodes; may be repeated.",
    ),
]  # fmt: skip
Image = Annotated[str, typer.Option(metavar="IMAGE", help="What stands in for every application.")]
Hub = Annotated[
    str, typer.Option(metavar="REGISTRY", show_default=False, help="Where Istio's images are.")
]
Tag = Annotated[
    str, typer.Option(metavar="TAG", show_default=False, help="The tag of Istio's images.")
]
Charts = Annotated[
    str, typer.Option(metavar="FOLDER|URL", show_default=False, help="Istio's charts, for Helm.")
]
GatewayApi = Annotated[
    str,
    typer.Option(
        metavar="FILE|URL", show_default=False, help="The Gateway API's definitions to install."
    ),
]
Faults = Annotated[
    list[FaultOption] | None,
    typer.Option(
        "--fault", show_default=False,
        help="Put only this in, or none; may be repeated. Else all of them.",
    ),
]  # fmt: skip
Replicas = Annotated[int, typer.Option(min=1, help="Pods of a workload at most.")]
Patience = Annotated[
    int, typer.Option(metavar="SECONDS", min=10, help="For any check of the plan at most.")
]
Output = Annotated[Form, typer.Option("--output", "-o", help="The form of the report.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the cluster; not with controlplane.")]
Clean = Annotated[bool, typer.Option("--clean", help="Only delete what rehearsals left behind.")]
Force = Annotated[bool, typer.Option("--force", help=_FORCE)]
