"""Host names as Istio resolves and compares them.

Mirrors `ResolveShortnameToFQDN` in istio/istio pilot/pkg/model/config.go and `Name.SubsetOf` in
pkg/config/host/name.go.
"""

CLUSTER_DOMAIN = "cluster.local"


def fqdn(host: str, namespace: str) -> str:
    """A name without a dot is a Service of `namespace`; wildcards and addresses stay as they are."""
    if "." in host or ":" in host or host.startswith("*"):
        return host
    return f"{host}.{namespace}.svc.{CLUSTER_DOMAIN}"


def all_of(namespace: str) -> str:
    """The wildcard for the Services of `namespace`."""
    return f"*.{namespace}.svc.{CLUSTER_DOMAIN}"


def matches(pattern: str, host: str) -> bool:
    """Whether `pattern`, exact or `*.suffix` or `*`, covers `host`."""
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return pattern == host
