"""The traffic matrix: calls that the policies of a mesh tell apart, allowed and denied ones.

From the distinguishing requests of the exposure model: for every port of every Service, for every class of
callers that its policies tell apart, some requests of each fate that the model foresees. The model only
chooses what is worth asking; what an answer means is decided by the baseline.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import zip_longest
from typing import NamedTuple

from migrator.exposure.calling import CALLERS, Caller, Target
from migrator.exposure.enforcing import FORGED
from migrator.exposure.facts import Facts
from migrator.exposure.paths import Path
from migrator.exposure.patterns import UNMATCHED_IP
from migrator.exposure.policies import Atom, Level
from migrator.exposure.reach import Reach, told_apart
from migrator.exposure.requests import Choice, distinguishing, in_words
from migrator.exposure.state import State
from migrator.exposure.targets import pairs
from migrator.exposure.verdict import identity, judge
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref

from .calls import Call

_SENDERS = (Caller.SIDECAR, Caller.AMBIENT, Caller.GATEWAY, Caller.OUTSIDE)
_NO_METHOD = "UNMATCHED"  # as `exposure.patterns` fills the gap; proxies refuse what is no method
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_ADDRESSES = ("source.ip", "remote.ip")
_IDENTITY = frozenset({"principal", "namespace", "account", "trust"})
_STAYS = frozenset({kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.ROLLOUT})


class Sender(NamedTuple):
    """Who makes calls, and how it sends before the migration; without workload somebody outside the mesh."""

    workload: Ref | None
    principal: str
    kind: Caller


OUTSIDE = Sender(None, "", Caller.OUTSIDE)


class Ability(NamedTuple):
    """What a provider's clusters can show: valid tokens of any issuer, external authorizers that refuse,
    calls that gateways themselves make, NetworkPolicies that refuse, Rollouts that Argo rolls out.
    """

    tokens: bool = False
    authorizers: bool = False
    gateways: bool = True
    networks: bool = True
    rollouts: bool = False


class Matrix(NamedTuple):
    """The calls, and in words what was left out."""

    calls: tuple[Call, ...]
    left_out: tuple[str, ...]


def matrix(mesh: Mesh, ability: Ability, per_class: int) -> Matrix:
    """At most `per_class` calls of one class of callers to one port of a Service."""
    maker = _Maker(mesh, ability, per_class)
    calls = tuple(replace(c, id=f"c{number}") for number, c in enumerate(maker.calls(), 1))
    return Matrix(calls, tuple(sorted(maker.left_out)))


class _Maker:
    def __init__(self, mesh: Mesh, ability: Ability, per_class: int) -> None:
        self._state = State(mesh)
        self._facts = Facts.of(self._state)
        self._ability = ability
        self._per_class = per_class
        self.left_out: set[str] = set()

    def calls(self) -> Iterator[Call]:
        for pair in pairs(self._facts, self._facts, None):
            target = pair.before
            if target.service is None:
                self.left_out.add("calls to pods by their own address")
            elif any(self._is_gateway(server) for server in target.servers):
                self.left_out.add("calls from outside through a gateway: hosts, TLS and routes")
            elif target.service.type != "ExternalName":
                yield from self._of_target(target, target.service)

    def _is_gateway(self, ref: Ref) -> bool:
        found = self._state.mesh.workload(ref)
        return found is not None and found.role is Role.GATEWAY

    def _of_target(self, target: Target, service: Service) -> Iterator[Call]:
        level = target.levels[0]
        reach = Reach(self._facts, target)
        enforcers = tuple(dict.fromkeys(reach.enforcers()))
        atoms = tuple(atom for one in enforcers for atom in one.atoms(level))
        found = distinguishing(enforcers, level)
        if not found.complete:
            self.left_out.add(f"some combinations of what the policies of {service.ref} ask for")
        choices = tuple(self._possible(found.choices, service))
        self._say_strangers(atoms)
        for sender in self._classes((*atoms, *told_apart(reach.homes))):
            if sender.kind is Caller.GATEWAY and not self._ability.gateways:
                self.left_out.add("calls that gateways pass on")
                continue
            base = _call(target, service, sender, level)
            ways = reach.of(sender.kind, identity(sender.principal)["namespace"] or "")
            for choice in self._worth_asking(choices, ways, sender, level):
                yield replace(base, says=in_words(choice, level, atoms), values=choice)

    @cached_property
    def _senders(self) -> tuple[Sender, ...]:
        """Every workload that goes on running, with the way in which its pods send."""
        domain = self._state.mesh.config.trust_domain
        found = [OUTSIDE]
        for one in self._state.mesh.workloads:
            sends = [CALLERS[p.mode] for p in sorted(self._state.pods_of(one)) if p.mode in CALLERS]
            if _goes_on(one) and sends and sends[0] in _SENDERS and sends[0] is not Caller.OUTSIDE:
                principal = f"{domain}/ns/{one.namespace}/sa/{one.service_account}"
                found.append(Sender(one.ref, principal, sends[0]))
        return tuple(found)

    def _classes(self, atoms: Iterable[Atom]) -> tuple[Sender, ...]:
        """One of all those whom no policy on the way tells apart."""
        asked = [atom for atom in dict.fromkeys(atoms) if atom.key in _IDENTITY]
        found: dict[object, Sender] = {}
        for sender in self._senders:
            who = identity(sender.principal)
            found.setdefault((sender.kind, *(atom.holds(who) for atom in asked)), sender)
        return tuple(found.values())

    def _say_strangers(self, atoms: Iterable[Atom]) -> None:
        known = {sender.principal for sender in self._senders}
        for atom in atoms:
            if atom.key == "principal":
                strangers = {p for p in atom.patterns if "*" not in p} - known
                self.left_out |= {f"calls as {p}, which no workload is" for p in strangers}

    def _possible(self, choices: Iterable[Choice], service: Service) -> Iterator[Choice]:
        """What a caller can send: nobody chooses an address, and the host is the Service's own."""
        known = tuple(choices)
        named = {choice.get("method") for choice in known}
        spare = next((m for m in reversed(_METHODS) if m not in named), _METHODS[0])
        seen = set()
        for choice in known:
            if any(choice.get(key, UNMATCHED_IP) != UNMATCHED_IP for key in _ADDRESSES):
                self.left_out.add("requests from addresses that policies name")
                continue
            if not self._able(choice):
                continue
            method = spare if choice.get("method") == _NO_METHOD else choice.get("method")
            made = {**choice, "method": method, "host": service.host}
            key = tuple(sorted(made.items(), key=str))
            if key not in seen:
                seen.add(key)
                yield made

    def _able(self, choice: Choice) -> bool:
        token = choice.get("token")
        if token is not None and token != FORGED and not self._ability.tokens:
            self.left_out.add("requests with a valid token: nobody here can sign one")
            return False
        refused = any(k.startswith("authorizer:") and v for k, v in choice.items())
        if refused and not self._ability.authorizers:
            self.left_out.add("requests that an external authorizer refuses: it is not there")
            return False
        return True

    def _worth_asking(
        self, choices: Iterable[Choice], ways: Iterable[Path], sender: Sender, level: Level
    ) -> Iterator[Choice]:
        """Some of each fate, in turn, up to the limit."""
        who, known = identity(sender.principal), tuple(ways)
        fates: dict[object, list[Choice]] = {}
        for choice in choices:
            values = {**choice, **who}
            fate = frozenset((v.answer, v.policy) for v in (judge(w, values, level) for w in known))
            fates.setdefault(fate, []).append(choice)
        in_turn = (c for row in zip_longest(*fates.values()) for c in row if c is not None)
        for number, choice in enumerate(in_turn):
            if number >= self._per_class:
                self.left_out.add(f"more than {self._per_class} requests of a class of callers")
                return
            yield choice


def _goes_on(workload: Workload) -> bool:
    """Whether it has pods all the time: a Job's end."""
    calls = workload.role in {Role.APP, Role.GATEWAY}
    return calls and workload.ref.group_kind in _STAYS and workload.replicas != 0


def _call(target: Target, service: Service, sender: Sender, level: Level) -> Call:
    return Call(
        id="",
        caller=sender.workload,
        kind=str(sender.kind),
        principal=sender.principal,
        service=service.ref,
        servers=tuple(sorted(target.servers)),
        host=service.host,
        port=target.port,
        number=target.number,
        http=level is Level.HTTP,
        says="",
    )
