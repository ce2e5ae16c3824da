"""Which object a body is: its group, kind, namespace and name, in the forms that Kubernetes allows.

Mirrors validation.go of k8s.io/apimachinery (pkg/util/validation): DNS-1123 subdomains, qualified names,
label values. Names are printed everywhere, so nothing else ever becomes one.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from migrator.istio import kinds
from migrator.model.fieldpath import field
from migrator.model.resource import GroupKind, Ref

from .text import safe

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")
_API_VERSION = re.compile(r"(?:([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)/)?[a-z0-9]+\Z")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_KEY = re.compile(
    r"(?:[a-z0-9][-a-z0-9.]{0,252}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"
)
_LONGEST_NAME = 253


class Misnamed(Exception):  # noqa: N818  it never leaves this package
    """A body that is no object, or not one that Kubernetes would accept; `path` says which field."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


def group_kind(body: Mapping[str, Any]) -> GroupKind:
    """The group and kind that `body` claims to be of."""
    kind, version = body.get("kind"), body.get("apiVersion")
    if kind is None:
        raise Misnamed(
            "no Kubernetes object: it has no kind; take the file out, or name the manifests"
        )
    if version is None:
        raise Misnamed(f"no Kubernetes object: {safe(str(kind))} has no apiVersion")
    if not isinstance(kind, str) or not _is_kind(kind):
        raise Misnamed(f"{safe(str(kind))!r} is no kind of object", "kind")
    group = _group(version) if isinstance(version, str) else None
    if group is None:
        raise Misnamed(f"{safe(str(version))!r} is no apiVersion", "apiVersion")
    return GroupKind(group, kind)


@lru_cache(maxsize=4096)
def _is_kind(kind: str) -> bool:
    return _KIND.match(kind) is not None


@lru_cache(maxsize=4096)
def _group(version: str) -> str | None:
    """The group of an `apiVersion`, empty for the core's; None for what is none."""
    match = _API_VERSION.match(version)
    return match and (match[1] or "")


def identify(kind: GroupKind, body: Mapping[str, Any], default_namespace: str) -> Ref:
    """The reference of an object; `default_namespace` where a namespaced one names none."""
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not name:
        raise Misnamed(f"the {kind.kind} has no metadata.name: give it one", "metadata")
    _check_name(name, "name")
    if kind in kinds.CLUSTER_SCOPED:
        return Ref(*kind, "", name)
    namespace = metadata.get("namespace") or default_namespace
    _check_name(namespace, "namespace")
    return Ref(*kind, namespace, name)


def _check_name(name: Any, key: str) -> None:
    path = f"metadata.{key}"
    if not isinstance(name, str):
        raise Misnamed(f"{path} must be text, not {safe(str(name))}: put it in quotes", path)
    if not _is_name(name):
        raise Misnamed(f"{path} {safe(name)!r} is not a name that Kubernetes allows", path)


@lru_cache(maxsize=65536)
def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and _NAME.match(name) is not None


def check_labels(labels: Mapping[str, str], *path: str) -> None:
    """Raise Misnamed for the first label that the API server would refuse."""
    for pair in labels.items():
        if not _is_label(pair):
            key, value = pair
            what = f"the label {safe(key)}: {safe(value)!r} is not one that Kubernetes allows"
            raise Misnamed(what, field(*path, key))


@lru_cache(maxsize=65536)
def _is_label(pair: tuple[str, str]) -> bool:
    key, value = pair
    return _KEY.match(key) is not None and _VALUE.match(value) is not None
