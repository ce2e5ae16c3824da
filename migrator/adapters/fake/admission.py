"""What an API server does with a body before it stores it: what it refuses, and what it fills in.

Of the many rules of k8s.io/kubernetes pkg/apis/*/validation those that a migration can meet.
"""

import re
from collections.abc import Mapping
from typing import Any

from migrator.errors import ConflictError, InvalidError, NotFoundError
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.mergepatch import merged
from migrator.model.resource import GroupKind, Ref

from .bodies import spec_of
from .store import Object, Store

LEASE, EVENT = GroupKind("coordination.k8s.io", "Lease"), GroupKind("", "Event")
_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?\Z")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.:-]{0,251}[a-z0-9])?\Z")
_SERVER_SIDE = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
)
_FIXED = {
    kinds.DEPLOYMENT: ("selector",), kinds.DAEMON_SET: ("selector",),
    kinds.STATEFUL_SET: ("selector", "serviceName", "volumeClaimTemplates"),
    kinds.REPLICA_SET: ("selector",), kinds.JOB: ("selector", "template"),
    kinds.POD: ("containers", "initContainers", "nodeName", "serviceAccountName", "hostNetwork"),
}  # fmt: skip

_TEMPLATE = ("spec", "template", "metadata")
_TEMPLATES: Mapping[GroupKind, tuple[str, ...]] = {
    kinds.DEPLOYMENT: _TEMPLATE, kinds.STATEFUL_SET: _TEMPLATE, kinds.DAEMON_SET: _TEMPLATE,
    kinds.JOB: _TEMPLATE, kinds.CRON_JOB: ("spec", "jobTemplate", *_TEMPLATE),
}  # fmt: skip


def new(store: Store, ref: Ref, manifest: Mapping[str, Any]) -> Object:
    """The object that a create makes of the manifest. Raises what the server would answer."""
    if ref.namespace and store.get(Ref(*kinds.NAMESPACE, "", ref.namespace)) is None:
        raise NotFoundError(
            "there is no such object", detail=f'namespaces "{ref.namespace}" not found'
        )
    if store.get(ref) is not None:
        raise ConflictError("the object exists", detail=f"{ref} already exists")
    if not _NAME.match(ref.name):
        raise _invalid(f"metadata.name: {ref.name!r}")
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in _SERVER_SIDE}
    _check_metadata(metadata)
    if ref.group_kind == kinds.NAMESPACE:
        own = {names.CANONICAL_NAMESPACE: ref.name}
        metadata["labels"] = {**own, **(metadata.get("labels") or {})}
    body = {k: v for k, v in _without_nulls(manifest).items() if k != "status"}
    return _tidy(ref, {**body, "metadata": _without_nulls(metadata)})


def updated(ref: Ref, old: Object, wanted: Mapping[str, Any]) -> Object:
    """The object that a patch makes: what only the server writes stays as it was."""
    if wanted["metadata"].get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
        raise ConflictError("the object was changed by someone else", detail=f"{ref}: another uid")
    if wanted["metadata"].get("name") != ref.name:
        raise _invalid("metadata.name: it cannot change")
    _check_metadata(wanted["metadata"])
    for field in _FIXED.get(ref.group_kind, ()):
        if spec_of(wanted).get(field) != spec_of(old).get(field):
            raise _invalid(f"spec.{field}: it cannot change")
    metadata = {k: v for k, v in wanted["metadata"].items() if k not in _SERVER_SIDE}
    kept = {k: v for k, v in old["metadata"].items() if k in _SERVER_SIDE}
    rest = {k: v for k, v in wanted.items() if k != "status"}
    if ref.group_kind == kinds.NAMESPACE:
        labels = {**(metadata.get("labels") or {}), names.CANONICAL_NAMESPACE: ref.name}
        metadata["labels"] = labels
    metadata = {k: v for k, v in metadata.items() if v or k not in {"labels", "annotations"}}
    status = {"status": old["status"]} if "status" in old else {}
    return _tidy(ref, {**rest, "metadata": {**metadata, **kept}, **status})


def counts(ref: Ref, old: Object, new_body: Object) -> bool:
    """Whether the generation grows although the spec is the same: of Deployments, by annotations."""
    before, after = (one["metadata"].get("annotations") for one in (old, new_body))
    return ref.group_kind == kinds.DEPLOYMENT and before != after


def _tidy(ref: Ref, body: Object) -> Object:
    """Empty maps in a pod template's metadata are not stored: these types leave them out (omitempty)."""
    path = _TEMPLATES.get(ref.group_kind, ())
    found: Any = body
    for part in path:
        found = (found or {}).get(part)
    empty: Object = {key: None for key, value in (found or {}).items() if path and value == {}}
    for part in reversed(path):
        empty = {part: empty}
    return dict(merged(body, empty)) if found and path else body


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    for field in ("labels", "annotations"):
        for key, value in (metadata.get(field) or {}).items():
            if not isinstance(value, str):
                raise _invalid(f"metadata.{field}.{key}: {value!r} is no text")
            if field == "labels" and not _LABEL.match(value):
                raise _invalid(f"metadata.labels: {value!r} must be a valid label value")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


def _invalid(says: str) -> InvalidError:
    return InvalidError(
        "the API server refuses this object or change", detail=f"{says} (simulated)"
    )
