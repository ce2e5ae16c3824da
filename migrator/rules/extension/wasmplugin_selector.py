"""AMB409, a plugin in sidecars."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.targets import target_refs
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_GUARDING = {"AUTHN", "AUTHZ"}


class WasmpluginSelector(Rule):
    """A WasmPlugin or TrafficExtension runs in sidecars, and nothing runs it in ambient.

    ## Why
    ztunnel runs no plugins, and a waypoint only those with `targetRefs`. In the phases AUTHN and AUTHZ
    that ends a protection.

    ## Fix
    Let a waypoint run it: `migrate plan` makes a copy with `targetRefs`. Before Istio 1.31 keep the plugin
    in the waypoint's namespace.

    ## References
    - istio/istio pilot/pkg/model/extensions.go (`MatchListener`)
    - https://istio.io/latest/docs/ambient/usage/extend-waypoint-wasm/
    """

    code = "AMB409"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for kind in (kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION):
            for plugin in mesh.of(kind):
                apps = () if target_refs(plugin) else mesh.attachments.apps_of(plugin)
                if not apps:
                    continue
                phase = plugin.spec.get("phase") or ""
                guards = phase in _GUARDING
                yield self.finding(
                    plugin,
                    f"Sidecars run this {plugin.ref.kind}"
                    + (f" in phase {phase}" if phase else "")
                    + "; ztunnel runs no plugins, and a waypoint only those with targetRefs"
                    + (": what it refuses would pass." if guards else "."),
                    fix="Give the waypoint a copy with targetRefs; `migrate plan` does.",
                    path="spec.phase" if phase else "",
                    severity=Severity.BLOCKER if guards else Severity.WARNING,
                    affects=apps,
                )
