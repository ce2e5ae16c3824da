"""Jobs: their running pods stay in the data plane that they were born into, to the end."""

from migrator.model.verdict import Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check

from .bodies import listed, pod_ref, status_of, subject
from .data_plane import is_redirected
from .pods import has_sidecar, live


def jobs_done(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    """A Job that failed is over too; whether it should have is not for a migration to say."""
    ref = subject(check, step)
    left = [pod for pod in live(cluster, ref) if has_sidecar(pod)]
    if not left:
        return Verdict.done(f"{ref}: no pod of it is running with a sidecar")
    stuck = [pod for pod in left if _only_proxy_runs(pod)]
    says = f"{ref}: {listed(map(pod_ref, left))} still running with a sidecar; their end is awaited"
    if stuck:
        says += (
            f" (only istio-proxy is left in {listed(map(pod_ref, stuck))}: it must be told to quit)"
        )
    return Verdict.waiting(says)


def jobs_left_ambient(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    """On the way back: pods that run on as ambient need what guards them."""
    ref = subject(check, step)
    left = [pod for pod in live(cluster, ref) if is_redirected(pod)]
    if not left:
        return Verdict.done(f"{ref}: no ambient pod of it is running")
    return Verdict.waiting(
        f"{ref}: {listed(map(pod_ref, left))} still running, ambient; their end is awaited"
    )


def _only_proxy_runs(pod: Body) -> bool:
    states = {
        s["name"]: s.get("state") or {} for s in status_of(pod).get("containerStatuses") or ()
    }
    proxy = states.pop("istio-proxy", {})
    return "running" in proxy and all("terminated" in state for state in states.values())
