"""How Prometheus reaches an application's metrics: by annotation, and today through the sidecar.

Mirrors `applyPrometheusMerge` of istio/istio pkg/kube/inject/webhook.go: unless turned off, the injector
points the pod's annotations to port 15020, where the sidecar adds the application's metrics to its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.istio.mesh import Mesh
    from migrator.istio.workloads import Workload

_SCRAPE, _PORT = "prometheus.io/scrape", "prometheus.io/port"
_MERGE = "prometheus.istio.io/merge-metrics"
_GO_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_SERVER = re.compile(
    r"(?:^|/)(?:prometheus|vmagent|victoria-metrics|grafana-agent|alloy)(?:[:@]|$)"
)


class Scrape(NamedTuple):
    """The ports that Prometheus asks by itself, and the annotation that says so."""

    ports: tuple[int, ...]
    annotation: str


def merged_scrape(mesh: Mesh, workload: Workload) -> Scrape | None:
    """What the template asks Prometheus to scrape, if the sidecar answers in its place today.

    Without `prometheus.io/port` the usual relabelling asks every port that a container declares.
    """
    annotations = workload.annotations
    if annotations.get(_SCRAPE) not in _GO_TRUE or annotations.get(_MERGE) == "false":
        return None
    if mesh.config.get("enablePrometheusMerge") is False:
        return None
    port = annotations.get(_PORT)
    if port is None:
        return Scrape(tuple(_declared(workload)), _SCRAPE)
    return Scrape((int(port),), _PORT) if port.isdecimal() else None


def _declared(workload: Workload) -> Iterator[int]:
    for container in workload.containers:
        for port in container.get("ports") or ():
            if port.get("protocol", "TCP") == "TCP" and "containerPort" in port:
                yield port["containerPort"]


def is_scraper(workload: Workload) -> bool:
    """Whether it runs a Prometheus, or an agent that scrapes like one."""
    return any(_SERVER.search(c.get("image") or "") for c in workload.containers)
