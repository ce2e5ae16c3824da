"""Parts of bodies that every simulated controller writes."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref

from .store import Object, Store

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: no vowels
_PATHS = {kinds.CRON_JOB: ("jobTemplate", "spec", "template")}
_encode = msgspec.json.Encoder(order="deterministic").encode


def ref_of(body: Mapping[str, Any]) -> Ref:
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    meta = body["metadata"]
    return Ref(group, str(body["kind"]), meta.get("namespace", ""), str(meta["name"]))


def spec_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("spec") or {}


def owner_reference(owner: Mapping[str, Any]) -> Object:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller(body: Mapping[str, Any]) -> Ref | None:
    """Who made the object, in its own namespace."""
    meta = body["metadata"]
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            group = str(owner["apiVersion"]).rpartition("/")[0]
            return Ref(group, owner["kind"], meta.get("namespace", ""), owner["name"])
    return None


def template_of(body: Mapping[str, Any], kind: GroupKind) -> Mapping[str, Any]:
    found: Any = spec_of(body)
    for part in _PATHS.get(kind, ("template",)):
        found = found.get(part) or {}
    return dict(found)


def condition(kind: str, status: str, reason: str, message: str = "", **more: Any) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message, **more}


def with_conditions(body: Object, conditions: Iterable[Object], drop: Iterable[str] = ()) -> Object:
    """The body with these conditions set, and those of the types in `drop` taken away."""
    new = {one["type"]: one for one in conditions}
    status = body.get("status") or {}
    gone = {*drop, *new}
    kept = [one for one in status.get("conditions") or () if one.get("type") not in gone]
    found = [*kept, *new.values()]
    if found == (status.get("conditions") or []):
        return body
    return {**body, "status": {**status, "conditions": found}}


def set_status(store: Store, body: Object, status: Mapping[str, Any]) -> Object:
    """As the status subresource: metadata and spec stay."""
    return store.change(ref_of(body), {**body, "status": {**(body.get("status") or {}), **status}})


def is_active(pod: Mapping[str, Any]) -> bool:
    """Neither ending nor ended."""
    ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return not ended and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def short_hash(*values: Any) -> str:
    """Ten letters that depend on the values only."""
    digest = hashlib.sha256(b"".join(_encode(value) for value in values)).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


def decoded(body: Mapping[str, Any]) -> Object:
    """A copy of the whole body, as a server has that was sent its text."""
    copy: Object = msgspec.json.decode(msgspec.json.encode(body))
    return copy
