"""Where the exposure model and istiod differ at one moment: policies, their verdicts, and whole ways.

Compared of all pods that are alike: which policies act, with which action, whose tokens are known, and for
every request that the model tells apart, from every class of callers, what the enforcer says. Then the same
for whole ways: caller, waypoint, pods. Left out: pods of gateways, whose listeners are no part of the model,
and requests of which the model says itself that it does not know.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from migrator.exposure.calling import Caller, Sending, Target
from migrator.exposure.enforcing import By, Enforcing
from migrator.exposure.facts import Facts, is_http
from migrator.exposure.paths import NOT_TAKEN, Path, paths
from migrator.exposure.policies import Level
from migrator.exposure.requests import distinguishing
from migrator.exposure.state import Pods, State
from migrator.exposure.verdict import Answer, identity, judge
from migrator.istio.pods.dataplane import Mode
from migrator.istio.services import Service
from migrator.istio.workloads import Role, Workload

from .oracle_rbac import Request, allows
from .oracle_told import ROLES, Alike, Proxy, Server, Told
from .oracle_ways import Going, allowed, short

MODES = {
    Mode.SIDECAR: "sidecar",
    Mode.SIDECAR_HBONE: "hbone",
    Mode.AMBIENT: "ambient",
    Mode.NONE: "none",
}
MOST = 256  # requests of one enforcer; of more every so many-th is asked
ELSEWHERE = 4711  # a port that no Service, container or policy names
_CALLERS = (Caller.SIDECAR, Caller.AMBIENT, Caller.GATEWAY, Caller.OUTSIDE)
_INGRESS = "istio.io/ingress-use-waypoint"


class Agreement:
    """Compares moments; what was compared once is not compared again."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._known: dict[Any, tuple[str, ...]] = {}

    def differences(self, told: Told, state: State) -> list[str]:
        """In words; empty where both say the same."""
        return list(_Moment(self, told, state).differences())

    def once(self, key: Any, found: Iterator[str]) -> tuple[str, ...]:
        if key not in self._known:
            self._known[key] = tuple(found)
        return self._known[key]


class _Moment:
    def __init__(self, agreement: Agreement, told: Told, state: State) -> None:
        self._all, self._told, self._state = agreement, told, state
        self._facts = Facts.of(state)
        self._senders = _senders(state)
        self._workloads = {f"{w.namespace}/{w.name}": w for w in state.mesh.workloads}

    def differences(self) -> Iterator[str]:
        for key, server in self._told.pods.items():
            workload = self._workloads.get(key.workload)
            if workload is None:
                yield f"{key.workload}: not in the model"
            elif workload.role is Role.APP:
                yield from self._of_pods(key, server, workload)
        for service in self._state.mesh.services.all:
            yield from self._of_service(service)

    # -- pods

    def _of_pods(self, key: Alike, server: Server, workload: Workload) -> Iterator[str]:
        same = self._same(key, workload)
        if same is None:
            yield f"{key} runs; the model has {sorted(self._state.pods_of(workload))}"
            return
        self._all.counts["pods"] += 1
        model = self._facts.server(workload, same)
        if model is None:
            if key.mode != "none":
                yield f"{key}: nobody enforces, says the model"
            return
        found = set(_names(model)) ^ server.policies
        if found:
            yield f"{key}: only one side has {sorted(found)}; the model {sorted(_names(model))}"
        issuers = server.issuers ^ model.tokens.issuers
        if issuers and server.proxy is not None:
            yield f"{key}: only one side knows tokens of {sorted(issuers)}"
        yield from self._all.once(
            (repr(model.key), server.text, repr(_levels(self._facts, workload))),
            (f"{key}: {words}" for words in self._verdicts(model, server, workload)),
        )

    def _same(self, key: Alike, workload: Workload) -> Pods | None:
        for pods in self._state.pods_of(workload):
            if MODES.get(pods.mode) == key.mode and pods.labels == key.labels:
                return pods
        return None

    def _verdicts(self, model: Enforcing, server: Server, workload: Workload) -> Iterator[str]:
        ports = _levels(self._facts, workload)
        ports |= dict.fromkeys({*model.ports(), ELSEWHERE} - ports.keys(), (Level.HTTP, Level.TCP))
        for port, levels in sorted(ports.items()):
            for level in levels:
                for request in self._requests((model,), level, port):
                    yield from self._at_pods(model, server, request, level)

    def _at_pods(
        self, model: Enforcing, server: Server, request: Request, level: Level
    ) -> Iterator[str]:
        port = int(request["port"] or 0)
        for connection in _connections(model, server, port, request):
            said = model.outcome(request, level, plaintext=connection == "plain", port=port).allowed
            if said is None:
                self._all.counts["unknown"] += 1
                continue
            self._all.counts["verdicts"] += 1
            if said != allowed(server, request, connection, level):
                yield f"{connection} {level}: the model {_word(said)} {short(request)}"

    def _requests(
        self, enforcers: tuple[Enforcing, ...], level: Level, port: int
    ) -> Iterator[Request]:
        choices = distinguishing(enforcers, level).choices
        atoms = [atom for one in enforcers for atom in one.atoms(level)]
        named = {t for a in atoms if a.key == "principal" for t in a.patterns if "*" not in t}
        senders = {*self._senders, *(text for text in named if "/ns/" in text)}
        for choice in choices[:: len(choices) // MOST + 1]:
            for principal in sorted(senders):
                yield {**choice, **identity(principal), "port": str(port)}

    # -- services and ways

    def _of_service(self, service: Service) -> Iterator[str]:
        if service.host not in self._told.services:
            return
        gateway, _ = self._state.waypoint_of(service)
        name = f"{gateway.namespace}/{gateway.name}" if gateway else ""
        if name != self._told.services[service.host]:
            told = self._told.services[service.host] or "no waypoint"
            yield f"{service.host}: bound to {told}, says istiod; to {name or 'none'} the model"
            return
        self._all.counts["services"] += 1
        proxy = self._told.waypoints.get(name)
        if gateway is not None and proxy is not None:
            yield from self._at_waypoint(service, self._facts.waypoint(service, gateway), proxy)
        for target in _targets(service):
            for key, server in self._told.pods.items():
                yield from self._of_way(target, key, server, name)

    def _at_waypoint(self, service: Service, model: Enforcing, proxy: Proxy) -> Iterator[str]:
        for target in _targets(service):
            for level in target.levels:
                http = level is Level.HTTP
                chain = proxy.of_service(service.host, target.port, http=http)
                if chain is None:
                    yield f"{service.host}: the waypoint has no chain for {target.port} {level}"
                    continue
                normal, names = proxy.normal(chain), set(_names(model, level))
                rules = {r for r in normal.rules if r.action != "LOG" and not r.shadow}
                found = names ^ {(rule.policy, rule.action) for rule in rules}
                if found and http:
                    yield f"{service.host}: only one side has {sorted(found)} at the waypoint"
                yield from self._all.once(
                    (repr(model.key), str(normal), target.port, level),
                    self._waypoint_verdicts(service, model, target.port, level),
                )

    def _waypoint_verdicts(
        self, service: Service, model: Enforcing, port: int, level: Level
    ) -> Iterator[str]:
        proxy = self._told.waypoints[f"{model.where.namespace}/{model.where.name}"]
        chain = proxy.of_service(service.host, port, http=level is Level.HTTP)
        assert chain is not None
        for request in self._requests((model,), level, port):
            if request["principal"] is None:
                continue
            said = model.outcome(request, level, plaintext=False, port=port).allowed
            self._all.counts["verdicts" if said is not None else "unknown"] += 1
            if said is not None and said != allows(proxy.filters(chain), request):
                yield f"{service.host} waypoint {level}: the model {_word(said)} {short(request)}"

    def _of_way(self, target: Target, key: Alike, server: Server, gateway: str) -> Iterator[str]:
        workload = self._workloads.get(key.workload)
        same = self._same(key, workload) if workload else None
        if workload is None or same is None or target.service is None:
            return
        if workload not in self._state.mesh.services.workloads(target.service):
            return
        for caller in _CALLERS:
            # of two ways the first is that of a proxy that begins now, as the one that is asked for
            way = next(paths(self._facts, Sending(caller), target, workload, same))
            if way.unknown or way.refused not in {"", NOT_TAKEN}:
                continue
            proxy = self._told.waypoints.get(gateway)
            reached = [self._told.way_to(target.service.host, target.port, one) for one in ROLES]
            entering = caller is Caller.GATEWAY and self._enters(target.service)
            sent = gateway if caller is Caller.AMBIENT or entering else ""
            texts = (server.text, proxy.text if proxy else "", key.mode, str(reached), sent)
            yield from self._all.once(
                (repr(way.key), caller, target.port, target.service.host, texts),
                (
                    f"{caller} to {target.service.host}:{target.port} at {key}: {words}"
                    for words in self._way_verdicts(way, target, key, server, sent)
                ),
            )

    def _enters(self, service: Service) -> bool:
        usual = self._state.mesh.namespace(service.namespace).labels.get(_INGRESS, "")
        return service.labels.get(_INGRESS, usual).lower() == "true"

    def _way_verdicts(
        self, way: Path, target: Target, key: Alike, server: Server, waypoint: str
    ) -> Iterator[str]:
        enforcers = tuple(hop.enforcing for hop in way.hops)
        for level in target.levels:
            for request in self._requests(enforcers, level, target.port):
                if (request["principal"] is None) is not (way.caller is Caller.OUTSIDE):
                    continue
                said = judge(way, request, level).answer
                if said is Answer.UNKNOWN:
                    self._all.counts["unknown"] += 1
                    continue
                self._all.counts["ways"] += 1
                going = Going(self._told, way.caller, target, level)
                if going.arrives(request, key, server, waypoint) != (said is Answer.ALLOWED):
                    yield f"{level}: {said} says the model: {short(request)}"


def _senders(state: State) -> frozenset[str]:
    """Everybody who runs, a stranger in each namespace and of another one, and somebody without identity."""
    found = {(w.namespace, w.service_account) for w in state.mesh.workloads}
    found |= {(namespace, "stranger") for namespace, _ in [*found, ("elsewhere", "")]}
    return frozenset({"", *(f"cluster.local/ns/{n}/sa/{account}" for n, account in found)})


def _targets(service: Service) -> Iterator[Target]:
    for port in service.ports:
        number = port.target or port.number
        yield Target(service, None, port.number, number, is_http(port.protocol))


def _levels(facts: Facts, workload: Workload) -> dict[int, tuple[Level, ...]]:
    """The ports of a workload that Services name, with how its proxy reads what arrives there."""
    found: dict[int, tuple[Level, ...]] = {}
    for service in facts.state.mesh.services.of_workload(workload):
        for target in _targets(service):
            found[target.number] = target.levels
    return found


def _connections(model: Enforcing, server: Server, port: int, request: Request) -> tuple[str, ...]:
    if request["principal"] is None:
        return ("plain",)
    if server.proxy is None:
        return ("hbone",)
    tls = ("mtls",) if model.mtls_at(port) != "DISABLE" else ()
    return (*tls, "hbone") if server.proxy.takes_hbone else tls


def _word(allowed: bool) -> str:  # noqa: FBT001
    return "allows, istiod does not:" if allowed else "refuses, istiod does not:"


def _names(model: Enforcing, level: Level = Level.HTTP) -> Iterator[tuple[str, str]]:
    for one in model.at(level):
        if model.by == By.ZTUNNEL or one.rules or not one.policy.spec.get("rules"):
            yield f"{one.policy.namespace}/{one.policy.name}", one.action
