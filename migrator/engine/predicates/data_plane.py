"""Which data plane carries the pods' traffic: ambient, a sidecar, or none.

Mirrors istio/istio cni/pkg/util/podutil.go (PodFullyEnrolled, PodPartiallyEnrolled): istio-cni writes the
annotation last, when ztunnel has taken the pod over. With `pending` no traffic passes.
"""

from migrator.istio import labels as names
from migrator.istio.pods.dataplane import has_own_proxy
from migrator.model.verdict import Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check

from .bodies import annotations_of, condition, holds, labels_of, pod_ref, spec_of, subject, words
from .pods import every, has_sidecar, tell

ENABLED, PENDING = "enabled", "pending"
_NEVER = "absent"  # what is said where there is no annotation


def pods_ambient(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    return every(cluster, subject(check, step), _ambient, "are ambient")


def pods_uncaptured(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    return every(cluster, subject(check, step), _uncaptured, "are not redirected to ztunnel")


def pods_have_sidecar(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    return every(cluster, subject(check, step), _sidecar, "have a sidecar and are Ready")


def pods_accept_hbone(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    return every(cluster, subject(check, step), _hbone, "receive HBONE, or have no sidecar")


def redirection(pod: Body) -> str:
    return annotations_of(pod).get(names.REDIRECTION) or _NEVER


def is_redirected(pod: Body) -> bool:
    """Whether ztunnel has it, or is about to."""
    return redirection(pod) != _NEVER


def _ambient(pod: Body, settled: bool) -> Verdict:  # noqa: FBT001
    if why := _never_ambient(pod):
        return Verdict.failed(f"{pod_ref(pod)} is never enrolled: {why}")
    if has_sidecar(pod) or has_own_proxy(spec_of(pod)):
        what = (
            f"has the annotation {names.SIDECAR_STATUS}"
            if has_sidecar(pod)
            else "has a container istio-proxy of its own"
        )
        if settled:
            return Verdict.failed(f"{pod_ref(pod)}, of the current template, {what}")
        return Verdict.waiting(f"{pod_ref(pod)} {what}; a person must create it again")
    found = redirection(pod)
    says = f"annotation {names.REDIRECTION} is {found}"
    if found == PENDING:
        says += ", and no traffic passes (ztunnel has not taken it over)"
    return tell(pod, holds=found == ENABLED, says=says, awaited=ENABLED)


def _never_ambient(pod: Body) -> str:
    """Why istio-cni will not look at it, whatever the namespace says."""
    if spec_of(pod).get("hostNetwork"):
        return "spec.hostNetwork is true"
    if labels_of(pod).get(names.DATAPLANE_MODE) == "none":
        return f"its label {names.DATAPLANE_MODE} is none"
    return ""


def _uncaptured(pod: Body, settled: bool) -> Verdict:  # noqa: FBT001, ARG001
    found = redirection(pod)
    says = f"annotation {names.REDIRECTION} is {found}"
    return tell(pod, holds=found == _NEVER, says=says, awaited="its absence")


def _sidecar(pod: Body, settled: bool) -> Verdict:  # noqa: FBT001
    if not has_sidecar(pod):
        says = f"annotation {names.SIDECAR_STATUS} is absent"
        if settled:
            return Verdict.failed(f"{pod_ref(pod)}, of the current template: {says}")
        return Verdict.waiting(f"{pod_ref(pod)}: {says}; a person must create it again")
    says = f"it has a sidecar, and condition Ready is {words(condition(pod, 'Ready'))}"
    return tell(pod, holds=holds(pod, "Ready"), says=says, awaited="True")


def _hbone(pod: Body, settled: bool) -> Verdict:  # noqa: FBT001
    if not has_sidecar(pod):
        return Verdict.done(f"{pod_ref(pod)} has no sidecar")
    found = labels_of(pod).get(names.TUNNEL, "")
    says = f"label {names.TUNNEL} is {found or 'absent'}"
    if "http" not in found.split(",") and settled:
        return Verdict.failed(
            f"{pod_ref(pod)}, of the current template: {says}; the injector writes http when the mesh config "
            "has ISTIO_META_ENABLE_HBONE"
        )
    return tell(pod, holds="http" in found.split(","), says=says, awaited="http")
