"""AMB343, a sidecar that does not redirect traffic the usual way."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_ANNOTATION = "sidecar.istio.io/interceptionMode"


class InterceptionTproxy(Rule):
    """A pod template chooses how traffic gets to its sidecar: TPROXY or NONE.

    ## Why
    Ambient has one way, which keeps the caller's address as TPROXY does. With NONE nothing was
    captured and the sidecar listened where a Sidecar resource says: these listeners are not there in
    ambient, hence a blocker where such a resource exists.

    ## Fix
    TPROXY: nothing. NONE: let callers and the application use the Service's own ports again.

    ## References
    - istio/ztunnel ARCHITECTURE.md
    - istio/api annotation/annotations.gen.go (`SidecarInterceptionMode`)
    """

    code = "AMB343"
    severity = Severity.INFO
    inputs = kinds.INJECTION | {kinds.SIDECAR}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            mode = workload.annotations.get(_ANNOTATION)
            if mode == "TPROXY":
                yield self._found(workload, mode, "ambient keeps the caller's address as it does")
            elif mode == "NONE" and _has_listeners(mesh, workload):
                then = "the listeners of its Sidecar resource are not there in ambient"
                yield self._found(workload, mode, then, Severity.BLOCKER)
            elif mode == "NONE":
                yield self._found(workload, mode, "ambient captures what its sidecar left alone")

    def _found(
        self, workload: Workload, mode: str, then: str, severity: Severity = Severity.INFO
    ) -> Finding:
        info = severity is Severity.INFO
        return self.finding(
            workload.resource,
            f"{workload.ref} has interception mode {mode}: {then}.",
            fix="Nothing to do." if info else "Let callers use the Service's own ports again.",
            path=workload.path("metadata", "annotations", _ANNOTATION),
            severity=severity,
            remedy=Remedy.NONE if info else Remedy.MANUAL,
            affects=[workload],
        )


def _has_listeners(mesh: Mesh, workload: Workload) -> bool:
    sidecars = mesh.attachments.on_workload(kinds.SIDECAR, workload)
    return any(sidecar.spec.get("ingress") for sidecar in sidecars)
