"""What DestinationRules say of the TLS that proxies send to a Service, port by port.

The proxy's cluster takes the settings of the port, if there are any, in place of the rule's own
(`GetPortLevelTrafficPolicy` of istio/istio pilot/pkg/networking/util/util.go); what is said of each endpoint
falls back to them (`trafficPolicyTLSModeForPort` of pilot/pkg/xds/endpoints/mtls_checker.go).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from migrator.istio.policies.clientpolicy import policies
from migrator.model.resource import Resource

DISABLE, ISTIO_MUTUAL = "DISABLE", "ISTIO_MUTUAL"
_PASSTHROUGH = "PASSTHROUGH"


class ClientTls(NamedTuple):
    """The modes, empty where Istio decides by itself.

    `unsure` says why nobody can tell how a call is sent.
    """

    mode: str = ""
    of_endpoints: str = ""
    unsure: str = ""

    @property
    def originates(self) -> bool:
        """Whether it is TLS of the caller's own, for the application."""
        return self.mode not in {"", DISABLE, ISTIO_MUTUAL}


def says_tls(rule: Resource) -> bool:
    """Whether the rule has a part in how anybody sends."""
    return any(_balancing(p) == _PASSTHROUGH or "tls" in p for _, p in policies(rule))


def client_tls(rules: Iterable[Resource], port: int) -> ClientTls:
    """Of those that count for a Service and a proxy, as Istio merges them: the oldest policy, all subsets."""
    known = sorted(rules, key=_age)
    own = (rule.spec.get("trafficPolicy") for rule in known)
    whole: Mapping[str, Any] = next((policy for policy in own if policy is not None), {})
    found = _at(whole, port, ClientTls())
    if _is_passed_through(whole, port):
        return ClientTls(unsure="it is balanced as PASSTHROUGH")
    for subset in (s for rule in known for s in rule.spec.get("subsets") or ()):
        policy = subset.get("trafficPolicy") or {}
        if _at(policy, port, found) != found or _is_passed_through(policy, port):
            return ClientTls(unsure=f"its subset {subset.get('name')} is sent to otherwise")
    return found


def _at(policy: Mapping[str, Any], port: int, usual: ClientTls) -> ClientTls:
    """What it says of the port. `usual`: of what it says nothing."""
    own = _port(policy, port)
    if own is None:
        mode = _mode(policy)
        return ClientTls(mode or usual.mode, mode or usual.of_endpoints)
    return ClientTls(_mode(own), _mode(own) or _mode(policy) or usual.of_endpoints)


def _is_passed_through(policy: Mapping[str, Any], port: int) -> bool:
    return _balancing(_port(policy, port) or policy) == _PASSTHROUGH


def _mode(policy: Mapping[str, Any]) -> str:
    """A mode that is not written is DISABLE (istio.io/api networking/v1alpha3/destination_rule.proto)."""
    tls = policy.get("tls")
    return "" if tls is None else str(tls.get("mode") or DISABLE)


def _balancing(policy: Mapping[str, Any]) -> str:
    return str((policy.get("loadBalancer") or {}).get("simple") or "")


def _port(policy: Mapping[str, Any], port: int) -> Mapping[str, Any] | None:
    settings = policy.get("portLevelSettings") or ()
    return next((one for one in settings if (one.get("port") or {}).get("number") == port), None)


def _age(rule: Resource) -> tuple[str, str, str]:
    return str(rule.metadata.get("creationTimestamp") or ""), rule.name, rule.namespace
