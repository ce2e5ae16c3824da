"""Ports of an AuthorizationPolicy rule, from workload ports to Service ports.

A sidecar and ztunnel compare `operation.ports` and `destination.port` with the workload's port, a
waypoint with the Service's (istio/pilot/pkg/networking/core/listener_waypoint.go: the filter chains of
a waypoint are per service port).
"""

from collections.abc import Mapping, Sequence
from typing import Any

PortMap = Mapping[str, Sequence[str]]  # workload port -> ports of the Service that lead to it
Rule = dict[str, Any]


def map_rule(rule: Mapping[str, Any], ports: PortMap) -> Rule | None:
    """The rule in terms of Service ports; None when it could never match behind the Service."""
    mapped: Rule = dict(rule)
    if rule.get("to"):
        operations = [_operation(to.get("operation") or {}, ports) for to in rule["to"]]
        reachable = [operation for operation in operations if operation is not None]
        if not reachable:
            return None
        if all(reachable):
            mapped["to"] = [{"operation": operation} for operation in reachable]
        else:  # one alternative matches every request, so the clause asks nothing
            del mapped["to"]
    if rule.get("when"):
        conditions = [_condition(when, ports) for when in rule["when"]]
        if None in conditions:
            return None
        mapped["when"] = [condition for condition in conditions if condition]
        if not mapped["when"]:
            del mapped["when"]
    return mapped


def uses_ports(rule: Mapping[str, Any]) -> bool:
    """Whether the rule names ports at all."""
    operations = [to.get("operation") or {} for to in rule.get("to") or ()]
    return any(o.get("ports") or o.get("notPorts") for o in operations) or any(
        when.get("key") == "destination.port" for when in rule.get("when") or ()
    )


def _operation(operation: Mapping[str, Any], ports: PortMap) -> dict[str, Any] | None:
    return _pair(operation, "ports", "notPorts", ports)


def _condition(when: Mapping[str, Any], ports: PortMap) -> dict[str, Any] | None:
    if when.get("key") != "destination.port":
        return dict(when)
    mapped = _pair(when, "values", "notValues", ports)
    if mapped is None or mapped.get("values") or mapped.get("notValues"):
        return mapped
    return {}


def _pair(
    fields: Mapping[str, Any], positive: str, negative: str, ports: PortMap
) -> dict[str, Any] | None:
    mapped = dict(fields)
    for key in (positive, negative):
        if fields.get(key):
            mapped[key] = sorted(
                {p for port in fields[key] for p in ports.get(str(port), ())}, key=int
            )
    if fields.get(positive) and not mapped[positive]:
        return None
    if fields.get(negative) and not mapped[negative]:
        del mapped[negative]
    return mapped
