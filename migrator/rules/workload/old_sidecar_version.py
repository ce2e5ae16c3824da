"""AMB324, a sidecar that is too old."""

from collections.abc import Iterable, Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version, image_version
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_SENDS_HBONE = Version(1, 22)
_SKEW = 2  # minor versions that a sidecar may be behind its istiod


class OldSidecarVersion(Rule):
    """Running sidecars are older than what can talk to ambient servers, or than istiod supports.

    ## Why
    Sidecars send HBONE since 1.22; an older one reaches ambient servers in plain text. More than two
    minor versions behind istiod nothing is promised.

    ## Fix
    Restart the workload, so that its pods get the sidecar of today's istiod; `migrate plan` does.

    ## References
    - https://istio.io/latest/docs/releases/supported-releases/
    - https://istio.io/latest/news/releases/1.22.x/announcing-1.22/
    """

    code = "AMB324"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        istiod = [c.version for c in mesh.control_planes if c.version]
        for workload in mesh.meshed:
            oldest = min(_sidecars(workload), default=None)
            if oldest is None:
                continue
            behind = bool(istiod) and oldest[:2] < (min(istiod).major, min(istiod).minor - _SKEW)
            if oldest >= _SENDS_HBONE and not behind:
                continue
            why = "cannot send HBONE" if oldest < _SENDS_HBONE else f"is behind {min(istiod)}"
            yield self.finding(
                workload.resource,
                f"A running sidecar of {workload.ref} has version {oldest}, which {why}.",
                fix="Restart the workload before the first server that it calls moves.",
                affects=[workload],
                callers=["sidecar"],
            )


def _sidecars(workload: Workload) -> Iterable[Version]:
    """The versions of the sidecars of its running pods."""
    for pod in workload.pods:
        for group in ("containers", "initContainers"):
            for container in pod.spec.get(group) or ():
                version = image_version(container.get("image", ""))
                if container.get("name") == "istio-proxy" and version:
                    yield version
