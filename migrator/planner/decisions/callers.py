"""Who may call a workload: declared, bounded by its policies, or unknown.

What was measured adds callers and takes none away: a graph that nobody called complete cannot show that
a call does not exist.

Unknown callers count as sidecar callers: a sidecar never sends through a waypoint
(istio/pilot/pkg/xds/endpoints/endpoint_builder.go), so every one of them must have moved before the
guard of its server binds anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import action_of
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref

from .calls import CallGraph
from .measured import callees_of
from .protection import enforced_on


@dataclass(frozen=True)
class Callers:
    """`workloads` is None when anybody may call. `how` says where the answer comes from."""

    workloads: frozenset[Ref] | None
    how: str


def possible_callers(mesh: Mesh, workload: Workload, graph: CallGraph | None) -> Callers:
    """The meshed workloads that may call `workload`."""
    if graph is not None and graph.complete:
        return Callers(_named(mesh, workload, graph), "the declared call graph")
    bounded = _bounded(mesh, workload)
    if bounded is not None:
        how = "its ALLOW policies, which name every caller"
        more = _named(mesh, workload, graph) - bounded if graph is not None else frozenset()
        return Callers(bounded | more, f"{how}, and the call graph" if more else how)
    return Callers(None, "unknown: every workload with a sidecar may call it")


def _named(mesh: Mesh, workload: Workload, graph: CallGraph) -> frozenset[Ref]:
    named = {
        (caller.namespace, caller.kind, caller.name)
        for caller in graph.callers_of(callees_of(mesh, workload))
    }
    return frozenset(w.ref for w in mesh.meshed if (w.namespace, w.ref.kind, w.name) in named)


def _bounded(mesh: Mesh, workload: Workload) -> frozenset[Ref] | None:
    """Callers that some ALLOW admits, when every ALLOW rule names its sources exactly."""
    allows = [p for p in enforced_on(mesh, workload) if action_of(p) == "ALLOW"]
    if not allows:
        return None
    accounts: set[tuple[str, str]] = set()
    for policy in allows:
        for rule in policy.spec.get("rules") or ():
            named = _accounts(rule, policy.namespace)
            if named is None:
                return None
            accounts |= named
    return frozenset(
        w.ref
        for home in sorted({namespace for namespace, _ in accounts})
        for w in mesh.meshed_in(home)
        if (w.namespace, w.service_account) in accounts or (w.namespace, "*") in accounts
    )


def _accounts(rule: Mapping[str, Any], namespace: str) -> set[tuple[str, str]] | None:
    """(namespace, service account or *) that the rule's `from` admits; None for anybody."""
    found: set[tuple[str, str]] = set()
    if not rule.get("from"):
        return None
    for one in rule["from"]:
        source = one.get("source") or {}
        if source.get("principals"):
            named = [_account(principal) for principal in source["principals"]]
        elif source.get("serviceAccounts"):
            named = [_service_account(a, namespace) for a in source["serviceAccounts"]]
        elif source.get("namespaces"):
            named = [(n, "*") if "*" not in n else None for n in source["namespaces"]]
        else:
            return None
        for account in named:
            if account is None:
                return None
            found.add(account)
    return found


def _account(principal: str) -> tuple[str, str] | None:
    parts = principal.split("/")
    if "*" in principal or len(parts) != 5 or (parts[1], parts[3]) != ("ns", "sa"):
        return None
    return parts[2], parts[4]


def _service_account(text: str, namespace: str) -> tuple[str, str] | None:
    """`name` or `namespace/name` (istio.io/api security/v1beta1, `serviceAccounts`)."""
    if "*" in text:
        return None
    first, slash, second = text.partition("/")
    return (first, second) if slash else (namespace, first)
