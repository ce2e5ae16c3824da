"""What the tool keeps of an object: what its rules read, and nothing that may be secret.

Dropped: managed fields, identifiers that change by themselves, nulls, status but for a few facts, values
of environment variables and annotations beyond the lists of `redact`, data of ConfigMaps that are not
Istio's or its CNI's. Nothing here changes its input, and positions in lists stay.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from migrator.istio import kinds
from migrator.istio.schema import shapes
from migrator.model.resource import GroupKind

from . import redact
from .sanitize_pod import env, headers, is_pod_spec, pod_spec, pod_status, redacted, reduced

MAX_DEPTH = 100
_METADATA_DROPPED = frozenset(
    {"managedFields", "uid", "resourceVersion", "selfLink", "generateName"}
)
_IDENTITY = ("apiVersion", "kind")
_SHARED = ("labels", "annotations", "ownerReferences")
_OWNERSHIP = ("project", "destination", "syncPolicy", "ignoreDifferences")
_encode = msgspec.json.Encoder().encode
_DROPPED = frozenset({"caBundle"})
_NESTED = (dict, list)
_ISTIO_CONFIG_MAP = re.compile(r"(?:istio|istio-.*|cilium-config)\Z")
_ROOT_CERTIFICATE = "istio-ca-root-cert"  # in every namespace, and no rule reads it
_STATUS = frozenset(
    {
        "conditions", "observedGeneration", "ancestors", "parents", "addresses", "listeners", "phase",
        "loadBalancer", "replicas", "readyReplicas", "updatedReplicas", "availableReplicas",
        "unavailableReplicas", "currentReplicas", "desiredNumberScheduled", "numberReady",
        "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "active", "succeeded",
        "failed", "currentHealthy", "desiredHealthy", "disruptionsAllowed", "capacity",
        "allocatable", "nodeInfo", "sync", "health", "used",
    }
)  # fmt: skip


class TooDeepError(Exception):
    """The object is nested deeper than any that Kubernetes would store."""


def holds_settings(config_map: str) -> bool:
    """Whether the data of a ConfigMap of this name are kept."""
    return _ISTIO_CONFIG_MAP.match(config_map) is not None and config_map != _ROOT_CERTIFICATE


class Sanitizer:
    """Keeps of each object only what may be kept, and of equal parts of pods only one.

    Pods come by the hundred thousand and differ in name and node.
    """

    def __init__(self) -> None:
        self._parts: dict[bytes, Any] = {}
        self._specs: dict[bytes, dict[str, Any]] = {}

    def sanitize(self, kind: GroupKind, body: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of `body` with only what may be kept."""
        if kind == kinds.POD:
            return self._pod(body)
        return _BY_KIND.get(kind, _general)(body)

    def _pod(self, body: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: body[key] for key in _IDENTITY if key in body}
        kept["metadata"] = metadata(body["metadata"])
        for key in _SHARED:
            if key in kept["metadata"]:
                kept["metadata"][key] = self._once(kept["metadata"][key])
        kept["spec"] = self._spec(reduced(body["spec"])) if body.get("spec") else {}
        if status := pod_status(body.get("status") or {}):
            kept["status"] = self._once(status)
        return kept

    def _spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        node = spec.pop("nodeName", None)
        key = _encode(spec)
        if key not in self._specs:
            self._specs[key] = redacted(spec)
        return {**self._specs[key], "nodeName": node} if node else self._specs[key]

    def _once(self, value: Any) -> Any:
        return self._parts.setdefault(_encode(value), value)


def _general(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        key: _clean(value, MAX_DEPTH)
        for key, value in body.items()
        if value is not None and key not in {"metadata", "status"}
    }
    kept["metadata"] = metadata(body["metadata"])
    if status := _status(body.get("status")):
        kept["status"] = status
    return kept


def _config_map(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: body[key] for key in _IDENTITY if key in body}
    kept["metadata"] = metadata(body["metadata"])
    if holds_settings(body["metadata"]["name"]):
        kept["data"] = {k: redact.settings(v) for k, v in (body.get("data") or {}).items()}
    return kept


def _application(body: Mapping[str, Any]) -> dict[str, Any]:
    """Argo CD's: which objects it owns; not the values that it renders them with."""
    spec = body.get("spec") or {}
    kept = {key: body[key] for key in _IDENTITY if key in body}
    kept["metadata"] = metadata(body["metadata"])
    kept["spec"] = {key: _clean(spec[key], MAX_DEPTH) for key in _OWNERSHIP if key in spec}
    if isinstance(spec.get("source"), dict):
        kept["spec"]["source"] = _source(spec["source"])
    if isinstance(spec.get("sources"), list):
        kept["spec"]["sources"] = [_source(one) for one in spec["sources"]]
    return kept


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    return {key: source[key] for key in ("path", "chart", "targetRevision") if key in source}


_BY_KIND: Mapping[GroupKind, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    kinds.CONFIG_MAP: _config_map,
    kinds.ARGO_APPLICATION: _application,
}


def metadata(found: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of an object or of a template."""
    kept = {
        key: value
        for key, value in found.items()
        if value is not None and key not in _METADATA_DROPPED
    }
    if "annotations" in kept:
        kept["annotations"] = redact.annotations(kept["annotations"])
        if not kept["annotations"]:
            del kept["annotations"]
    if "ownerReferences" in kept:
        kept["ownerReferences"] = [
            {key: value for key, value in owner.items() if key not in {"uid", "blockOwnerDeletion"}}
            for owner in kept["ownerReferences"]
        ]
    return kept


def _status(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        return {}
    return {
        key: _clean(value, MAX_DEPTH)
        for key, value in found.items()
        if key in _STATUS and value is not None
    }


def _env(found: Any) -> Any:
    if isinstance(found, dict):
        return redact.env_mapping(found)
    return env(found) if isinstance(found, list) else found


def _proxy_metadata(found: Any) -> Any:
    return redact.env_mapping(found) if isinstance(found, dict) else found


def _annotations(found: Any) -> Any:
    return redact.annotations(found) if isinstance(found, dict) else found


_SPECIAL: Mapping[str, Callable[[Any], Any]] = {
    "annotations": _annotations,
    "env": _env,
    "proxyMetadata": _proxy_metadata,
    "httpHeaders": headers,
}


def _clean(value: Any, depth: int) -> Any:
    """Copy without nulls; recursive, so the depth is bounded."""
    if not isinstance(value, _NESTED):
        return value
    if depth == 0:
        raise TooDeepError
    if isinstance(value, list):
        return [_clean(one, depth - 1) for one in value]
    if is_pod_spec(
        value
    ):  # one that does not fit stands where no rule looks, and may hide anything
        return pod_spec(value) if shapes.fits_pod_spec(value) else {}
    return {
        key: _SPECIAL[key](one)
        if key in _SPECIAL
        else (_clean(one, depth - 1) if isinstance(one, _NESTED) else one)
        for key, one in value.items()
        if one is not None and key not in _DROPPED
    }
