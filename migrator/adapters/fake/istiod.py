"""Simulated istiod: waypoints come up, Services are bound to them, policies are accepted.

Conditions, reasons and messages as pilot/pkg/serviceregistry/ambient/{waypoints,policies,status}.go and
pilot/pkg/model/service.go of istio/istio write them; what a waypoint consists of as
manifests/charts/istio-control/istio-discovery/files/waypoint.yaml.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import ASSUMED_VERSION
from migrator.istio.policies import authz
from migrator.istio.policies.targets import targets
from migrator.istio.selectors import selects
from migrator.model.resource import Ref, Resource

from .bodies import condition, ref_of, spec_of, with_conditions
from .facts import Facts
from .loop import Loop
from .store import Object, Store

CONTROLLER = "istio.io/mesh-controller"
_SOON = 0.3
_BOUND = "istio.io/WaypointBound"


class Istiod:
    """Reconciles what names a waypoint. Waypoints themselves are `Waypoints`' business."""

    def __init__(self, store: Store, loop: Loop, facts: Facts) -> None:
        self._store = store
        self._loop = loop
        self._facts = facts

    def changed(self, ref: Ref, old: Object | None, new: Object | None) -> None:
        """An object is new, gone, or has other labels or another spec."""
        kind = ref.group_kind
        if kind in {kinds.SERVICE, kinds.SERVICE_ENTRY} and new is not None:
            self._loop.soon(_SOON, self.bind, ref)
        if kind == kinds.AUTHORIZATION_POLICY and new is not None:
            self._loop.soon(_SOON, self.judge, ref)
        if kind == kinds.NAMESPACE and _label(old) != _label(new):
            self._bind_all(ref.name)
        if kind == kinds.GATEWAY:
            self._bind_users(ref.name)

    def bind(self, ref: Ref) -> None:
        """The condition of one Service; policies that name it follow."""
        body = self._store.get(ref)
        if body is None:
            return
        waypoint = self._waypoint_of(ref, body)
        if waypoint is None:
            new = with_conditions(body, (), drop=(_BOUND,))
        else:
            new = with_conditions(body, (self._binding(waypoint, ref.namespace),))
        if new is not body:
            self._store.change(ref, new)
        for policy in self._store.of(kinds.AUTHORIZATION_POLICY, ref.namespace):
            if spec_of(policy).get("targetRefs") or spec_of(policy).get("targetRef"):
                self._loop.soon(0, self.judge, ref_of(policy))

    def judge(self, ref: Ref) -> None:
        """The condition of one AuthorizationPolicy."""
        body = self._store.get(ref)
        if body is None:
            return
        policy = Resource(ref, body)
        found = targets(policy)
        if found:
            one = self._accepted([target.ref for target in found])
            kind, other = "WaypointAccepted", "ZtunnelAccepted"
        else:
            one = _by_ztunnel(policy)
            kind, other = "ZtunnelAccepted", "WaypointAccepted"
        generation = str(body["metadata"]["generation"])
        mine = {**one, "type": kind, "observedGeneration": generation}
        new = with_conditions(body, (mine,), drop=(other,))
        if new is not body:
            self._store.change(ref, new)

    def _binding(self, waypoint: Ref, namespace: str) -> Object:
        gateway = self._store.get(waypoint)
        where = f"{waypoint.namespace}/{waypoint.name}"
        if gateway is None or not (gateway.get("status") or {}).get("addresses"):
            says = f'waypoint "{where}" is not ready'
            return condition(_BOUND, "False", "WaypointIsNotReady", says)
        traffic = (gateway["metadata"].get("labels") or {}).get(names.WAYPOINT_FOR, "service")
        if traffic not in {"service", "all"}:
            says = f'the waypoint "{where}" does not support the traffic type "service"'
            return condition(_BOUND, "False", "UnsupportedTrafficType", says)
        if not self._admits(gateway, namespace):
            says = f'we are not permitted to attach to waypoint "{where}" (missing allowedRoutes?)'
            return condition(_BOUND, "False", "AttachmentDenied", says)
        says = f"Successfully attached to waypoint {where}"
        return condition(_BOUND, "True", "WaypointAccepted", says)

    def _admits(self, gateway: Object, namespace: str) -> bool:
        for listener in spec_of(gateway).get("listeners") or ():
            allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
            if listener.get("protocol") == "HBONE" and allowed.get("from") == "All":
                return True
            if listener.get("protocol") == "HBONE" and allowed.get("from") == "Selector":
                return selects(allowed.get("selector"), self._labels(namespace))
        return bool(gateway["metadata"].get("namespace") == namespace)

    def _waypoint_of(self, ref: Ref, body: Object) -> Ref | None:
        own = body["metadata"].get("labels") or {}
        labels = own if names.USE_WAYPOINT in own else self._labels(ref.namespace)
        name = labels.get(names.USE_WAYPOINT)
        if not name or name == "none" or own.get(names.MANAGED) == "istio.io-mesh-controller":
            return None
        return Ref(*kinds.GATEWAY, labels.get(names.USE_WAYPOINT_NAMESPACE, ref.namespace), name)

    def _labels(self, namespace: str) -> Mapping[str, str]:
        found = self._store.get(Ref(*kinds.NAMESPACE, "", namespace))
        own = (found or {}).get("metadata", {}).get("labels") or {}
        return {names.CANONICAL_NAMESPACE: namespace, **own}

    def _accepted(self, refs: list[Ref]) -> Object:
        """One condition of all targets (flattenConditions): Accepted only when none was left out."""
        every = [self._target(ref) for ref in refs]
        if len(every) == 1:
            return every[0]
        unbound = [
            str(ref) for ref, one in zip(refs, every, strict=True) if one["status"] != "True"
        ]
        says = f"Invalid targetRefs: {', '.join(unbound)}" if unbound else ""
        if len(unbound) == len(every):
            return condition("", "False", "Invalid", says)
        return condition("", "True", "PartiallyInvalid" if unbound else "Accepted", says)

    def _target(self, ref: Ref) -> Object:
        body = self._store.get(ref)
        if body is None:
            return condition("", "False", "TargetNotFound", f"{ref} was not found")
        if ref.group_kind == kinds.GATEWAY_CLASS:
            fits = spec_of(body).get("controllerName") == CONTROLLER
            return _found(fits, "Invalid", f"bound to {ref.name}")
        if ref.group_kind == kinds.GATEWAY:
            ready = bool((body.get("status") or {}).get("addresses"))
            return _found(ready, "TargetNotFound", f"bound to {ref.namespace}/{ref.name}")
        waypoint = self._waypoint_of(ref, body)
        bound = waypoint is not None and self._binding(waypoint, ref.namespace)["status"] == "True"
        if not bound:
            says = f"Service {ref.namespace}/{ref.name} is not bound to a waypoint"
            return condition("", "False", "AncestorNotBound", says)
        return _found(
            bound, "", f"bound to {waypoint.namespace}/{waypoint.name}" if waypoint else ""
        )

    def _bind_users(self, name: str) -> None:
        for kind in (kinds.SERVICE, kinds.SERVICE_ENTRY):
            for body in self._store.of(kind, labels={names.USE_WAYPOINT: name}):
                self._loop.soon(_SOON, self.bind, ref_of(body))
        for namespace in self._store.of(kinds.NAMESPACE, labels={names.USE_WAYPOINT: name}):
            self._bind_all(namespace["metadata"]["name"])

    def _bind_all(self, namespace: str) -> None:
        for ref in self._bindable(namespace):
            self._loop.soon(_SOON, self.bind, ref)

    def _bindable(self, namespace: str) -> Iterator[Ref]:
        for kind in (kinds.SERVICE, kinds.SERVICE_ENTRY):
            yield from map(ref_of, self._store.of(kind, namespace))


def _label(namespace: Object | None) -> Any:
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    return labels.get(names.USE_WAYPOINT), labels.get(names.USE_WAYPOINT_NAMESPACE)


def _found(fits: bool, reason: str, says: str) -> Object:  # noqa: FBT001
    return condition("", str(fits), "Accepted" if fits else reason, says if fits else "not bound")


def _by_ztunnel(policy: Resource) -> Object:
    evaluation = authz.evaluate(policy, ASSUMED_VERSION)
    if evaluation.action in {"CUSTOM", "AUDIT"}:
        says = f"ztunnel does not support the {evaluation.action} action"
        return condition("", "False", "UnsupportedValue", says)
    if evaluation.l7:
        fields = ", ".join(sorted({use.name for use in evaluation.l7}))
        return condition(
            "", "False", "UnsupportedValue", f"ztunnel does not support HTTP attributes ({fields})"
        )
    return condition("", "True", "Accepted", "attached to ztunnel")
