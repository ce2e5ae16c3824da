"""AuthorizationPolicies for the way: copies for waypoints, the hand-over per pod, and guards.

Copies with `targetRefs` are not read by sidecars nor by ztunnel, policies with a selector are not read
by waypoints (istio/pilot/pkg/model/policyattachment.go). istiod selects policies by pod labels for
both, and the injector stamps `security.istio.io/tlsMode: istio` on every pod with a sidecar
(manifests/charts/istio-control/istio-discovery/files/injection-template.yaml): by that label a policy
is narrowed to pods that still have one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import Resource

from .manifest import manifest
from .policy_ports import PortMap, map_rule, uses_ports
from .target_refs import chunks

_SOURCE_NEGATIONS = (
    "notPrincipals", "notNamespaces", "notServiceAccounts", "notIpBlocks",
    "notRequestPrincipals", "notRemoteIpBlocks", "notTrustDomains",
)  # fmt: skip


def copies_for_services(
    policy: Resource, services: Mapping[str, PortMap], namespace: str
) -> tuple[dict[str, Any], ...]:
    """Copies of `policy` in `namespace` bound to `services` (name -> its ports): the action is kept.

    Services that see the same rules share a copy, at most 16 to a copy. A rule that no request to the
    Service could match is left out; an ALLOW without any rule left still denies, as it did.
    """
    by_rules: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for service, ports in sorted(services.items()):
        spec = _mapped_spec(policy.spec, ports)
        by_rules.setdefault(repr(spec), (spec, []))[1].append(service)
    copies = []
    for spec, names_ in by_rules.values():
        if not spec.get("rules") and spec.get("action", "ALLOW") != "ALLOW":
            continue
        copies += [_copy(policy, namespace, {"targetRefs": r, **spec}) for r in chunks(names_)]
    return tuple(copies)


def copy_for_class(policy: Resource) -> dict[str, Any]:
    """A copy of a mesh-wide policy for every waypoint: bound to the GatewayClass, in the root namespace."""
    ref = {
        "group": kinds.GATEWAY_CLASS.group,
        "kind": kinds.GATEWAY_CLASS.kind,
        "name": names.WAYPOINT_CLASS,
    }
    return _copy(policy, policy.namespace, {"targetRefs": [ref], **_without_selector(policy.spec)})


def names_ports(policy: Resource) -> bool:
    """Whether a copy for a whole class would compare the wrong ports."""
    return any(uses_ports(rule) for rule in policy.spec.get("rules") or ())


def narrowed_to_sidecars(policy: Resource) -> dict[str, Any]:
    """The spec with a selector that only pods with a sidecar match: neutral while all have one."""
    selector = dict(policy.spec.get("selector") or {})
    wanted = {**(selector.get("matchLabels") or {}), names.TLS_MODE: "istio"}
    return {**policy.spec, "selector": {"matchLabels": wanted}}


def exempting(policy: Resource, principals: Sequence[str]) -> dict[str, Any] | None:
    """A DENY that names sources by negation, with the waypoint's own identity taken out.

    At the server, calls through a waypoint carry the waypoint's identity, which `notPrincipals: [a]`
    would deny. Their real source is judged at the waypoint, by the copy. None: nothing to exempt.
    """
    rules = [_exempting_rule(rule, principals) for rule in policy.spec.get("rules") or ()]
    if rules == list(policy.spec.get("rules") or ()):
        return None
    return {**policy.spec, "rules": rules}


def allow_waypoint(
    namespace: str, name: str, selector: Mapping[str, str], principals: Sequence[str]
) -> dict[str, Any]:
    """An ALLOW for the waypoint's identity beside the workload's own ALLOW policies."""
    spec = {
        "selector": {"matchLabels": dict(selector)},
        "action": "ALLOW",
        "rules": [{"from": [{"source": {"principals": list(principals)}}]}],
    }
    return manifest(kinds.AUTHORIZATION_POLICY, namespace, name, spec=spec)


def guard(
    namespace: str, name: str, selector: Mapping[str, str], principals: Sequence[str]
) -> dict[str, Any]:
    """A DENY of everything that did not come through the waypoint, for ambient pods only.

    A DENY, not an ALLOW: no other ALLOW that is left over can widen it. A plaintext caller has no
    identity and is therefore denied too, as istiod's own STRICT does it
    (pilot/pkg/serviceregistry/ambient/authorization.go, `convertPeerAuthentication`).
    """
    spec = {
        "selector": {"matchLabels": {**selector, names.DATAPLANE_MODE: names.AMBIENT}},
        "action": "DENY",
        "rules": [{"from": [{"source": {"notPrincipals": list(principals)}}]}],
    }
    return manifest(kinds.AUTHORIZATION_POLICY, namespace, name, spec=spec)


def _copy(policy: Resource, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    dry_run = policy.annotations.get(names.DRY_RUN)
    return manifest(
        policy.ref.group_kind,
        namespace,
        f"{policy.name}-waypoint",
        annotations={names.DRY_RUN: dry_run} if dry_run else {},
        spec=spec,
    )


def _without_selector(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "selector"}


def _mapped_spec(spec: Mapping[str, Any], ports: PortMap) -> dict[str, Any]:
    mapped = _without_selector(spec)
    if spec.get("rules"):
        rules = [map_rule(rule, ports) for rule in spec["rules"]]
        mapped["rules"] = [rule for rule in rules if rule is not None]
        if not mapped["rules"]:
            del mapped["rules"]
    return mapped


def _exempting_rule(rule: Mapping[str, Any], principals: Sequence[str]) -> dict[str, Any]:
    if not rule.get("from"):
        return dict(rule)
    sources = [_exempting_source(one.get("source") or {}, principals) for one in rule["from"]]
    return {**rule, "from": [{"source": source} for source in sources]}


def _exempting_source(source: Mapping[str, Any], principals: Sequence[str]) -> dict[str, Any]:
    if not any(source.get(key) for key in _SOURCE_NEGATIONS):
        return dict(source)
    known = list(source.get("notPrincipals") or ())
    return {**source, "notPrincipals": known + [p for p in principals if p not in known]}
