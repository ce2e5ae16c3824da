"""A request on its way by what istiod told everybody: the traffic matrix, written down a second time.

Simulated: callers, ztunnel and Envoy. What each of them does with a request is `oracle_rbac`'s and
`oracle_told`'s.
"""

from migrator.exposure.calling import Caller, Target
from migrator.exposure.policies import Level
from migrator.exposure.verdict import identity

from .oracle_rbac import Request, allows, passes_token_on
from .oracle_told import Alike, Server, Told, sidecar_allows, ztunnel_allows

_DERIVED = {"namespace", "account", "trust"}
_TUNNELS = {"hbone", "ambient"}  # pods that take HBONE from ztunnel
_ROLES = {Caller.SIDECAR: "sidecar", Caller.GATEWAY: "router"}
_TLS = "tlsMode-istio"  # the name that istiod gives mutual TLS with endpoints that have the label


class Going:
    """The way of one kind of caller to one target."""

    def __init__(self, told: Told, caller: Caller, target: Target, level: Level) -> None:
        self._told, self._caller, self._target, self._level = told, caller, target, level

    def arrives(self, request: Request, key: Alike, server: Server, waypoint: str) -> bool:
        """Whether the pods that are `key` get it; `waypoint` is where it is sent first, if it is."""
        values = {**request}
        connection = self._sent(key, server)
        if waypoint:
            if not self._passes(values, waypoint):
                return False
            connection = "hbone" if key.mode in _TUNNELS else "plain"
            namespace, _, name = waypoint.partition("/")
            values |= identity(f"cluster.local/ns/{namespace}/sa/{name}")
        values["port"] = str(self._target.number)
        has_sidecar = key.mode in {"sidecar", "hbone"}
        if connection == "mtls" and not (has_sidecar and _takes(server, self._target.number)):
            return False
        if connection == "plain":
            values |= identity("")
        return allowed(server, values, connection, self._level)

    def _sent(self, key: Alike, server: Server) -> str:
        if self._caller is Caller.AMBIENT:
            return "hbone" if key.mode in _TUNNELS else "plain"
        role, service = _ROLES.get(self._caller), self._target.service
        if role is None or service is None:
            return "plain"
        ways = self._told.way_to(service.host, self._target.port, role)
        if ways in {("mtls",), ("plain",)}:
            return ways[0]
        if key.mode == "ambient" and "hbone" in ways:
            return "hbone"
        if f"always {_TLS}" in ways:
            return "mtls"
        labelled = key.mode in {"sidecar", "hbone"} and _takes(server, self._target.number)
        return "mtls" if labelled and _TLS in ways else "plain"

    def _passes(self, values: dict[str, str | None], gateway: str) -> bool:
        proxy, service = self._told.waypoints[gateway], self._target.service
        assert service is not None
        http = self._level is Level.HTTP
        chain = proxy.of_service(service.host, self._target.port, http=http)
        if chain is None or not allows(proxy.filters(chain), values):
            return False
        token = values.get("token")
        if token and not passes_token_on(proxy.filters(chain), token.rpartition("/")[0]):
            for key in [k for k in values if k == "token" or k.startswith("claim:")]:
                values[key] = None
        return True


def _takes(server: Server, port: int) -> bool:
    """Whether the sidecar takes mutual TLS at the port: callers are told to send it only then."""
    proxy = server.proxy
    return proxy is None or any(proxy.at("mtls", port, http=http) for http in (True, False))


def allowed(server: Server, request: Request, connection: str, level: Level) -> bool:
    """Whether what acts at the pods lets a request in that comes over such a connection."""
    if server.proxy is not None:
        return sidecar_allows(server.proxy, request, connection, http=level is Level.HTTP)
    return ztunnel_allows(server.ztunnel, request)


def short(request: Request) -> str:
    """The fields that it has, in few words."""
    return str({k: v for k, v in request.items() if v is not None and k not in _DERIVED})
