"""AMB419, metrics made of what sidecars tell each other."""

import re
from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import mentions
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_PEER = re.compile(r"\b(?:upstream_peer|downstream_peer)\b")


class PeerMetadataExchange(Rule):
    """A Telemetry makes tags of the peer's metadata, which sidecars exchange and ztunnel does not.

    ## Why
    `upstream_peer` and `downstream_peer` are filled by an exchange between Envoys. A waypoint finds what
    it knows of a peer by its address; ztunnel fills no such tags.

    ## Fix
    Compare the tags behind a waypoint before the switch, or tag by what the request itself carries.

    ## References
    - istio/istio pilot/pkg/features/ambient.go (`EnableAmbientBaggage`)
    """

    code = "AMB419"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.TELEMETRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for telemetry in mesh.of(kinds.TELEMETRY):
            metrics = telemetry.spec.get("metrics") or ()
            found = mentions(metrics, _PEER)
            apps = mesh.attachments.apps_of(telemetry) if found else ()
            if apps:
                yield self.finding(
                    telemetry,
                    f"This Telemetry makes tags of {found}, which sidecars fill for each other; ztunnel "
                    "fills none, and a waypoint what it finds by address.",
                    fix="Compare the tags behind a waypoint before the switch.",
                    path="spec.metrics",
                    affects=apps,
                )
