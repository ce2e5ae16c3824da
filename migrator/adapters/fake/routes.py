"""Simulated istiod: routes are accepted for each of their parents, and their destinations looked up.

Conditions as pilot/pkg/config/kube/gateway/conditions.go of istio/istio writes them.
"""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.model.resource import Ref

from .bodies import condition, spec_of
from .store import Object, Store

_CONTROLLER = "istio.io/gateway-controller"


class Routes:
    """Gateway API routes of the mesh."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self, ref: Ref) -> None:
        body = self._store.get(ref)
        if body is None:
            return
        missing = sorted(str(one) for one in _destinations(ref, body) if not self._store.get(one))
        observed = body["metadata"]["generation"]
        resolved = (
            condition(
                "ResolvedRefs",
                "False",
                "BackendNotFound",
                f"backend({', '.join(missing)}) not found",
                observedGeneration=observed,
            )
            if missing
            else condition("ResolvedRefs", "True", "ResolvedRefs", observedGeneration=observed)
        )
        accepted = condition("Accepted", "True", "Accepted", observedGeneration=observed)
        parents = [
            {"parentRef": parent, "controllerName": _CONTROLLER, "conditions": [accepted, resolved]}
            for parent in spec_of(body).get("parentRefs") or ()
        ]
        if (body.get("status") or {}).get("parents") != parents:
            self._store.change(ref, {**body, "status": {"parents": parents}})


def _destinations(ref: Ref, body: Object) -> Iterator[Ref]:
    for rule in spec_of(body).get("rules") or ():
        mirrors = (one.get("requestMirror") for one in rule.get("filters") or ())
        for one in (
            *(rule.get("backendRefs") or ()),
            *(mirror["backendRef"] for mirror in mirrors if mirror),
        ):
            yield Ref(*kinds.SERVICE, one.get("namespace") or ref.namespace, one["name"])
