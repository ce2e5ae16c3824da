"""Ask istiod, over xDS, what it tells ztunnel, a sidecar or a waypoint.

Real: istiod and every answer of it. Simulated: the asking proxy does not run; the oracle opens a stream
with the node that it would send, made of the pod as the real injector wrote it.
"""

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any, Self

from .controlplane import ControlPlane
from .istio import TAG

_PREFIX = "type.googleapis.com/"
AUTHORIZATION = _PREFIX + "istio.security.Authorization"
ADDRESS = _PREFIX + "istio.workload.Address"
LISTENER = _PREFIX + "envoy.config.listener.v3.Listener"
CLUSTER = _PREFIX + "envoy.config.cluster.v3.Cluster"
ENDPOINTS = _PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
ROUTE = _PREFIX + "envoy.config.route.v3.RouteConfiguration"
EXTENSION = _PREFIX + "envoy.config.core.v3.TypedExtensionConfig"
_META, _META_JSON = "ISTIO_META_", "ISTIO_METAJSON_"
_SECONDS = 20

Answer = Mapping[str, Mapping[str, Any]]


class OracleError(Exception):
    """istiod gave no answer, or one that cannot be read."""


class Oracle:
    """One process that answers many questions; a context manager."""

    def __init__(self, plane: ControlPlane) -> None:
        self._process = subprocess.Popen(
            [str(plane.binaries["oracle"]), "-address", f"127.0.0.1:{plane.ports.istiod_grpc}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It ends by itself when nothing more can be asked."""
        self._process.communicate(timeout=_SECONDS)

    def ask(self, node: Mapping[str, Any], types: Iterable[str], **how: Any) -> Answer:
        """Resources by type and name, on a new stream.

        `stay`: with what is pushed on it in so many seconds more. `brief`: of clusters only what they send.
        `endpoints`: with those of every cluster. Raises OracleError.
        """
        question = {"node": node, "types": list(types), "timeout": _SECONDS, **how}
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            message = "the oracle has no pipes"
            raise OracleError(message)
        stdin.write(json.dumps(question) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline() or '{"error": "the oracle ended"}')
        if answer.get("error"):
            raise OracleError(answer["error"])
        found: Answer = answer["resources"]
        return found

    def ztunnel(self) -> Answer:
        """All policies, workloads and Services, as every ztunnel is told them."""
        return self.ask(ztunnel_node(), (AUTHORIZATION, ADDRESS))

    def envoy(self, pod: Mapping[str, Any]) -> Answer:
        """Listeners with their routes and extensions for the proxy of a running pod."""
        return self.ask(proxy_node(pod), (LISTENER,))

    def clusters(self, role: str = "sidecar", stay: float = 0) -> Mapping[str, Mapping[str, Any]]:
        """How a sidecar, or a gateway (`router`), reaches every Service, by the cluster's name.

        It is in a namespace that says nothing of its own; with `stay` one that has run for so many seconds.
        """
        return self.ask(caller_node(role), (CLUSTER,), stay=stay, brief=True)[CLUSTER]


def ztunnel_node() -> dict[str, Any]:
    return {
        "id": "ztunnel~127.0.0.1~ztunnel.istio-system~istio-system.svc.cluster.local",
        "metadata": {"NAMESPACE": "istio-system", "CLUSTER_ID": "Kubernetes"},
    }


def caller_node(role: str, namespace: str = "elsewhere") -> dict[str, Any]:
    """A `sidecar` or gateway (`router`) of a pod that istiod does not know."""
    known = {"NAMESPACE": namespace, "CLUSTER_ID": "Kubernetes", "ISTIO_VERSION": TAG}
    node = f"{role}~198.51.100.8~caller.{namespace}~{namespace}.svc.cluster.local"
    return {"id": node, "metadata": known}


def proxy_node(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The node that the pod's istio-proxy would send: pkg/bootstrap/config.go, from its environment."""
    meta, address = pod["metadata"], pod["status"]["podIP"]
    namespace = meta["namespace"]
    container = proxy_container(pod)
    role = "waypoint" if "waypoint" in container["args"] else container["args"][1]
    return {
        "id": f"{role}~{address}~{meta['name']}.{namespace}~{namespace}.svc.cluster.local",
        "metadata": {
            **_environment(container),
            "NAME": meta["name"],
            "NAMESPACE": namespace,
            "LABELS": meta.get("labels") or {},
            "ANNOTATIONS": meta.get("annotations") or {},
            "SERVICE_ACCOUNT": pod["spec"].get("serviceAccountName", "default"),
            "INSTANCE_IPS": address,
            "NODE_NAME": pod["spec"].get("nodeName", ""),
            "ISTIO_VERSION": container["image"].rpartition(":")[2].partition("-")[0],
        },
    }


def proxy_container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """istio-proxy, as a native sidecar or as an ordinary container."""
    spec = pod["spec"]
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        if container["name"] == "istio-proxy":
            return container
    message = f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']} has no istio-proxy"
    raise OracleError(message)


def _environment(container: Mapping[str, Any]) -> dict[str, Any]:
    """What `ISTIO_META_` and `ISTIO_METAJSON_` variables put into the metadata."""
    found: dict[str, Any] = {}
    for variable in container.get("env") or ():
        name, value = variable["name"], variable.get("value")
        if value is None:
            continue
        if name.startswith(_META):
            found[name.removeprefix(_META)] = value
        elif name.startswith(_META_JSON):
            found.update(json.loads(value))
    return found
