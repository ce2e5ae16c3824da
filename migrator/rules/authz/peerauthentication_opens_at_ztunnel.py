"""AMB135, plain text that sidecars refuse and ztunnel takes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies import mtls_at_ztunnel
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Effect, Finding, Remedy, Scope, Severity
from migrator.rules.base import Rule


class PeerauthenticationOpensAtZtunnel(Rule):
    """A port that sidecars keep STRICT takes plain text once ztunnel serves it.

    ## Why
    istiod converts port-level modes for ztunnel, and in two shapes loses them: under a STRICT mesh whose
    namespaces set no mode, a STRICT port of a PERMISSIVE or DISABLE workload, and a workload of unset mode
    with a PERMISSIVE port in a namespace whose policy has no mode. ztunnel then takes plain text there, from
    callers without any identity, and nothing says so.

    ## Fix
    Give the namespace a PeerAuthentication with an explicit mode (STRICT, where the mesh is), and write the
    workload's policy again afterwards: istiod converts it only when it changes.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`convertPeerAuthentication`)
    """

    code = "AMB135"
    severity = Severity.BLOCKER
    remedy = Remedy.MANUAL
    scope = Scope.WORKLOAD
    inputs = kinds.INJECTION | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            opened = _opened(mesh, workload)
            sources = mesh.mtls(workload).sources
            if not opened or not sources:
                continue
            ports = ", ".join(str(port) for port in opened)
            yield self.finding(
                sources[0],
                f"Sidecars of {workload.ref} refuse plain text at port {ports}. What istiod makes of its "
                "PeerAuthentications for ztunnel does not: plain text is taken there, without identity.",
                fix=f"Give namespace {workload.namespace} a PeerAuthentication with an explicit mode, then "
                "write this policy again.",
                path=field("spec", "portLevelMtls"),
                affects=[workload],
                callers=["outside"],
                effect=Effect.OPEN,
            )


def _opened(mesh: Mesh, workload: Workload) -> tuple[int, ...]:
    """The ports that its policy names, and those that its containers declare."""
    acting = mesh.attachments.on_workload(kinds.PEER_AUTHENTICATION, workload)
    found = mtls_at_ztunnel.written(acting, mesh.config.root_namespace, workload)
    strict = mesh.mtls(workload)
    declared = {p["containerPort"] for c in workload.containers for p in c.get("ports") or ()}
    return tuple(
        port
        for port in sorted({*found.ports, *declared})
        if strict.at(port) == "STRICT" and not mtls_at_ztunnel.refuses_plaintext(found, port)
    )
