"""Whether a plan is still about the mesh that it meets: object by object, field by field.

Looked at are the objects that the plan's order and its changes follow from, in the namespaces that move
and, of the root namespace, the policies. Not looked at are statuses, pods and jobs, which come and go,
replicas, which autoscalers own, and what the plan's own finished steps have changed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.istio import kinds, ownership
from migrator.model import writes as fields
from migrator.model.journal import Progress
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner.plan import Plan
from migrator.steps import CreateObject

_POLICIES = (
    kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION,
)  # fmt: skip
_EXACT = (
    *_POLICIES, kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.SERVICE_ENTRY, kinds.SIDECAR,
    kinds.ENVOY_FILTER, kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION, kinds.TELEMETRY,
)  # fmt: skip
_DEFAULTED = (
    kinds.NAMESPACE, kinds.SERVICE, kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET,
    kinds.ROLLOUT, kinds.CRON_JOB, kinds.NETWORK_POLICY, kinds.GATEWAY, *sorted(kinds.ROUTES),
)  # fmt: skip
KINDS = (*_EXACT, *_DEFAULTED)  # that are looked at
_IGNORED = {
    "kubernetes.io/metadata.name", "kubectl.kubernetes.io/restartedAt",
    "deployment.kubernetes.io/revision",
}  # fmt: skip
_MANAGED = ("gateway.networking.k8s.io/gateway-name", "gateway.istio.io/managed")


class Change(NamedTuple):
    """An object, and the field of it that is no longer what the plan was made from."""

    ref: Ref
    path: str
    then: Any
    now: Any

    def __str__(self) -> str:
        if not self.path:
            return f"{self.ref} {'is new' if self.then is None else 'is gone'}"
        return f"{self.ref}: {self.path} is {_short(self.now)}, and was {_short(self.then)}"


def changes(
    plan: Plan, then: Snapshot, now: Snapshot, progress: Progress | None = None
) -> tuple[Change, ...]:
    """Every change since the plan was made that is not the plan's own, in the order of the objects."""
    done = progress or Progress()
    expected = _expected(plan, then, done)
    found: list[Change] = []
    for kind in KINDS:
        live = {r.ref: r for r in now.of(kind) if _in_scope(plan, r.ref)}
        refs = {r for r in expected if r.group_kind == kind and _in_scope(plan, r)} | live.keys()
        for ref in sorted(refs):
            found.extend(_of_object(kind, ref, expected.get(ref, ()), live.get(ref), plan))
    return tuple(found)


def _expected(plan: Plan, then: Snapshot, done: Progress) -> dict[Ref, tuple[Any, ...]]:
    """What each object may be now: as it was, with the steps that are done; a step of which only the
    before-image is recorded may have been made or not, and so may what a repository's owner commits.
    """
    owned = {r.ref for r in then if ownership.argocd(r, {}) or ownership.flux(r)}
    found: dict[Ref, tuple[Any, ...]] = {r.ref: (r.body,) for r in then}
    for _, _, step in plan.steps():
        state = done.of(step.id)
        is_early = not state.touched and step.target.ref in owned
        writes = step.writes(state.stamp) if state.touched or is_early else ()
        if not writes:
            continue
        ref = step.target.ref
        before = found.get(ref, (None,))
        after = tuple(fields.written(body, writes) for body in before)
        uncertain = is_early or state.standing in {"captured", "undoing"}
        found[ref] = (*after, *before) if uncertain else after
    return found


def _of_object(
    kind: GroupKind, ref: Ref, expected: tuple[Any, ...], live: Resource | None, plan: Plan
) -> Iterator[Change]:
    known = [body for body in expected if body is not None]
    if live is None:
        if known and len(known) == len(expected):
            yield Change(ref, "", known[0], None)
        return
    if not known:
        if not _is_ours(live, plan):
            yield Change(ref, "", None, live.body)
        return
    variants = [tuple(_differences(kind, ref, body, live.body)) for body in known]
    yield from min(variants, key=len)


def _differences(kind: GroupKind, ref: Ref, then: Any, now: Any) -> Iterator[Change]:
    for path, old, new in _walk(_view(then), _view(now), "", exact=kind in _EXACT):
        yield Change(ref, path, old, new)


def _walk(then: Any, now: Any, path: str, *, exact: bool) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        strict = exact or path.endswith(("labels", "annotations"))
        keys = [*then, *(k for k in now if k not in then)] if strict else list(then)
        for key in keys:
            if key in _IGNORED or f"{path}.{key}" == "spec.replicas":
                continue
            below = f"{path}.{key}" if path else str(key)
            yield from _walk(then.get(key), now.get(key), below, exact=exact)
    elif isinstance(then, list | tuple) and isinstance(now, list | tuple) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _walk(one, other, f"{path}[{number}]", exact=exact)
    elif fields.tidy(then) != fields.tidy(now) and not _both_empty(then, now):
        yield path, then, now


def _both_empty(then: Any, now: Any) -> bool:
    """An absent mapping and an empty one say the same, but for `spec.selector`-like fields of policies."""
    return then in ({}, None) and now in ({}, None)


def _view(body: Any) -> dict[str, Any]:
    metadata = body.get("metadata") or {}
    return {
        "metadata": {
            "labels": metadata.get("labels") or {},
            "annotations": metadata.get("annotations") or {},
        },
        "spec": body.get("spec") or {},
    }


def _in_scope(plan: Plan, ref: Ref) -> bool:
    spaces = {scope.namespace for scope in plan.scope}
    if ref.group_kind == kinds.NAMESPACE:
        return ref.name in spaces
    if ref.namespace == plan.header.root_namespace:
        return ref.group_kind in _POLICIES
    return ref.namespace in spaces


def _is_ours(live: Resource, plan: Plan) -> bool:
    """Created by a step, or by istiod for a waypoint of the plan, or by another controller."""
    if any(key in live.labels for key in _MANAGED) or live.metadata.get("ownerReferences"):
        return True
    return any(
        isinstance(step, CreateObject) and step.target.ref == live.ref
        for _, _, step in plan.steps()
    )


def _short(value: Any) -> str:
    text = "absent" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
