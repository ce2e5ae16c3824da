"""Where NetworkPolicies let callers through to the application's ports, and not to HBONE's port.

In ambient every connection between workloads of the mesh arrives on TCP 15008 of the pod with the
source pod's address (ztunnel ARCHITECTURE.md; Istio documentation, ambient/usage/networkpolicy).
"""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from migrator.istio.network.networkpolicy import (
    HBONE_PORT,
    Direction,
    Peer,
    PolicyRule,
    covers,
    describe,
    is_everybody,
    may_hold_pods,
    rules,
)
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Resource

from . import dataplane

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_AMBIENT = frozenset({dataplane.Mode.AMBIENT, dataplane.Mode.PENDING})


Shut = tuple[PolicyRule, list[str]]  # a rule, and whom it lets in to application ports only


class Gap(NamedTuple):
    """One policy, in one direction, that would stop HBONE of `workloads`."""

    policy: Resource
    direction: Direction
    ports: tuple[str, ...]
    peers: tuple[str, ...]
    workloads: tuple[Workload, ...]


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
        self.network = mesh.network
        self.gateways = [w for w in mesh.workloads if w.role is Role.GATEWAY]
        self.meshed = mesh.meshed
        meshed = frozenset(self.meshed)
        self.speakers = frozenset(
            w
            for w in (mesh.workloads if self.network.policies else ())
            if w in meshed
            or w.role in {Role.GATEWAY, Role.WAYPOINT}
            or mesh.state(w).mode in _AMBIENT
        )
        self.known_shut: dict[tuple[Direction, tuple[Resource, ...]], tuple[Shut, ...]] = {}
        self.servers = {_declared(w) for w in self.speakers if w.role is not Role.GATEWAY}

    def isolated(self) -> Iterator[tuple[Workload, Direction]]:
        """Servers for ingress; clients, among them gateways, for egress."""
        for workload in self.meshed:
            if workload.namespace in self.network.policies:
                yield workload, Direction.INGRESS
                yield workload, Direction.EGRESS
        for gateway in self.gateways:
            if gateway.namespace in self.network.policies:
                yield gateway, Direction.EGRESS

    def shut(self, workload: Workload, direction: Direction) -> tuple[Shut, ...]:
        """Find rules that let peers through to application ports, while none lets them to HBONE."""
        policies = self.network.isolating(self.network.pod_of(workload), direction)
        key = (direction, policies)  # most pods of a namespace are isolated by the same ones
        if key not in self.known_shut:
            self.known_shut[key] = tuple(self._shut(policies, direction, workload.namespace))
        return self.known_shut[key]

    def _shut(
        self, policies: tuple[Resource, ...], direction: Direction, namespace: str
    ) -> Iterator[Shut]:
        all_rules = rules(policies, direction)
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
                if self._speaks(peer, rule, namespace)
                and not self._covered(peer, open_to, namespace)
            ]
            if not rule.peers and self._anyone(rule):
                missing = ["everybody"]
            if missing:
                yield rule, missing

    def _anyone(self, rule: PolicyRule) -> bool:
        """Whether a rule for everybody matters: for a client, only if some server has the port."""
        return rule.direction is Direction.INGRESS or any(
            _listens(declared, rule) for declared in self.servers
        )

    def _speaks(self, peer: Peer, rule: PolicyRule, namespace: str) -> bool:
        """Whether some of the peer's pods belong to the mesh; pods outside the source might."""
        if "ipBlock" in peer:
            return may_hold_pods(peer) and self._anyone(rule)
        members = self.network.members(peer, namespace)
        if rule.direction is Direction.EGRESS:
            members = tuple(w for w in members if w.role is not Role.GATEWAY)
            return not members or any(
                w in self.speakers and _listens(_declared(w), rule) for w in members
            )
        return not members or any(w in self.speakers for w in members)

    def _covered(self, peer: Peer, open_to: list[Peer], namespace: str) -> bool:
        """By what the texts say, or because each known pod of the peer is let through."""
        if not open_to or any(covers(wide, peer) for wide in open_to):
            return bool(open_to)
        members = self.speakers.intersection(self.network.members(peer, namespace))
        let_in = (self.network.members(wide, namespace) for wide in open_to)
        return bool(members) and members.issubset(chain.from_iterable(let_in))


def _declared(workload: Workload) -> frozenset[tuple[str | None, int]]:
    """The ports that the containers declare, by name and number."""
    return frozenset(
        (port.get("name"), port.get("containerPort", 0))
        for container in workload.containers
        for port in container.get("ports") or ()
    )


def _listens(declared: frozenset[tuple[str | None, int]], rule: PolicyRule) -> bool:
    """Whether the rule names one of these ports; a workload that declares none might have it."""
    return not declared or any(
        name in rule.application_ports or rule.allows(number) for name, number in declared
    )
