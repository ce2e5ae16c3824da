"""AMB321, a sidecar that stands in the manifest itself."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_AUTO = "auto"  # AutoImage of pkg/kube/inject/webhook.go: "the injector's own image, please"


class ManualInjection(Rule):
    """The pod template itself holds the container `istio-proxy`.

    ## Why
    No label takes such a container away: after the labels have changed the pod still starts with it.
    A rendered sidecar then handles traffic beside ztunnel. A container that was only there to adjust
    the injected one (`image: auto`) is never filled in, and the pod does not start.

    ## Fix
    Render the manifest again without the containers `istio-proxy` and `istio-init`, let the webhook
    inject until the workload moves, and move what `istio-proxy` adjusted to the template's annotations.

    ## References
    - istio/istio cni/pkg/util/podutil.go, pkg/kube/inject/webhook.go (`AutoImage`)
    - https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
    """

    code = "AMB321"
    severity = Severity.BLOCKER
    inputs = kinds.WORKLOADS - kinds.NAMESPACES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if workload.role is Role.APP and not _is_webhooks_work(workload):
                yield from self._containers(workload)

    def _containers(self, workload: Workload) -> Iterator[Finding]:
        for path, container in workload.all_containers:
            if container.get("name") != "istio-proxy":
                continue
            if container.get("image") == _AUTO:
                then = (
                    "is there for the injector to fill in, which ambient does not do: image `auto`"
                )
                fix = "Remove the container `istio-proxy` in the same change that ends injection."
            else:
                then = "stays whatever the labels say, and would handle traffic beside ztunnel"
                fix = "Render the manifest without `istio-proxy` and `istio-init`; let the webhook inject."
            yield self.finding(
                workload.resource,
                f"The container `istio-proxy` in the template of {workload.ref} {then}.",
                fix=fix,
                path=path,
                affects=[workload],
            )


def _is_webhooks_work(workload: Workload) -> bool:
    return not workload.template_path and labels.SIDECAR_STATUS in workload.annotations
