"""A Service is bound to its waypoint, and policies with targets are attached there.

Conditions as istiod writes them: pilot/pkg/model/service.go (GetConditions, flattenConditions) and
pilot/pkg/serviceregistry/ambient/{status,waypoints,policies}.go of istio/istio. A Service's condition has
no generation, so its message must name the waypoint that the label asks for.
"""

from collections.abc import Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.policies.targets import targets
from migrator.model.resource import Ref, Resource
from migrator.model.verdict import State, Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check, SetLabels

from .bodies import (
    condition,
    generation,
    gone,
    holds,
    labels_of,
    observed,
    spec_of,
    subject,
    together,
    words,
)

BOUND = "istio.io/WaypointBound"
ACCEPTED = "WaypointAccepted"
_MESH_CONTROLLER = "istio.io/mesh-controller"
_FINAL = frozenset(
    {
        "AttachmentDenied", "UnsupportedTrafficType", "CrossNamespaceWaypointForbidden",
        "CanaryInvalidWeight", "CanarySameAsPrimary",
    }
)  # fmt: skip


def service_bound(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    ref = subject(check, step)
    body = cluster.get(ref)
    if body is None:
        return gone(ref)
    if isinstance(step, SetLabels) and step.target.ref == ref and names.USE_WAYPOINT in step.labels:
        wanted, found = step.labels[names.USE_WAYPOINT], labels_of(body).get(names.USE_WAYPOINT)
        if found != wanted:
            return Verdict.waiting(
                f"{ref}: label {names.USE_WAYPOINT} is {found or 'absent'}; {wanted} is awaited"
            )
    return bound(ref, body, cluster)


def policy_attached(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    ref = subject(check, step)
    body = cluster.get(ref)
    if body is None:
        return gone(ref)
    named = targets(Resource(ref, body))
    if not named:
        return Verdict.failed(f"{ref}: spec.targetRefs is empty; a waypoint never reads it")
    missing = [target.ref for target in named if cluster.get(target.ref) is None]
    if missing:
        return together(map(gone, missing), "")
    if ref.group_kind == kinds.AUTHORIZATION_POLICY:
        return _accepted(ref, body, alone=len(named) == 1)
    verdicts = [_resolved(target.ref, cluster) for target in named]
    return together(verdicts, f"{ref}: every target is served by a waypoint")


def waypoint_of(ref: Ref, body: Body, cluster: ClusterReader) -> Ref | None:
    """The waypoint that labels ask for: the object's own, else its namespace's."""
    labels = labels_of(body)
    if names.USE_WAYPOINT not in labels:
        namespace = cluster.get(Ref(*kinds.NAMESPACE, "", ref.namespace))
        labels = labels_of(namespace) if namespace is not None else {}
    name = labels.get(names.USE_WAYPOINT)
    if name is None or name == "none":
        return None
    where = labels.get(names.USE_WAYPOINT_NAMESPACE, ref.namespace)
    return Ref(*kinds.GATEWAY, where, name)


def bound(ref: Ref, body: Body, cluster: ClusterReader) -> Verdict:
    """Whether istiod has bound the Service (or ServiceEntry) to the waypoint of its label."""
    waypoint = waypoint_of(ref, body, cluster)
    if waypoint is None:
        return Verdict.waiting(f"{ref}: label {names.USE_WAYPOINT} is absent, or none")
    wanted = f"{waypoint.namespace}/{waypoint.name}"
    found = condition(body, BOUND)
    says = f"{ref}: condition {BOUND} is {words(found)}"
    if not found:
        return Verdict.waiting(
            f"{says}; True for {wanted} is awaited (the istiod of the waypoint's revision writes it, unless "
            "AMBIENT_ENABLE_STATUS is off)"
        )
    if wanted not in _named(found):
        return Verdict.waiting(f"{says}, which is not about {wanted}; True for that is awaited")
    if found.get("status") == "True":
        return Verdict.done(says)
    if found.get("reason") in _FINAL:
        return Verdict.failed(says)
    return Verdict.waiting(f"{says}; True is awaited")


def _named(found: Mapping[str, Any]) -> frozenset[str]:
    """The words of a message, without quotes and the full stop."""
    return frozenset(word.strip('".') for word in str(found.get("message", "")).split())


def _accepted(ref: Ref, body: Body, *, alone: bool) -> Verdict:
    """Of several targets istiod writes one condition; reason Accepted means that none was left out."""
    found = condition(body, ACCEPTED)
    says = f"{ref}: condition {ACCEPTED} is {words(found)}"
    if found and observed(found) != generation(body):
        return Verdict.waiting(
            f"{says} at generation {observed(found)}; {generation(body)} is awaited"
        )
    if found.get("status") == "True" and found.get("reason") == "Accepted":
        return Verdict.done(says)
    if alone and found.get("reason") == "Invalid":
        return Verdict.failed(says)
    return Verdict.waiting(f"{says}; True with reason Accepted is awaited")


def _resolved(ref: Ref, cluster: ClusterReader) -> Verdict:
    """Whether a waypoint serves the target: of other kinds of policy istiod says nothing."""
    body = cluster.get(ref)
    if body is None:
        return gone(ref)
    if ref.group_kind in {kinds.SERVICE, kinds.SERVICE_ENTRY}:
        return bound(ref, body, cluster)
    if ref.group_kind == kinds.GATEWAY_CLASS:
        controller = spec_of(body).get("controllerName")
        if controller == _MESH_CONTROLLER:
            return Verdict.done(f"{ref}: its controller is {controller}")
        return Verdict.failed(f"{ref}: spec.controllerName is {controller}, no waypoint's")
    says = f"{ref}: condition Programmed is {words(condition(body, 'Programmed'))}"
    state = State.DONE if holds(body, "Programmed") else State.WAITING
    return Verdict(state=state, says=says)
