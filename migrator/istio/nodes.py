"""Which nodes a workload's pods run on, or ask for.

Nodes tell by their labels; a template tells by `nodeSelector`, `os` and tolerations. Sources: the labels of
k8s.io/api core/v1 (well-known labels) and of the providers of nodes without kubelet.
"""

from collections.abc import Callable, Iterator, Mapping

from migrator.model.resource import Resource

from . import kinds
from .mesh import Mesh
from .workloads import Workload

_FARGATE = ("eks.amazonaws.com/compute-type", "fargate")
_VIRTUAL = ("type", "virtual-kubelet")
_VIRTUAL_TAINT = "virtual-kubelet.io/provider"


def is_windows(labels: Mapping[str, str]) -> bool:
    return labels.get("kubernetes.io/os") == "windows"


def is_virtual(labels: Mapping[str, str]) -> bool:
    """Whether no DaemonSet can run there."""
    return any(labels.get(key) == value for key, value in (_FARGATE, _VIRTUAL))


def placed(
    mesh: Mesh, workload: Workload, on: Callable[[Mapping[str, str]], bool]
) -> Iterator[tuple[str, str]]:
    """(what says so, its path) for each sign that the workload's pods are on such nodes."""
    spec = workload.pod_spec
    if on(spec.get("nodeSelector") or {}):
        yield "its nodeSelector", workload.path("spec", "nodeSelector")
    nodes = {pod.spec.get("nodeName", "") for pod in workload.pods}
    found = sorted(name for name in nodes if on(mesh.node_labels.get(name, {})))
    if found:
        yield f"pods on node {', '.join(found)}", ""


def tolerates_virtual(workload: Workload) -> int | None:
    """The place of the toleration by which pods may land on a virtual node."""
    for index, toleration in enumerate(workload.pod_spec.get("tolerations") or ()):
        if toleration.get("key") == _VIRTUAL_TAINT:
            return index
    return None


def by_version(mesh: Mesh, mark: str) -> tuple[Resource, ...]:
    """The nodes whose kubelet's version bears `mark`, as distributions write it."""
    found = []
    for node in mesh.of(kinds.NODE):
        info = node.status.get("nodeInfo")
        version = info.get("kubeletVersion") if isinstance(info, Mapping) else None
        if isinstance(version, str) and mark in version:
            found.append(node)
    return tuple(found)
