"""What carries the mesh: nodes, the agents on them, the CNI below, and which of it the source shows.

A source that does not hold an object does not show that the cluster has none; only objects that an API
server has given a status tell what else would be there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrator.model.fieldpath import field
from migrator.model.resource import Resource

from . import kinds
from .mesh import Mesh
from .versions import Version, image_version, parse_version
from .yamltext import dig

CNI_AGENT, ZTUNNEL = "istio-cni-node", "ztunnel"
AGENT_KINDS = frozenset({kinds.DAEMON_SET, kinds.NODE, kinds.POD})
INSTALLERS = frozenset({kinds.ISTIO_OPERATOR, kinds.SAIL_ISTIO})
_NAME_LABELS = ("app", "k8s-app", "app.kubernetes.io/name")
OS_LABEL = "kubernetes.io/os"


def agents(mesh: Mesh, name: str) -> tuple[Resource, ...]:
    """The DaemonSets of `istio-cni-node` or `ztunnel`."""
    return tuple(ds for ds in mesh.of(kinds.DAEMON_SET) if name in _names(ds))


def is_from_cluster(resource: Resource) -> bool:
    """Whether an API server gave the object, and not a manifest."""
    return bool(resource.status)


def shows_daemon_sets(mesh: Mesh) -> bool:
    """Whether the source holds the DaemonSets of a running cluster: kube-system's are among them."""
    return any(
        ds.namespace == "kube-system" and is_from_cluster(ds) for ds in mesh.of(kinds.DAEMON_SET)
    )


def shows_crds(mesh: Mesh) -> tuple[Resource, ...]:
    """The CRDs of a running cluster, Istio's first; empty when the source shows none."""
    found = [crd for crd in mesh.of(kinds.CRD) if is_from_cluster(crd)]
    return tuple(sorted(found, key=lambda crd: (not crd.name.endswith("istio.io"), crd.name)))


def unready(agent: Resource) -> tuple[int, int] | None:
    """(ready, wanted) pods of a DaemonSet when they differ; None when all is well or nothing known."""
    wanted = agent.status.get("desiredNumberScheduled")
    ready = agent.status.get("numberReady", 0)
    if not isinstance(wanted, int) or not isinstance(ready, int):
        return None
    return (ready, wanted) if ready < wanted else None


def nodes_without(mesh: Mesh, name: str) -> tuple[Resource, ...]:
    """Ready Linux nodes without a ready pod of the agent; empty when the source has no such pod."""
    homes: dict[str, bool] = {}
    for pod in mesh.of(kinds.POD):
        if name in _names(pod):
            node = pod.spec.get("nodeName", "")
            homes[node] = homes.get(node, False) or is_condition(pod, "Ready")
    if not homes:
        return ()
    return tuple(
        node
        for node in mesh.of(kinds.NODE)
        if node.labels.get(OS_LABEL, "linux") == "linux"
        and is_condition(node, "Ready")
        and not homes.get(node.name, False)
    )


def is_condition(resource: Resource, kind: str) -> bool:
    """Whether the condition `kind` is True."""
    return any(
        c.get("type") == kind and c.get("status") == "True"
        for c in resource.status.get("conditions") or ()
    )


def containers(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The containers of a controller's template, each with its path."""
    for index, container in enumerate(dig(resource.spec, "template", "spec", "containers") or ()):
        yield field("spec", "template", "spec", "containers", index), container


def image_of(resource: Resource) -> tuple[str, Version | None]:
    """The path and version of the first container's image that says its version."""
    for path, container in containers(resource):
        if version := image_version(container.get("image", "")):
            return f"{path}.image", version
    return "", None


def env_of(resource: Resource, name: str) -> tuple[str, str] | None:
    """The path and value of an environment variable of a controller's containers."""
    for path, container in containers(resource):
        for index, variable in enumerate(container.get("env") or ()):
            if variable.get("name") == name and "value" in variable:
                return f"{path}.env[{index}].value", variable["value"]
    return None


def cilium(mesh: Mesh) -> tuple[Resource, Mapping[str, str]] | None:
    """Cilium's ConfigMap `cilium-config` and its settings."""
    for resource in mesh.of(kinds.CONFIG_MAP):
        data = resource.body.get("data")
        if resource.name == "cilium-config" and isinstance(data, Mapping):
            return resource, {str(key): str(value).lower() for key, value in data.items()}
    return None


def kubelet_versions(mesh: Mesh) -> Sequence[tuple[Version, Resource]]:
    """The versions that the nodes report, each with its node."""
    found = []
    for node in mesh.of(kinds.NODE):
        text = dig(node.status, "nodeInfo", "kubeletVersion")
        version = parse_version(text) if isinstance(text, str) else None
        if version:
            found.append((version, node))
    return found


def installers(mesh: Mesh) -> Iterator[tuple[Resource, str]]:
    """The resources that an installer of Istio reads, each with its profile."""
    for kind in (kinds.ISTIO_OPERATOR, kinds.SAIL_ISTIO):
        for resource in mesh.of(kind):
            profile = resource.spec.get("profile") or dig(resource.spec, "values", "profile")
            yield resource, profile if isinstance(profile, str) and profile else "default"


def _names(resource: Resource) -> set[str]:
    return {resource.name, *(resource.labels.get(key, "") for key in _NAME_LABELS)} - {""}
