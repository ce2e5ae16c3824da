"""AMB039, Calico's eBPF data plane."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import agents, image_of
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_MENDED = Version(3, 29)
_BALANCING = "bpfConnectTimeLoadBalancing"


class CalicoEbpf(Rule):
    """Calico runs with eBPF, which handles probes and service addresses before ambient sees them.

    ## Why
    Before 3.29 the kubelet's probes of ambient pods fail. With connect-time load balancing the address
    of a Service becomes a pod's inside the caller, so that the call never passes a waypoint.

    ## Fix
    Upgrade Calico to 3.29 or newer, and set `bpfConnectTimeLoadBalancing: Disabled`.

    ## References
    - https://github.com/istio/istio/issues/52765
    - https://docs.tigera.io/calico/latest/reference/resources/felixconfig
    """

    code = "AMB039"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.WAYPOINT_REASONS | {kinds.FELIX_CONFIGURATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        versions = [image_of(agent)[1] for agent in agents(mesh, "calico-node")]
        old = [version for version in versions if version and version < _MENDED]
        needing = len(mesh.waypoints.needing)
        for felix in mesh.of(kinds.FELIX_CONFIGURATION):
            if felix.spec.get("bpfEnabled") is not True:
                continue
            if old or not versions:
                said = f"is {old[0]}" if old else "is not in the source"
                yield self.finding(
                    felix,
                    f"Calico runs with eBPF and its version {said}; before {_MENDED} the kubelet's "
                    "probes of ambient pods fail.",
                    fix=f"Upgrade Calico to {_MENDED} or newer.",
                    path="spec.bpfEnabled",
                    severity=Severity.BLOCKER if old else Severity.WARNING,
                )
            if felix.spec.get(_BALANCING, "TCP") != "Disabled":
                yield self.finding(
                    felix,
                    f"Calico balances at connect time: a call reaches a pod past its service's waypoint; "
                    f"services that need one: {needing}.",
                    fix=f"Set {_BALANCING}: Disabled.",
                    path=f"spec.{_BALANCING}" if _BALANCING in felix.spec else "spec",
                    severity=Severity.BLOCKER if needing else Severity.WARNING,
                )
