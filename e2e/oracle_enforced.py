"""Who enforces what at this moment: by ztunnel, by sidecars, by waypoints, in one comparable form.

Real: every rule in it is istiod's answer to that proxy. Simulated: the proxies do not run.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .controlplane import ControlPlane
from .oracle import Oracle, OracleError, proxy_container
from .oracle_envoy import Chain, hbone, inbound
from .oracle_ztunnel import Authorization, authorizations, bound_to, service_waypoints, workloads

_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_WAYPOINT_CLASS = "istio.io-mesh-controller"


class Enforced(NamedTuple):
    """What acts on the connections of one workload's pods; equal when the same is enforced."""

    ztunnel: frozenset[Authorization]
    sidecar: frozenset[Chain]  # empty without a sidecar
    waypoint: str  # of the workload itself


class State(NamedTuple):
    """The cluster: workloads by `namespace/name`, Services by `namespace/host`.

    More than one Enforced for a workload: its pods differ, as in the middle of a rollout. Chains of a
    Service are those of the waypoint that it is bound to.
    """

    workloads: Mapping[str, frozenset[Enforced]]
    services: Mapping[str, frozenset[Chain]]


def enforced(plane: ControlPlane, oracle: Oracle, namespaces: Iterable[str]) -> State:
    """The state of all running pods of the namespaces, and of the Services of their waypoints."""
    answer = oracle.ztunnel()
    policies, known = authorizations(answer), workloads(answer)
    found: dict[str, set[Enforced]] = {}
    waypoints: dict[str, list[Chain]] = {}
    for namespace in namespaces:
        for pod in plane.get("pods", "-n", namespace)["items"]:
            told = known.get(f"{namespace}/{pod['metadata']['name']}")
            if told is None:
                continue
            chains = _chains(oracle, pod)
            labels = pod["metadata"].get("labels") or {}
            if _is_waypoint(labels):
                waypoints[f"{namespace}/{labels[_GATEWAY_NAME]}"] = chains
                chains = []
            bound = frozenset(policies[name] for name in bound_to(told, policies))
            one = Enforced(bound, frozenset(chains), told.waypoint)
            found.setdefault(f"{namespace}/{told.owner}", set()).add(one)
    services = {
        service: frozenset(c for c in chains if c.name.endswith(f"|{service.partition('/')[2]}"))
        for service, waypoint in service_waypoints(answer).items()
        if (chains := waypoints.get(_gateway(waypoint))) is not None
    }
    return State({name: frozenset(each) for name, each in found.items()}, services)


def _chains(oracle: Oracle, pod: Mapping[str, Any]) -> list[Chain]:
    try:
        proxy_container(pod)
    except OracleError:
        return []
    answer = oracle.envoy(pod)
    return [*inbound(answer), *hbone(answer)]


def _is_waypoint(labels: Mapping[str, str]) -> bool:
    return labels.get("gateway.istio.io/managed") == _WAYPOINT_CLASS


def _gateway(waypoint: str) -> str:
    """`namespace/name` of the Gateway, by the host of the Service that istiod makes for it."""
    namespace, _, host = waypoint.partition("/")
    return f"{namespace}/{host.partition('.')[0]}"
