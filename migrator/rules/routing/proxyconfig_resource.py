"""AMB245, settings of proxies."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_SETTINGS = ("concurrency", "environmentVariables", "image")


class ProxyconfigResource(Rule):
    """A ProxyConfig sets up sidecars; ztunnel does not read it, and a waypoint may take it for its own.

    ## Why
    What it sets for the sidecars (workers, variables, image) is gone with them. One without selector is for
    all proxies of its namespace, so that a waypoint made there gets it too: a `concurrency` meant for
    sidecars sizes the waypoint.

    ## Fix
    Delete it with the last sidecar; give waypoints a ProxyConfig with their own labels before that.

    ## References
    - istio/istio pilot/pkg/config/kube/gateway/deploymentcontroller.go (`GetProxyConfigOrDefault`)
    - istio/istio pilot/pkg/model/proxy_config.go
    """

    code = "AMB245"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.PROXY_CONFIG}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for config in mesh.of(kinds.PROXY_CONFIG):
            bound = mesh.attachments.apps_of(config)
            names = [name for name in _SETTINGS if config.spec.get(name) not in (None, {})]
            if not bound or not names:
                continue
            chosen = bool((config.spec.get("selector") or {}).get("matchLabels"))
            yield self.finding(
                config,
                f"It sets {', '.join(names)} for sidecars, and ztunnel does not read it. "
                + (
                    "A waypoint has other labels and does not get it either."
                    if chosen
                    else "A waypoint that it covers gets the same settings."
                ),
                fix="Give waypoints a ProxyConfig with their own labels, and delete this one with "
                "the last sidecar.",
                path=f"spec.{names[0]}",
                affects=bound,
                callers=["ambient"],
            )
