"""Reading what the API server gives: generations, conditions, and who an object is, in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.model.verdict import State, Verdict
from migrator.ports import Body
from migrator.steps import AnyStep, Check

_NAMED = 3  # objects that a sentence names


def subject(check: Check, step: AnyStep) -> Ref:
    """What the check is about; the step's own target where it does not say."""
    return (check.about or step.target).ref


def ref_of(body: Body, kind: GroupKind) -> Ref:
    meta = body["metadata"]
    return Ref(*kind, meta.get("namespace", ""), meta["name"])


def pod_ref(pod: Body) -> Ref:
    return ref_of(pod, kinds.POD)


def labels_of(body: Body) -> Mapping[str, str]:
    return body["metadata"].get("labels") or {}


def annotations_of(body: Body) -> Mapping[str, str]:
    return body["metadata"].get("annotations") or {}


def spec_of(body: Body) -> Mapping[str, Any]:
    return body.get("spec") or {}


def status_of(body: Body) -> Mapping[str, Any]:
    return body.get("status") or {}


def is_ending(body: Body) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))


def generation(body: Body) -> int:
    return int(body["metadata"].get("generation") or 0)


def observed(holder: Mapping[str, Any]) -> int:
    """`observedGeneration` of a status or condition; 0 when it is absent.

    Istio's own conditions and Argo Rollouts write it as text (64-bit numbers in protobuf's JSON).
    """
    value = str(holder.get("observedGeneration") or "0")
    return int(value) if value.isdecimal() else 0


def condition(body: Body, kind: str) -> Mapping[str, Any]:
    """The condition of the object's status; empty when it is absent."""
    for one in status_of(body).get("conditions") or ():
        if one.get("type") == kind:
            return dict(one)
    return {}


def holds(body: Body, kind: str) -> bool:
    return condition(body, kind).get("status") == "True"


def words(found: Mapping[str, Any]) -> str:
    """A condition as a person reads it: `False (AddressNotAssigned: no instances found)`."""
    if not found:
        return "absent"
    why = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return f"{found.get('status')} ({why})" if why else str(found.get("status"))


def gone(ref: Ref) -> Verdict:
    return Verdict.failed(f"{ref} is not there: it was deleted")


def listed(names: Iterable[object]) -> str:
    """The first few, and how many more there are."""
    every = [str(name) for name in names]
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def together(verdicts: Iterable[Verdict], done: str) -> Verdict:
    """Of several that must all hold: the failures, else what is waited for, else `done`."""
    every = tuple(verdicts)
    for state in (State.FAILED, State.WAITING):
        found = [verdict.says for verdict in every if verdict.state is state]
        if found:
            more = len(found) - _NAMED
            says = "; ".join(found[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
            return Verdict(state=state, says=says)
    return Verdict.done(done)
