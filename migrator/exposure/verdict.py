"""What becomes of one request in one state: allowed, denied or unknown, by which policy at which hop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from migrator.istio.workloads import Workload
from migrator.model.resource import Ref

from .calling import Caller, Sending, Target
from .enforcing import By
from .facts import Facts, is_http
from .paths import Hop, Path, paths
from .policies import UNKNOWN, Level, Values
from .state import Pods, State

_IDENTITY = ("principal", "namespace", "account", "trust")


class Answer(StrEnum):
    """`unknown` is an answer too: the model says why it has no other."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """What happens, who says so (`hop` names the enforcer and where it stands), and why."""

    answer: Answer
    policy: Ref | None = None
    hop: str = ""
    why: str = ""


@dataclass(frozen=True)
class Request:
    """One request as its caller sends it.

    `principal` is empty for a caller without identity. `headers` and `claims` by name; `token` is
    `issuer/subject`, or `enforcing.FORGED`. `http` False is a connection that no proxy reads. `refused_by`
    are the external authorizers that would refuse it.
    """

    caller: Caller
    service: Ref
    port: int
    principal: str = ""
    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    source_ip: str = "192.0.2.1"
    http: bool = True
    refused_by: frozenset[str] = frozenset()

    def values(self) -> dict[str, str | None]:
        """The fields as policies name them."""
        found: dict[str, str | None] = {
            **identity(self.principal),
            "source.ip": self.source_ip,
            "remote.ip": self.source_ip,
        }
        if self.http:
            found |= {"method": self.method, "path": self.path, "host": self.host}
            found["token"] = self.token
            found |= {f"header:{name.lower()}": value for name, value in self.headers.items()}
            found |= {f"claim:{name}": value for name, value in self.claims.items()}
        return found | {f"authorizer:{name}": "refuses" for name in self.refused_by}


def identity(principal: str) -> dict[str, str | None]:
    """What policies can ask of a caller; nothing of one without identity."""
    if not principal:
        return dict.fromkeys(_IDENTITY)
    domain, _, rest = principal.partition("/ns/")
    namespace, _, account = rest.partition("/sa/")
    return {
        "principal": principal,
        "namespace": namespace,
        "account": f"{namespace}/{account}",
        "trust": domain,
    }


def verdicts(state: State, request: Request) -> frozenset[Verdict]:
    """What may happen to it: one verdict for each kind of pods that it may reach."""
    service = state.mesh.services.get(request.service)
    if service is None:
        return frozenset({Verdict(Answer.UNKNOWN, why=f"{request.service} is not in the source")})
    port = next((p for p in service.ports if p.number == request.port), None)
    number = port.target if port and port.target else request.port
    http = is_http(port.protocol) if port else None
    target = Target(service, None, request.port, number, http)
    level = Level.HTTP if request.http and http is not False else Level.TCP
    values, facts = request.values(), Facts.of(state)
    home = identity(request.principal)["namespace"] or ""
    sending = Sending(request.caller, home)
    return frozenset(judge(one, values, level) for one in paths_to(facts, sending, target))


def paths_to(facts: Facts, sending: Sending, target: Target) -> Iterator[Path]:
    """Every way that a call to the target may take, to each kind of pods behind it."""
    for workload, pods in servers_of(facts.state, target):
        yield from paths(facts, sending, target, workload, pods)


def servers_of(state: State, target: Target) -> Iterator[tuple[Workload, Pods]]:
    """The pods that answer."""
    if target.service is not None:
        yield from state.servers(target.service)
    elif target.workload is not None:
        for pods in sorted(state.pods_of(target.workload)):
            yield target.workload, pods


def judge(way: Path, values: Values, level: Level) -> Verdict:
    """The first hop that denies decides; else whether some hop cannot say."""
    if way.refused:
        return Verdict(Answer.DENIED, why=way.refused)
    if way.unknown:
        return Verdict(Answer.UNKNOWN, why=way.unknown)
    unsure: Verdict | None = None
    for hop in way.hops:
        told = hop.enforcing.outcome(
            seen_at(hop, values), level, plaintext=hop.plaintext, port=hop.port
        )
        at = f"{hop.enforcing.by} of {hop.enforcing.where}"
        if told.allowed is False:
            return Verdict(Answer.DENIED, told.policy, at, told.why)
        if told.allowed is None:
            unsure = unsure or Verdict(Answer.UNKNOWN, told.policy, at, told.why)
        values = hop.enforcing.passed_on(values, level)
    return unsure or Verdict(Answer.ALLOWED)


def seen_at(hop: Hop, values: Values) -> dict[str, str | None]:
    """The fields as this hop sees them: the identity of who connects to it, and its own port.

    Which address a policy of a waypoint compares has not been seen on a running one, nor has it behind one.
    """
    seen = {**values, "port": str(hop.port)}
    if hop.plaintext:
        seen |= identity("")
    elif hop.as_waypoint is not None:
        seen |= identity(hop.as_waypoint)
    if hop.enforcing.by == By.WAYPOINT or hop.as_waypoint is not None:
        seen |= {"source.ip": UNKNOWN, "remote.ip": UNKNOWN}
    return seen
