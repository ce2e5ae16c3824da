"""To whom in its namespace a step makes a difference: the rest needs no second look."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.exposure.state import State
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.policies.targets import targets
from migrator.model.resource import Ref, Resource
from migrator.steps import AnyStep

_POLICIES = (
    kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION,
)  # fmt: skip
_OF_MODES = frozenset({names.TLS_MODE, names.TUNNEL, names.DATAPLANE_MODE, names.INJECT})


def touched(before: State, after: State, step: AnyStep) -> frozenset[Ref] | None:
    """The Services and workloads that the step may concern; None for all of them."""
    ref = step.target.ref
    if ref.group_kind == kinds.NETWORK_POLICY:
        return frozenset()
    if ref.group_kind == kinds.CONFIG_MAP and not ref.name.startswith("istio"):
        return frozenset()
    if after.mesh.workload(ref) is not None:
        return frozenset({ref})
    if ref.group_kind == kinds.SERVICE:
        found = [state.mesh.services.get(ref) for state in (before, after)]
        behind = (w.ref for s in found if s for w in after.mesh.services.workloads(s))
        return frozenset({ref, *behind})
    if ref.group_kind in _POLICIES:
        versions = [state.mesh.snapshot.get(ref) for state in (before, after)]
        return _by_policy(after, [policy for policy in versions if policy is not None])
    return None


def _by_policy(state: State, versions: list[Resource]) -> frozenset[Ref] | None:
    found: set[Ref] = set()
    for policy in versions:
        aimed = [ref for ref, _ in targets(policy)]
        if any(ref.group_kind != kinds.SERVICE for ref in aimed):
            return None
        chosen = (policy.spec.get("selector") or {}).get("matchLabels") or {}
        wanted = {key: value for key, value in chosen.items() if key not in _OF_MODES}
        if not aimed and not wanted:
            return None
        found |= {*aimed, *(() if aimed else _with_labels(state, policy, wanted))}
    return frozenset(found)


def _with_labels(state: State, policy: Resource, wanted: Mapping[str, Any]) -> Iterator[Ref]:
    """Workloads of which some pod, now or at its next start, has the labels; modes are left aside."""
    for workload in state.mesh.workloads_in(policy.namespace):
        known = [workload.labels, *(dict(pods.labels) for pods in state.pods_of(workload))]
        if any(wanted.items() <= labels.items() for labels in known):
            yield workload.ref
