"""What a check looks at, one function for each name that a plan may ask for.

What may go in here: verdicts over one look at the cluster, each saying object, field, value and what is
awaited; failed is only what does not heal by itself. What may not: time (who asks, asks again, and makes a
failure of it when the time is over) and changes.
"""

from collections.abc import Callable, Mapping

from migrator.model.verdict import Verdict
from migrator.planner.plan import Plan
from migrator.ports import ClusterReader
from migrator.steps import AnyStep, Check

from .agents import nodes_ready
from .binding import policy_attached, service_bound
from .control_plane import gateway_api_present, istiod_ambient
from .data_plane import pods_accept_hbone, pods_ambient, pods_have_sidecar, pods_uncaptured
from .fields import absent, exists, labels_set
from .jobs import jobs_done, jobs_left_ambient
from .rolled_out import rolled_out
from .routes import route_accepted
from .triggers import SIGNS, pending, triggers, waypoints_lost
from .waypoint import waypoint_ready

_PREDICATES: Mapping[str, Callable[[Check, AnyStep, ClusterReader], Verdict]] = {
    "absent": absent,
    "exists": exists,
    "gateway-api-present": gateway_api_present,
    "istiod-ambient": istiod_ambient,
    "jobs-done": jobs_done,
    "jobs-left-ambient": jobs_left_ambient,
    "labels-set": labels_set,
    "nodes-ready": nodes_ready,
    "pods-accept-hbone": pods_accept_hbone,
    "pods-ambient": pods_ambient,
    "pods-have-sidecar": pods_have_sidecar,
    "pods-uncaptured": pods_uncaptured,
    "policy-attached": policy_attached,
    "rolled-out": rolled_out,
    "route-accepted": route_accepted,
    "service-bound": service_bound,
    "waypoint-ready": waypoint_ready,
}

__all__ = ["SIGNS", "known", "observe", "pending", "refuse_unknown", "triggers", "waypoints_lost"]


def known() -> frozenset[str]:
    """The names that a plan may use; one with another name must not be started."""
    return frozenset(_PREDICATES)


def refuse_unknown(plan: Plan) -> None:
    """Raises ValueError that names the step of `plan` with a check that nobody can look at."""
    for _, _, step in plan.steps():
        for check in (*step.before, *step.after):
            if check.predicate not in _PREDICATES:
                message = f"{step.id}: {_no_such(check)}"
                raise ValueError(message)


def _no_such(check: Check) -> str:
    return f"{check.predicate}: no such check; known are {', '.join(sorted(_PREDICATES))}"


def observe(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    """One look at `check`. Raises ValueError for a name that is not `known`, else what `cluster` raises."""
    predicate = _PREDICATES.get(check.predicate)
    if predicate is None:
        raise ValueError(_no_such(check))
    return predicate(check, step, cluster)
