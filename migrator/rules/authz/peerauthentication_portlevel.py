"""AMB124, mTLS by port in an old Istio."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.finding import Effect, Finding, Severity
from migrator.rules.base import Rule

_MENDED = Version(1, 25)


class PeerauthenticationPortlevel(Rule):
    """A PeerAuthentication sets mTLS by port, which ztunnel before 1.25 evaluates wrongly.

    ## Why
    istiod turns `portLevelMtls` into DENY policies for ztunnel. Before 1.25 several STRICT ports in one
    policy were joined by AND where OR was meant, so that none of them was strict.

    ## Fix
    Upgrade Istio to 1.25 or later before the workloads move.

    ## References
    - istio/istio releasenotes/notes/54146.yaml
    """

    code = "AMB124"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.istio_version >= _MENDED:
            return
        for policy in mesh.of(kinds.PEER_AUTHENTICATION):
            ports = policy.spec.get("portLevelMtls") or {}
            strict = [str(p) for p, s in ports.items() if (s or {}).get("mode") == "STRICT"]
            has_selector = mesh.attachments.scope_of(policy) == "workload"
            apps = mesh.attachments.apps_of(policy) if len(strict) > 1 and has_selector else ()
            if apps:
                yield self.finding(
                    policy,
                    f"Ports {', '.join(strict)} are STRICT. ztunnel of Istio {mesh.istio_version} joins "
                    "such ports by AND, so that plain text is accepted on each of them.",
                    fix="Upgrade Istio to 1.25 or later first.",
                    path="spec.portLevelMtls",
                    affects=apps,
                    callers=["outside"],
                    effect=Effect.OPEN,
                )
