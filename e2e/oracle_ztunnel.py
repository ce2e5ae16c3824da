"""What istiod's answer to ztunnel means: conditions in a normal form, and ztunnel's own evaluation.

Mirrors `Authorization::matches` of istio/ztunnel src/rbac.rs. Simulated: ztunnel itself does not run; its
algorithm is written down here a second time, independently of `migrator.istio.policies.authz`.
"""

import base64
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .oracle import ADDRESS, AUTHORIZATION, Answer


class Condition(NamedTuple):
    """One field of a Match with its values; true or false of a connection."""

    field: str
    values: tuple[str, ...]


_TEXT = {"exact": "{}", "prefix": "{}*", "suffix": "*{}", "presence": "*"}
Truth = Callable[[Condition], bool]
Clause = tuple[tuple[Condition, ...], ...]  # alternatives, each a Match
Group = tuple[Clause, ...]


class Authorization(NamedTuple):
    """One policy as ztunnel holds it."""

    name: str  # namespace/name
    scope: str
    action: str
    groups: tuple[Group, ...]

    @property
    def conditions(self) -> Iterator[Condition]:
        return (
            condition
            for group in self.groups
            for clause in group
            for match in clause
            for condition in match
        )

    def matches(self, truth: Truth) -> bool:
        """Any group; of a group every clause; of a clause any Match, an empty one never."""
        return any(
            all(
                not clause or any(match and all(map(truth, match)) for match in clause)
                for clause in group
            )
            for group in self.groups
        )


class ZtunnelWorkload(NamedTuple):
    """A workload as ztunnel holds it: a pod, the policies bound to it by selector, its waypoint."""

    namespace: str
    name: str
    owner: str  # the name of what made the pod
    policies: frozenset[str]
    waypoint: str
    protocol: str


def authorizations(answer: Answer) -> dict[str, Authorization]:
    return {name: _authorization(name, body) for name, body in answer[AUTHORIZATION].items()}


def workloads(answer: Answer) -> dict[str, ZtunnelWorkload]:
    """By `namespace/pod`."""
    return {
        f"{body['namespace']}/{body['name']}": ZtunnelWorkload(
            body["namespace"],
            body["name"],
            body.get("workloadName", ""),
            frozenset(body.get("authorizationPolicies") or ()),
            _waypoint(body),
            body.get("tunnelProtocol", "NONE"),
        )
        for body in (a["workload"] for a in answer[ADDRESS].values() if "workload" in a)
    }


def service_waypoints(answer: Answer) -> dict[str, str]:
    """The waypoint of each Service, by `namespace/hostname`; empty where there is none."""
    return {
        f"{body['namespace']}/{body['hostname']}": _waypoint(body)
        for body in (a["service"] for a in answer[ADDRESS].values() if "service" in a)
    }


def bound_to(workload: ZtunnelWorkload, policies: Mapping[str, Authorization]) -> set[str]:
    """The policies that ztunnel asks for the workload: all pods', its namespace's, its own.

    A name without a policy is asked for nothing: `allow_or_deny` skips what it cannot find.
    """
    everywhere = {
        name
        for name, policy in policies.items()
        if policy.scope == "GLOBAL"
        or (policy.scope == "NAMESPACE" and name.partition("/")[0] == workload.namespace)
    }
    return everywhere | {name for name in workload.policies if name in policies}


def _authorization(name: str, body: Mapping[str, Any]) -> Authorization:
    return Authorization(
        name,
        body.get("scope", "GLOBAL"),
        body.get("action", "ALLOW"),
        tuple(
            tuple(
                tuple(_match(match) for match in rule.get("matches") or ())
                for rule in group.get("rules") or ()
            )
            for group in body.get("groups") or ()
        ),
    )


def _match(match: Mapping[str, Any]) -> tuple[Condition, ...]:
    return tuple(
        Condition(field, tuple(map(_value, values))) for field, values in sorted(match.items())
    )


def _value(value: Any) -> str:
    """A port as it is; else the value as a policy would write it."""
    if not isinstance(value, dict):
        return str(value)
    if "serviceAccount" in value:
        return f"{value['namespace']}/{value['serviceAccount']}"
    if "address" in value:
        address = ipaddress.ip_address(base64.b64decode(value["address"]))
        return f"{address}/{value.get('length', 0)}"
    kind, text = next(iter(value.items()))
    return _TEXT[kind].format(text)


def _waypoint(body: Mapping[str, Any]) -> str:
    """`namespace/host` of the Service of the waypoint."""
    named = (body.get("waypoint") or {}).get("hostname") or {}
    return f"{named['namespace']}/{named['hostname']}" if named else ""
