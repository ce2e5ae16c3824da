"""What one proxy pod requests, and where that is written: the pod itself, its template, the injector's
values, or else the defaults of Istio's charts.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.platform import is_from_cluster
from migrator.istio.quantities import quantity
from migrator.istio.workloads import Workload
from migrator.istio.yamltext import dig, mapping, value_of
from migrator.model.resource import Resource

PROXY = "istio-proxy"
_DEFAULT = "default"
_INJECTOR = "istio-sidecar-injector"
_ANNOTATIONS = {  # request, limit
    "cpu": ("sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyCPULimit"),
    "memory": ("sidecar.istio.io/proxyMemory", "sidecar.istio.io/proxyMemoryLimit"),
}
_ENDED = frozenset({"Succeeded", "Failed"})


class Amount(NamedTuple):
    """Cores and bytes."""

    cpu: Fraction
    memory: Fraction

    def plus(self, other: "Amount", times: int = 1) -> "Amount":
        return Amount(self.cpu + other.cpu * times, self.memory + other.memory * times)

    def __str__(self) -> str:
        return f"{float(self.cpu * 1000):.0f}m CPU and {float(self.memory / (1 << 20)):.0f}Mi"


class Source(StrEnum):
    """Where an amount is written."""

    PODS = "their running pods"
    MANIFEST = "their own templates or annotations"
    VALUES = "the injector's values"
    CHART = "the defaults of Istio's charts"


class Asked(NamedTuple):
    """Proxies of one workload: how many, what all of them request, and where that is written."""

    pods: int
    amount: Amount
    source: Source


NOTHING = Amount(Fraction(0), Fraction(0))
# global.proxy and global.waypoint in manifests/charts/istio-control/istio-discovery/values.yaml, and
# manifests/charts/ztunnel/values.yaml, istio/istio at 1.31
SIDECAR = WAYPOINT = Amount(Fraction(1, 10), Fraction(128 << 20))
ZTUNNEL = Amount(Fraction(1, 5), Fraction(512 << 20))


class Values:
    """`global.<key>.resources` of what istiod injects and deploys with.

    The injector's ConfigMap holds the values with all defaults merged in; an installer's resource only
    what differs from the chart's.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._injectors = {
            _revision(config_map): mapping(text)
            for config_map in mesh.of(kinds.CONFIG_MAP)
            if config_map.name.startswith(_INJECTOR) and (text := value_of(config_map, "values"))
        }
        self._installers = (*mesh.of(kinds.ISTIO_OPERATOR), *mesh.of(kinds.SAIL_ISTIO))

    def of(self, revision: str, key: str, chart: Amount) -> tuple[Amount, Source]:
        """For one revision; one that is a tag has no ConfigMap, and takes the only one there is."""
        found = self._injectors.get(revision or _DEFAULT)
        if found is None and len(self._injectors) == 1:
            found = next(iter(self._injectors.values()))
        if found is not None:
            return _of_resources(dig(found, "global", key, "resources")), Source.VALUES
        for resource in self._installers:
            resources = dig(resource.spec, "values", "global", key, "resources")
            if isinstance(resources, Mapping):
                return _of_resources(resources, chart), Source.VALUES
        return chart, Source.CHART


def sidecars(workload: Workload, revision: str, values: Values, expected_pods: int) -> Asked:
    """The sidecars of `workload`: of its running pods, or of `expected_pods` of its template."""
    seen = [pod for pod in workload.pods if is_from_cluster(pod)]
    running = [pod for pod in seen if pod.status.get("phase") not in _ENDED]
    found = [proxy for pod in running if (proxy := _proxy(pod.spec)) is not None]
    if found or (seen and not running) or any(pod.spec.get("containers") for pod in running):
        total = NOTHING
        for proxy in found:
            total = total.plus(of_container(proxy))
        return Asked(len(found), total, Source.PODS)
    one, source = _of_template(workload, values.of(revision, "proxy", SIDECAR))
    pods = len(running) or expected_pods
    return Asked(pods, NOTHING.plus(one, pods), source)


def of_container(container: Mapping[str, Any]) -> Amount:
    """Requests; Kubernetes takes a limit for the request where only that is set."""
    return _of_resources(container.get("resources"))


def _of_template(workload: Workload, injected: tuple[Amount, Source]) -> tuple[Amount, Source]:
    """What the injection template would write (`resources` in
    manifests/charts/istio-control/istio-discovery/files/injection-template.yaml): one annotation is
    enough to leave out all values; a container of this name in the pod's own template goes before both.
    """
    amount, source = injected
    annotations = workload.annotations
    if any(name in annotations for pair in _ANNOTATIONS.values() for name in pair):
        cpu, memory = (_first(annotations, pair) for pair in _ANNOTATIONS.values())
        amount, source = Amount(cpu or Fraction(0), memory or Fraction(0)), Source.MANIFEST
    own = _proxy(workload.pod_spec)
    if own is not None and own.get("resources"):
        return _of_resources(own["resources"], amount), Source.MANIFEST
    return amount, source


def _proxy(pod_spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The sidecar's container; a native sidecar is an init container."""
    for group in ("containers", "initContainers"):
        for container in pod_spec.get(group) or ():
            if container.get("name") == PROXY:
                found: Mapping[str, Any] = container
                return found
    return None


def _revision(injector: Resource) -> str:
    suffix = injector.name.removeprefix(_INJECTOR).lstrip("-")
    return injector.labels.get(names.REVISION) or suffix or _DEFAULT


def _of_resources(resources: Any, under: Amount = NOTHING) -> Amount:
    requests, limits = dig(resources, "requests"), dig(resources, "limits")
    pairs = ((dig(requests, key), dig(limits, key)) for key in Amount._fields)
    return Amount(
        *(
            next((q for text in pair if (q := _quantity(text)) is not None), default)
            for pair, default in zip(pairs, under, strict=True)
        )
    )


def _first(annotations: Mapping[str, str], wanted: Iterable[str]) -> Fraction | None:
    return next((q for name in wanted if (q := quantity(annotations.get(name))) is not None), None)


def _quantity(value: Any) -> Fraction | None:
    return quantity(value) if isinstance(value, str | int | float) else None
