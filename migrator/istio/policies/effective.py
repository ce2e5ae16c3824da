"""The AuthorizationPolicies that sidecars enforce today, and how to speak of their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.istio import kinds
from migrator.model.fieldpath import field, parts

from .authz import Evaluation, FieldUse, is_dry_run
from .targets import target_refs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrator.istio.mesh import Mesh
    from migrator.istio.workloads import Workload
    from migrator.model.resource import Resource

_SHOWN = 4  # values of a field that a message names
_BLOCKS = ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks")
_ADDRESSES = ("source.ip", "remote.ip")
_PORTS = ("ports", "notPorts")
_TOKEN = ("requestPrincipals", "notRequestPrincipals")


class Effective(NamedTuple):
    """A policy, what ztunnel would make of it, and the workloads to be moved that it acts on."""

    policy: Resource
    evaluation: Evaluation
    apps: tuple[Workload, ...]


def enforced(mesh: Mesh) -> Iterator[Effective]:
    """The AuthorizationPolicies in effect on workloads that are to be moved, dry runs left out."""
    for policy in mesh.of(kinds.AUTHORIZATION_POLICY):
        if target_refs(policy) or is_dry_run(policy):
            continue
        apps = mesh.attachments.apps_of(policy)
        if apps:
            yield Effective(policy, mesh.effect(policy), apps)


def value_at(policy: Resource, path: str) -> Any:
    """What stands at `path`, None where nothing does."""
    at: Any = policy.body
    for part in parts(path):
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            return None
    return at


def told(policy: Resource, uses: Iterable[FieldUse]) -> str:
    """The fields with their values: `methods GET, POST and paths /admin`."""
    said = list(dict.fromkeys(f"{use.name} {_values(policy, use)}".strip() for use in uses))
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def values_of(policy: Resource, use: FieldUse) -> tuple[str, ...]:
    """The values of the field; of a condition those that it excludes where it has no others."""
    if not use.path.endswith(".key"):
        return tuple(str(one) for one in value_at(policy, use.path) or ())
    when = value_at(policy, use.path.removesuffix(".key")) or {}
    return tuple(when.get("values") or (f"not {one}" for one in when.get("notValues") or ()))


def _values(policy: Resource, use: FieldUse) -> str:
    values = values_of(policy, use)
    more = ["…"] if len(values) > _SHOWN else []
    return ", ".join([*values[:_SHOWN], *more])


def address_uses(policy: Resource) -> tuple[FieldUse, ...]:
    """Where the policy judges callers by their address."""
    return tuple(_uses(policy, ("from", "source", _BLOCKS), _ADDRESSES))


def port_uses(policy: Resource) -> tuple[FieldUse, ...]:
    """Where the policy names ports of the workload."""
    return tuple(_uses(policy, ("to", "operation", _PORTS), ("destination.port",)))


def _uses(
    policy: Resource, clause: tuple[str, str, tuple[str, ...]], keys: tuple[str, ...]
) -> Iterator[FieldUse]:
    group, holder, wanted = clause
    for i, rule in enumerate(policy.spec.get("rules") or ()):
        for j, one in enumerate(rule.get(group) or ()):
            for name, values in (one.get(holder) or {}).items():
                if values and name in wanted:
                    yield FieldUse(field("spec", "rules", i, group, j, holder, name), name)
        for j, when in enumerate(rule.get("when") or ()):
            if when.get("key") in keys:
                yield FieldUse(field("spec", "rules", i, "when", j, "key"), when["key"])


def token_uses(policy: Resource) -> tuple[FieldUse, ...]:
    """Where the policy asks for something out of a token."""
    keys = {
        when["key"]
        for rule in policy.spec.get("rules") or ()
        for when in rule.get("when") or ()
        if when.get("key", "").startswith("request.auth.")
    }
    return tuple(_uses(policy, ("from", "source", _TOKEN), tuple(keys)))


def header_uses(policy: Resource, header: str) -> tuple[FieldUse, ...]:
    """Where the policy has a condition on `header`."""
    keys = {
        when["key"]
        for rule in policy.spec.get("rules") or ()
        for when in rule.get("when") or ()
        if when.get("key", "").lower() == f"request.headers[{header}]"
    }
    return tuple(_uses(policy, ("from", "source", ()), tuple(keys)))
