"""Where NetworkPolicies let callers through to the application's ports, and not to HBONE's port.

In ambient every connection between workloads of the mesh arrives on TCP 15008 of the pod with the
source pod's address (ztunnel ARCHITECTURE.md; Istio documentation, ambient/usage/networkpolicy).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio.network.networkpolicy import (
    HBONE_PORT,
    Direction,
    Peer,
    Pod,
    PolicyRule,
    by_namespace,
    covers,
    describe,
    is_everybody,
    is_member,
    isolating,
    may_hold_pods,
    rules,
)
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Resource

from . import dataplane

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_AMBIENT = frozenset({dataplane.Mode.AMBIENT, dataplane.Mode.PENDING})


class Gap(NamedTuple):
    """One policy, in one direction, that would stop HBONE of `workloads`."""

    policy: Resource
    direction: Direction
    ports: tuple[str, ...]
    peers: tuple[str, ...]
    workloads: tuple[Workload, ...]


def pod_of(mesh: "Mesh", workload: Workload) -> Pod:
    """Describe a pod of `workload` as policies see it."""
    return Pod(workload.namespace, mesh.namespace(workload.namespace).labels, workload.labels)


def gaps(mesh: "Mesh") -> tuple[Gap, ...]:
    """Every gap, ordered by policy and direction."""
    analysis = _Analysis(mesh)
    found: dict[tuple[Resource, Direction], list[tuple[Workload, PolicyRule, list[str]]]] = {}
    for workload, direction in analysis.isolated():
        for rule, peers in analysis.shut(workload, direction):
            found.setdefault((rule.policy, direction), []).append((workload, rule, peers))
    result = [
        Gap(
            policy,
            direction,
            tuple(dict.fromkeys(str(p) for _, rule, _ in hits for p in rule.application_ports)),
            tuple(dict.fromkeys(peer for _, _, peers in hits for peer in peers)),
            tuple(dict.fromkeys(workload for workload, _, _ in hits)),
        )
        for (policy, direction), hits in found.items()
    ]
    return tuple(sorted(result, key=lambda gap: (gap.policy.ref, gap.direction)))


class _Analysis:
    """The pods of the source that speak HBONE once all is moved, asked against each policy."""

    def __init__(self, mesh: "Mesh") -> None:
        self.policies = by_namespace(mesh.of(kinds.NETWORK_POLICY))
        self.known_members: dict[tuple[str, int], list[Workload]] = {}
        self.gateways = [w for w in mesh.workloads if w.role is Role.GATEWAY]
        self.meshed = mesh.meshed
        self.everyone = [(w, pod_of(mesh, w)) for w in mesh.workloads] if self.policies else []
        meshed = set(self.meshed)
        self.speakers = {
            w
            for w, _ in self.everyone
            if w in meshed
            or w.role in {Role.GATEWAY, Role.WAYPOINT}
            or mesh.state(w).mode in _AMBIENT
        }
        self.pods = dict(self.everyone)

    def isolated(self) -> Iterator[tuple[Workload, Direction]]:
        """Servers for ingress; clients, among them gateways, for egress."""
        for workload in self.meshed:
            if workload.namespace in self.policies:
                yield workload, Direction.INGRESS
                yield workload, Direction.EGRESS
        for gateway in self.gateways:
            if gateway.namespace in self.policies:
                yield gateway, Direction.EGRESS

    def shut(
        self, workload: Workload, direction: Direction
    ) -> Iterator[tuple[PolicyRule, list[str]]]:
        """Find rules that let peers through to application ports, while none lets them to HBONE."""
        policies = self.policies[workload.namespace]
        all_rules = rules(isolating(policies, direction, self.pods[workload]), direction)
        hbone = [rule for rule in all_rules if rule.allows(HBONE_PORT)]
        if any(not rule.peers or any(map(is_everybody, rule.peers)) for rule in hbone):
            return
        open_to = [peer for rule in hbone for peer in rule.peers]
        for rule in all_rules:
            if not rule.application_ports or rule.allows(HBONE_PORT):
                continue
            missing = [
                describe(peer)
                for peer in rule.peers
                if self._speaks(peer, rule, workload.namespace)
                and not self._covered(peer, open_to, workload.namespace)
            ]
            if not rule.peers and self._anyone(rule):
                missing = ["everybody"]
            if missing:
                yield rule, missing

    def _anyone(self, rule: PolicyRule) -> bool:
        """Whether a rule for everybody matters: for a client, only if some server has the port."""
        return rule.direction is Direction.INGRESS or any(
            _listens(w, rule) for w in self.speakers if w.role is not Role.GATEWAY
        )

    def _speaks(self, peer: Peer, rule: PolicyRule, namespace: str) -> bool:
        """Whether some of the peer's pods belong to the mesh; pods outside the source might."""
        if "ipBlock" in peer:
            return may_hold_pods(peer) and self._anyone(rule)
        members = self._members(peer, namespace)
        if rule.direction is Direction.EGRESS:
            members = [w for w in members if w.role is not Role.GATEWAY] if members else members
            return not members or any(w in self.speakers and _listens(w, rule) for w in members)
        return not members or any(w in self.speakers for w in members)

    def _covered(self, peer: Peer, open_to: list[Peer], namespace: str) -> bool:
        """By what the texts say, or because each known pod of the peer is let through."""
        if any(covers(wide, peer) for wide in open_to):
            return True
        members = [w for w in self._members(peer, namespace) if w in self.speakers]
        return bool(members) and all(
            any(is_member(wide, namespace, self.pods[w]) for wide in open_to) for w in members
        )

    def _members(self, peer: Peer, namespace: str) -> list[Workload]:
        key = (namespace, id(peer))  # one policy is asked about for each of its pods
        if key not in self.known_members:
            members = [w for w, pod in self.everyone if is_member(peer, namespace, pod)]
            self.known_members[key] = members
        return self.known_members[key]


def _listens(workload: Workload, rule: PolicyRule) -> bool:
    """Whether the rule names a port that the workload declares; one that declares none might."""
    declared = [p for c in workload.containers for p in c.get("ports") or ()]
    names = {p.get("name") for p in declared} & set(rule.application_ports)
    return (
        not declared or bool(names) or any(rule.allows(p.get("containerPort", 0)) for p in declared)
    )
