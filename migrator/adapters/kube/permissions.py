"""The least that a user must be allowed to do, as RBAC, from what the reader and the steps ask for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from migrator.istio import kinds
from migrator.istio.meshconfig import ROOT_NAMESPACE
from migrator.model.resource import GroupKind

from .lists import BY_METADATA
from .resources import is_namespaced, resource_name

APPLY = "apply"
_RBAC = "rbac.authorization.k8s.io"
_LEASE = GroupKind("coordination.k8s.io", "Lease")
_EVENT = GroupKind("", "Event")
_ACCESS_REVIEW = GroupKind("authorization.k8s.io", "SelfSubjectAccessReview")
# What steps change: labels of what is there, and whole objects where a plan creates or takes away.
_PATCHED = frozenset(
    {
        kinds.NAMESPACE, kinds.SERVICE, kinds.POD, kinds.DEPLOYMENT, kinds.STATEFUL_SET,
        kinds.DAEMON_SET, kinds.CRON_JOB, kinds.ROLLOUT,
    }
)  # fmt: skip
_MADE = frozenset(
    {
        kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.WASM_PLUGIN,
        kinds.TRAFFIC_EXTENSION, kinds.TELEMETRY, kinds.GATEWAY, kinds.NETWORK_POLICY,
        kinds.CONFIG_MAP, kinds.HTTP_ROUTE, kinds.VIRTUAL_SERVICE,
    }
)  # fmt: skip
# What checks look at besides, one at a time.
_LOOKED_AT = frozenset(
    {
        kinds.CRD, kinds.GATEWAY_CLASS, kinds.JOB, kinds.REPLICA_SET, kinds.SERVICE_ENTRY,
    }
)  # fmt: skip
Verbs = frozenset[str]
Manifest = dict[str, Any]


def roles(purpose: str, namespaces: Sequence[str] = ()) -> tuple[Manifest, ...]:
    """What `purpose` needs, which is `scan`, or `apply`, which reads too.

    A ClusterRole; or, with `namespaces`, a Role in each and in Istio's root namespace.
    """
    name = f"migrate-{purpose}"
    changes = purpose == APPLY
    if not namespaces:
        rules = _rules(_verbs(kinds.KNOWN, changes=changes))
        return (_manifest("ClusterRole", {"name": name}, rules),)
    inside = frozenset(kind for kind in kinds.KNOWN if is_namespaced(kind)) | {kinds.NAMESPACE}
    verbs = dict(_verbs(inside, changes=changes))
    verbs[kinds.NAMESPACE] -= {"list"}
    verbs.pop(_ACCESS_REVIEW, None)  # of no namespace, and allowed to everybody who is logged in
    homes = sorted({*namespaces, ROOT_NAMESPACE})
    rules = _rules(verbs)
    return tuple(_manifest("Role", {"name": name, "namespace": home}, rules) for home in homes)


def without_role() -> tuple[str, ...]:
    """What Roles cannot give: resources outside of namespaces, without which less is known."""
    outside = kinds.KNOWN - {kinds.NAMESPACE}
    return tuple(sorted(resource_name(kind) for kind in outside if not is_namespaced(kind)))


def _verbs(read: Iterable[GroupKind], *, changes: bool) -> Mapping[GroupKind, Verbs]:
    whole = BY_METADATA | {kinds.NAMESPACE}
    found = {kind: frozenset({"list", *(("get",) if kind in whole else ())}) for kind in read}
    return {**found, **dict(_changes(found))} if changes else found


def _changes(read: Mapping[GroupKind, Verbs]) -> Iterator[tuple[GroupKind, Verbs]]:
    for kind in _PATCHED:
        yield kind, read[kind] | {"get", "patch"}
    for kind in _MADE:
        yield kind, read[kind] | {"get", "create", "patch", "delete"}
    for kind in _LOOKED_AT & read.keys():
        yield kind, read[kind] | {"get"}
    yield _EVENT, frozenset({"list"})
    yield _LEASE, frozenset({"get", "create", "patch"})
    yield _ACCESS_REVIEW, frozenset({"create"})


def _rules(verbs: Mapping[GroupKind, Verbs]) -> list[Manifest]:
    """One rule for each API group and set of verbs."""
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind, allowed in verbs.items():
        resource = resource_name(kind).partition(".")[0]
        grouped.setdefault((kind.group, tuple(sorted(allowed))), []).append(resource)
    return [
        {"apiGroups": [group], "resources": sorted(resources), "verbs": list(allowed)}
        for (group, allowed), resources in sorted(grouped.items())
    ]


def _manifest(kind: str, metadata: Mapping[str, str], rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": dict(metadata),
        "rules": [dict(rule) for rule in rules],
    }
