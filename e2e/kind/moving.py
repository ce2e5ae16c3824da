"""A mesh on the cluster, moved by the command line while somebody outside it calls a Service."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from e2e import applying

from .calling import run
from .cluster import KindCluster
from .istio_images import APP

if TYPE_CHECKING:
    import subprocess

# The EnvoyFilters that a stock Envoy needs are no part of the application
ACKNOWLEDGED = ("--acknowledge", "AMB401", "--acknowledge", "AMB608")
CALLER = "callers/pod/outsider"
_OUTSIDE = f"""
apiVersion: v1
kind: Namespace
metadata:
  name: callers
---
apiVersion: v1
kind: Pod
metadata:
  name: outsider
  namespace: callers
spec:
  containers:
  - name: app
    image: {APP}
    args: ["serve", "http:8080"]
"""


def migrate(cluster: KindCluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line, inside the network of the cluster."""
    with cluster.engine.entered():
        return applying.migrate(cluster, *arguments)


def planned(cluster: KindCluster, folder: Path, namespace: str, *options: str) -> Path:
    with cluster.engine.entered():
        return applying.planned(cluster, folder, [namespace], *ACKNOWLEDGED, *options)


def pods(cluster: KindCluster, namespace: str) -> dict[str, dict[str, Any]]:
    """The pods that are not on their way out, by name."""
    found = cluster.get("pods", "-n", namespace)["items"]
    return {p["metadata"]["name"]: p for p in found if "deletionTimestamp" not in p["metadata"]}


def has_sidecar(pod: dict[str, Any]) -> bool:
    return any(one["name"] == "istio-proxy" for one in pod["spec"].get("initContainers", ()))


def is_ambient(pod: dict[str, Any]) -> bool:
    """Whether istio-cni says that it enrolled the pod."""
    annotations = pod["metadata"].get("annotations") or {}
    return annotations.get("ambient.istio.io/redirection") == "enabled"


class Traffic:
    """Calls from a pod outside the mesh, batch after batch, for the time of a `with`."""

    def __init__(self, cluster: KindCluster, url: str, batches: int = 60) -> None:
        self.lines: list[str] = []
        self._cluster = cluster
        self._url = url
        self._batches = batches
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _call(self) -> None:
        for _ in range(self._batches):
            if self._over.is_set():
                return
            self.lines += run(self._cluster, CALLER, "calls", "20", "250ms", self._url).splitlines()


def install(cluster: KindCluster, mesh: Path, ready: Sequence[str]) -> None:
    """The mesh and the caller outside it; `ready` are conditions as `kubectl wait` takes them."""
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=_OUTSIDE)
    cluster.kubectl("apply", "--server-side", "-f", str(mesh))
    cluster.kubectl(
        "-n", "callers", "wait", "--for=condition=Ready", "pod/outsider", "--timeout=60s"
    )
    for one in ready:
        namespace, _, workload = one.partition(" ")
        cluster.kubectl("-n", namespace, "rollout", "status", workload, "--timeout=120s")
