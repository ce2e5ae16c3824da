"""Whether Istio's webhook would inject a pod, and what decides it.

Mirrors istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml (which
pods reach the injector) and `injectRequired` in pkg/kube/inject/inject.go (what the injector does then).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from migrator.model.snapshot import Snapshot

from . import kinds
from . import labels as names
from .selectors import selects
from .workloads import Workload

DEFAULT = "default"
IGNORED_NAMESPACES = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
)  # pkg/kube/inject/inject.go: IgnoredNamespaces
_PREFIX = "istio-sidecar-injector"


class Injection(NamedTuple):
    """The webhook's decision for a new pod; `decided_by` is what it hangs on."""

    injected: bool
    revision: str
    reason: str
    decided_by: str


class Clause(NamedTuple):
    """One webhook of a configuration: its selectors and the revision that answers."""

    revision: str
    namespace: Mapping[str, Any]
    pod: Mapping[str, Any]


@dataclass(frozen=True)
class Webhooks:
    """All clauses; `assumed` when the source holds no configuration and Istio's own are taken."""

    clauses: tuple[Clause, ...]
    assumed: bool
    policy_enabled: bool = True
    never: tuple[Mapping[str, Any], ...] = ()
    always: tuple[Mapping[str, Any], ...] = ()


def webhooks(snapshot: Snapshot) -> Webhooks:
    """The injection webhooks of the snapshot, else those that Istio's charts would install."""
    found = []
    for configuration in snapshot.of(kinds.MUTATING_WEBHOOK):
        if not configuration.name.startswith((_PREFIX, "istio-revision-tag")):
            continue
        revision = configuration.labels.get("istio.io/tag") or configuration.labels.get(
            names.REVISION, DEFAULT
        )
        for hook in configuration.body.get("webhooks") or ():
            found.append(
                Clause(
                    revision,
                    hook.get("namespaceSelector") or {},
                    hook.get("objectSelector") or {},
                )
            )
    settings = _injector_settings(snapshot)
    clauses = tuple(found) or tuple(_stock_clauses(_revisions_named(snapshot)))
    return Webhooks(clauses, assumed=not found, **settings)


def predict(hooks: Webhooks, namespace_labels: Mapping[str, str], workload: Workload) -> Injection:
    """Whether the next pod of `workload` would get a sidecar, and which label decides it."""
    clause = _matching(hooks.clauses, namespace_labels, workload.labels)
    if clause is None:
        return Injection(False, "", *_why_not(namespace_labels, workload.labels))
    injected, reason, decided_by = _required(hooks, clause, namespace_labels, workload)
    return Injection(injected, clause.revision if injected else "", reason, decided_by)


def by_default(hooks: Webhooks) -> bool:
    """Whether a pod without labels in a namespace without labels would be injected."""
    bare = {names.CANONICAL_NAMESPACE: "a-namespace-without-labels"}
    return _matching(hooks.clauses, bare, {}) is not None and hooks.policy_enabled


def _matching(
    clauses: Iterable[Clause], namespace: Mapping[str, str], pod: Mapping[str, str]
) -> Clause | None:
    return next(
        (c for c in clauses if selects(c.namespace, namespace) and selects(c.pod, pod)), None
    )


def _required(
    hooks: Webhooks, clause: Clause, namespace: Mapping[str, str], workload: Workload
) -> tuple[bool, str, str]:
    if workload.host_network:
        return False, "hostNetwork pods are never injected", "host-network"
    if workload.namespace in IGNORED_NAMESPACES:
        return False, "a namespace that the injector ignores", "namespace"
    label = workload.labels.get(names.INJECT)
    asked = label if label is not None else workload.annotations.get(names.INJECT, "")
    where = "pod-label" if label is not None else "pod-annotation"
    if asked in {"true", "false"}:
        return asked == "true", f"{names.INJECT}: {asked} on the pod", where
    if any(s and selects(s, workload.labels) for s in hooks.never):
        return False, "neverInjectSelector of the injector", "never-selector"
    if any(s and selects(s, workload.labels) for s in hooks.always):
        return True, "alwaysInjectSelector of the injector", "always-selector"
    if not hooks.policy_enabled:
        return False, "the injector's policy is disabled", "policy"
    return True, *_why(clause, namespace, workload.labels)


def _why(clause: Clause, namespace: Mapping[str, str], pod: Mapping[str, str]) -> tuple[str, str]:
    for key in (names.INJECTION, names.REVISION):
        if key in namespace:
            return f"{key}: {namespace[key]} on the namespace", "namespace-label"
    if names.REVISION in pod:
        return f"{names.REVISION}: {pod[names.REVISION]} on the pod", "pod-label"
    return f"the webhook of revision {clause.revision} takes namespaces without label", "default"


def _why_not(namespace: Mapping[str, str], pod: Mapping[str, str]) -> tuple[str, str]:
    if pod.get(names.INJECT) == "false":
        return f"{names.INJECT}: false on the pod", "pod-label"
    for key in (names.INJECTION, names.REVISION):
        if key in namespace:
            return f"{key}: {namespace[key]} on the namespace reaches no webhook", "namespace-label"
    return "no label asks for it", "none"


def _injector_settings(snapshot: Snapshot) -> dict[str, Any]:
    """`policy`, `neverInjectSelector` and `alwaysInjectSelector` of the injector's ConfigMap."""
    for config in snapshot.of(kinds.CONFIG_MAP):
        if not config.name.startswith(_PREFIX):
            continue
        try:
            data = yaml.safe_load((config.body.get("data") or {}).get("config", ""))
        except yaml.YAMLError:
            continue
        if isinstance(data, dict):
            return {
                "policy_enabled": data.get("policy", "enabled") == "enabled",
                "never": tuple(
                    s for s in data.get("neverInjectSelector") or () if isinstance(s, dict)
                ),
                "always": tuple(
                    s for s in data.get("alwaysInjectSelector") or () if isinstance(s, dict)
                ),
            }
    return {}


def _revisions_named(snapshot: Snapshot) -> tuple[str, ...]:
    found = {DEFAULT}
    for kind in (kinds.NAMESPACE, *kinds.CONTROLLERS, kinds.POD):
        for resource in snapshot.of(kind):
            template = resource.spec.get("template") or {}
            labels = (template.get("metadata") or {}).get("labels") or {}
            found |= {
                source[names.REVISION]
                for source in (resource.labels, labels)
                if names.REVISION in source
            }
    return tuple(sorted(found))


def _stock_clauses(revisions: Iterable[str]) -> Iterable[Clause]:
    not_false = [_term(names.INJECT, "NotIn", "false")]
    unlabelled = [_term(names.INJECTION, "DoesNotExist"), _term(names.REVISION, "DoesNotExist")]
    for revision in revisions:
        of_revision = _term(names.REVISION, "In", revision)
        yield Clause(
            revision, _all(of_revision, _term(names.INJECTION, "DoesNotExist")), _all(*not_false)
        )
        yield Clause(revision, _all(*unlabelled), _all(*not_false, of_revision))
    yield Clause(DEFAULT, _all(_term(names.INJECTION, "In", "enabled")), _all(*not_false))
    yield Clause(
        DEFAULT,
        _all(*unlabelled),
        _all(_term(names.INJECT, "In", "true"), _term(names.REVISION, "DoesNotExist")),
    )


def _term(key: str, operator: str, *values: str) -> Mapping[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def _all(*terms: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"matchExpressions": list(terms)}
