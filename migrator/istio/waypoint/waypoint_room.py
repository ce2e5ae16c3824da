"""Whether a namespace's limits leave room for a waypoint.

What a waypoint asks for mirrors `global.waypoint.resources` of
manifests/charts/istio-control/istio-discovery/values.yaml.
"""

from collections.abc import Iterator

from migrator.istio.quantities import quantity
from migrator.model.resource import Resource

_WAYPOINT = {
    "requests.cpu": "100m",
    "requests.memory": "128Mi",
    "limits.cpu": "2",
    "limits.memory": "1Gi",
    "pods": "1",
}
_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}


def quota_shortage(quota: Resource) -> tuple[tuple[str, ...], str]:
    """Which of the waypoint's resources a ResourceQuota governs, and which of them it lacks.

    Without `status.used` only what the whole quota could not hold is known to be lacking.
    """
    hard = quota.spec.get("hard") or {}
    used = quota.status.get("used") or {}
    governed, lacking = [], []
    for key, limit in hard.items():
        asked = _WAYPOINT.get(_ALIASES.get(key, key))
        if asked is None:
            continue
        governed.append(key)
        allowed, needed = quantity(limit), quantity(asked)
        taken = quantity(used.get(key)) or 0
        if allowed is not None and needed is not None and allowed - taken < needed:
            lacking.append(f"{key} {limit}" + (f", {used[key]} in use" if key in used else ""))
    return tuple(governed), "; ".join(lacking)


def range_shortage(limit_range: Resource) -> Iterator[tuple[int, str]]:
    """The entries of a LimitRange whose maximum is below the waypoint's limits."""
    for i, entry in enumerate(limit_range.spec.get("limits") or ()):
        if entry.get("type") not in {"Container", "Pod"}:
            continue
        for key, maximum in (entry.get("max") or {}).items():
            allowed, needed = quantity(maximum), quantity(_WAYPOINT.get(f"limits.{key}"))
            if allowed is not None and needed is not None and allowed < needed:
                yield i, f"at most {maximum} {key} for a {entry['type']}"
