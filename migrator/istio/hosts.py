"""Host names as Istio resolves and compares them.

Mirrors `ResolveShortnameToFQDN` in istio/istio pkg/config/resolve... (pilot/pkg/model/virtualservice.go)
and `Name.Matches` in pkg/config/host/name.go.
"""

CLUSTER_DOMAIN = "cluster.local"


def fqdn(host: str, namespace: str) -> str:
    """A short name is a Service of `namespace`; a name with a dot or a wildcard stays as it is."""
    if "." in host or host.startswith("*"):
        return host
    return f"{host}.{namespace}.svc.{CLUSTER_DOMAIN}"


def matches(pattern: str, host: str) -> bool:
    """Whether `pattern`, exact or `*.suffix` or `*`, covers `host`."""
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return pattern == host
