"""What becomes of a rehearsal's calls at one moment, by what istiod tells each proxy on their way.

Real: what istiod tells. Simulated: the callers, the proxies and the packets. Nothing here is shared with
the product's model of the same ways.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .oracle_rbac import Filter, Request, allows
from .oracle_told import Alike, Proxy, Server, Told, sidecar_allows, ztunnel_allows

Call = Mapping[str, Any]
_MESHED = {"sidecar", "hbone", "ambient"}
# `exposure.verdict.identity` written a second time, on purpose: what the model reads wrong must show
_PARTS = ("principal", "namespace", "account", "trust")


class Outcome(NamedTuple):
    """`answer`: allowed, denied or failed. `by` names who decided."""

    answer: str
    by: str


class Moment:
    """What is told now, with the pods that are ready; `entered`: Services whose waypoint gateways use."""

    def __init__(self, told: Told, ready: frozenset[Alike], entered: frozenset[str]) -> None:
        self._told, self._entered = told, entered
        self._pods = {key: server for key, server in told.pods.items() if key in ready}
        self._by_workload: dict[str, list[Alike]] = {}
        for key in self._pods:
            self._by_workload.setdefault(key.workload, []).append(key)

    def outcomes(self, call: Call) -> Iterator[Outcome]:
        """One for each kind of pod that may send it, and each kind that may answer."""
        servers = [k for name in call["servers"] for k in self._by_workload.get(name, ())]
        if not servers:
            yield Outcome("failed", "no ready pod answers")
            return
        for mode in self._modes(call):
            for server in servers:
                yield self._walk(call, mode, server)

    def _modes(self, call: Call) -> Iterator[str]:
        """How its caller sends now; outside the mesh somebody always does."""
        if not call["caller"]:
            yield "none"
            return
        found = {key.mode for key in self._by_workload.get(call["caller"], ())}
        yield from sorted({"gateway"} if found and call["gateway"] else found)

    def _walk(self, call: Call, mode: str, server: Alike) -> Outcome:
        gateway = self._told.services.get(call["host"], "") if call["service"] else ""
        sent = mode == "ambient" or (mode == "gateway" and call["host"] in self._entered)
        if not gateway or not sent:
            return self._at_pods(call, _request(call, call["number"]), mode, server)
        proxy = self._told.waypoints.get(gateway)
        if proxy is None:
            return Outcome("failed", f"the waypoint {gateway} has no pods")
        request = _request(call, call["port"])
        refused = _refused(
            proxy, proxy.of_service(call["host"], call["port"], http=call["http"]), request
        )
        if refused is not None:
            return Outcome("denied", f"waypoint {gateway}: {refused}")
        principal = f"{call['trust']}/ns/{gateway.partition('/')[0]}/sa/{gateway.partition('/')[2]}"
        passed = {**_request(call, call["number"]), **_identity(principal)}
        return self._at_pods(call, passed, "waypoint", server)

    def _at_pods(self, call: Call, request: Request, mode: str, key: Alike) -> Outcome:
        server = self._pods[key]
        connection = _connection(mode, key.mode, server, int(request["port"] or 0))
        if connection == "plain":
            request = {**request, **dict.fromkeys(_PARTS)}
        if server.proxy is not None:
            if sidecar_allows(server.proxy, request, connection, http=call["http"]):
                return Outcome("allowed", "")
            return Outcome(
                "denied",
                f"sidecar of {key.workload}: {_why(server.proxy, call, connection, request)}",
            )
        if ztunnel_allows(server.ztunnel, request):
            return Outcome("allowed", "")
        names = sorted(policy.name for policy in server.ztunnel)
        return Outcome("denied", f"ztunnel of {key.workload}: {', '.join(names)}")


def _connection(mode: str, server: str, told: Server, port: int) -> str:
    """How the call arrives at the pods: istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go.

    Whether a sidecar sends HBONE is istiod's choice (PILOT_ENABLE_SENDING_HBONE, on with ambient), whatever
    it may receive itself: who has an ambient server has such an istiod.
    """
    if mode == "none":
        return "plain"
    if server == "ambient":
        return "hbone"
    if mode in {"ambient", "waypoint"}:
        return "hbone" if server == "hbone" else "plain"
    if told.proxy is not None and told.proxy.at("mtls", port, http=False) is None:
        return "plain"  # PeerAuthentication says DISABLE
    return "mtls" if server in {"sidecar", "hbone"} else "plain"


def _why(proxy: Proxy, call: Call, connection: str, request: Request) -> str:
    chain = proxy.at(connection, int(request["port"] or 0), http=call["http"])
    if chain is None:
        return "plaintext is refused" if connection == "plain" else "takes no such connection"
    return _refused(proxy, chain, request) or ""


def _refused(proxy: Proxy, chain: Mapping[str, Any] | None, request: Request) -> str | None:
    """Who of the chain refuses; None where it passes."""
    if chain is None:
        return "it has no such port"
    filters = proxy.filters(chain)
    for number, one in enumerate(filters, 1):
        if not allows(filters[:number], request):
            return _name(one)
    return None


def _name(one: Filter) -> str:
    kind = str(one.get("@type", "")).rpartition(".")[2]
    policies = (one.get("rules") or {}).get("policies") or {} if kind == "RBAC" else {}
    named = {part for name in policies for part in [_policy(name)] if part}
    return ", ".join(sorted(named)) or kind


def _policy(name: str) -> str:
    """`namespace/name` of `ns[…]-policy[…]-rule[…]`."""
    namespace, _, rest = name.partition("ns[")[2].partition("]-policy[")
    return f"{namespace}/{rest.partition(']')[0]}" if rest else ""


def _request(call: Call, port: int) -> dict[str, str | None]:
    return {**call["values"], **_identity(call["principal"]), "port": str(port)}


def _identity(principal: str) -> dict[str, str | None]:
    if not principal:
        return dict.fromkeys(_PARTS)
    domain, _, rest = principal.partition("/ns/")
    namespace, _, account = rest.partition("/sa/")
    return {
        "principal": principal,
        "namespace": namespace,
        "account": f"{namespace}/{account}",
        "trust": domain,
    }
