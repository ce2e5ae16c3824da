"""A Gateway API route is read by istiod, for each of its parents.

Conditions as istiod writes them: pilot/pkg/config/kube/gateway/conditions.go (`createRouteStatus`) of
istio/istio.
"""

from collections.abc import Mapping
from typing import Any

from migrator.model.verdict import Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check

from .bodies import generation, gone, observed, spec_of, status_of, subject, together, words

_WANTED = ("Accepted", "ResolvedRefs")
_SAME = ("kind", "name", "namespace", "port")


def route_accepted(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    ref = subject(check, step)
    body = cluster.get(ref)
    if body is None:
        return gone(ref)
    verdicts = [_parent(str(ref), body, parent) for parent in spec_of(body).get("parentRefs") or ()]
    return together(verdicts, f"{ref}: every parent is Accepted, and every destination is found")


def _parent(ref: str, body: Body, parent: Mapping[str, Any]) -> Verdict:
    about = f"{ref}: parent {parent.get('kind')}/{parent.get('name')}"
    for wanted in _WANTED:
        found = _condition(body, parent, wanted)
        if not found or observed(found) != generation(body):
            return Verdict.waiting(f"{about}: condition {wanted} of this generation is awaited")
        if found.get("status") != "True":
            return Verdict.waiting(f"{about}: {wanted} is {words(found)}; True is awaited")
    return Verdict.done(f"{about} is accepted")


def _condition(body: Body, parent: Mapping[str, Any], wanted: str) -> Mapping[str, Any]:
    """One that holds, else any: several controllers may write about the same parent."""
    found = [
        one
        for entry in status_of(body).get("parents") or ()
        if all((entry.get("parentRef") or {}).get(key) == parent.get(key) for key in _SAME)
        for one in entry.get("conditions") or ()
        if one.get("type") == wanted
    ]
    return next((one for one in found if one.get("status") == "True"), found[0] if found else {})
