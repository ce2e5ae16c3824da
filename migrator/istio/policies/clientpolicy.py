"""Traffic policies of DestinationRules, field by field, and which of them ztunnel leaves undone.

ztunnel reads no DestinationRule; a waypoint applies what is here for the Services that it serves
(istio/istio pilot/pkg/networking/core/cluster_waypoint.go).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.model.fieldpath import field
from migrator.model.resource import Resource

# What shapes connections and balancing, and has no rule of its own.
CLIENT_POLICY = frozenset(
    {"loadBalancer.simple", "connectionPool", "outlierDetection", "tunnel", "retryBudget"}
)


class PolicyField(NamedTuple):
    """A setting, `loadBalancer.consistentHash` for one, with its path and value."""

    name: str
    path: str
    value: Any


def policies(rule: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, policy) of every traffic policy: overall, by subset, and by port of either."""
    own = [(field("spec", "trafficPolicy"), rule.spec.get("trafficPolicy") or {})]
    own += [
        (field("spec", "subsets", i, "trafficPolicy"), subset.get("trafficPolicy") or {})
        for i, subset in enumerate(rule.spec.get("subsets") or ())
    ]
    for path, policy in own:
        yield path, policy
        for k, port in enumerate(policy.get("portLevelSettings") or ()):
            yield f"{path}.{field('portLevelSettings', k)}", port


def fields(rule: Resource) -> Iterator[PolicyField]:
    """Every setting in use; those of `loadBalancer` one by one."""
    for path, policy in policies(rule):
        for name, value in policy.items():
            if name == "loadBalancer":
                for key, one in value.items():
                    yield PolicyField(f"loadBalancer.{key}", f"{path}.loadBalancer.{key}", one)
            elif name not in {"port", "portLevelSettings"}:
                yield PolicyField(name, f"{path}.{name}", value)


def uses(rule: Resource, *names: str) -> tuple[PolicyField, ...]:
    """The settings of these names."""
    return tuple(one for one in fields(rule) if one.name in names)
