"""AMB020, an istiod that switches HBONE off."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import env_of
from migrator.istio.yamltext import is_true
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_SWITCHES = {
    "PILOT_ENABLE_SENDING_HBONE": "sidecars and gateways do not send HBONE, so that ambient servers get "
    "plain text from them",
    "PILOT_ENABLE_SIDECAR_LISTENING_HBONE": "sidecars do not listen for HBONE, so that ambient callers "
    "send them plain text",
}


class PilotHboneDisabled(Rule):
    """An istiod switches off the protocol by which sidecars and ambient understand each other.

    ## Why
    Both switches are on where ambient is on. Without sending, STRICT ambient servers refuse sidecars;
    without listening, STRICT sidecars refuse ambient callers.

    ## Fix
    Remove the variable from istiod's environment.

    ## References
    - istio/istio pilot/pkg/features/ambient.go
    """

    code = "AMB020"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for plane in mesh.control_planes:
            for switch, then in _SWITCHES.items():
                found = env_of(plane.resource, switch)
                if found and not is_true(found[1]):
                    yield self.finding(
                        plane.resource,
                        f'Revision {plane.revision} of istiod sets {switch} to "{found[1]}": {then}.',
                        fix=f"Remove {switch} from istiod's environment.",
                        path=found[0],
                    )
