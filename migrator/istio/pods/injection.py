"""Whether Istio's webhook would inject a pod, and what decides it.

Mirrors istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml (which
pods reach the injector) and `injectRequired` in pkg/kube/inject/inject.go (what the injector does then).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.meshconfig import DEFAULT_REVISION as DEFAULT
from migrator.istio.selectors import is_empty, is_selector, selects
from migrator.istio.workloads import Workload
from migrator.istio.yamltext import dig, is_true, mapping, value_of
from migrator.model.fieldpath import field as field_path
from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot

IGNORED_NAMESPACES = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
)  # pkg/kube/inject/initializer.go
TAG = "istio.io/tag"
_HOOK = "sidecar-injector.istio.io"
_CONFIG = "istio-sidecar-injector"
_BY_DEFAULT = ("sidecarInjectorWebhook", "enableNamespacesByDefault")


class Injection(NamedTuple):
    """The decision for a new pod; `decided_by` is what it hangs on.

    `namespace-label`, `pod-label`, `pod-annotation`, `default` (a webhook that takes namespaces without
    label), `host-network`, `namespace` (one that the injector ignores), `never-selector`,
    `always-selector`, `policy`, or `none`: nothing asks for it.
    """

    injected: bool
    revision: str
    reason: str
    decided_by: str


class Clause(NamedTuple):
    """One webhook: its selectors, the revision that answers, and what says so in the source."""

    revision: str
    namespace: Mapping[str, Any]
    pod: Mapping[str, Any]
    tag: str = ""
    source: Resource | None = None
    path: str = ""


class Policy(NamedTuple):
    """What an injector decides by itself (ConfigMap istio-sidecar-injector[-revision])."""

    enabled: bool = True
    never: tuple[Mapping[str, Any], ...] = ()
    always: tuple[Mapping[str, Any], ...] = ()
    source: Resource | None = None


@dataclass(frozen=True, eq=False)
class Webhooks:
    """All clauses; `assumed` when the source holds no configuration and Istio's own are taken."""

    clauses: tuple[Clause, ...]
    assumed: bool
    policies: Mapping[str, Policy] = field(default_factory=dict)

    def policy(self, revision: str) -> Policy:
        return self.policies.get(revision) or Policy()

    def revision_of(self, name: str) -> str | None:
        """The revision that a value of `istio.io/rev` names, by itself or as a tag."""
        for clause in self.clauses:
            if name in {clause.revision, clause.tag}:
                return clause.revision
        return None


def webhooks(snapshot: Snapshot) -> Webhooks:
    """The injection webhooks of the snapshot, else those that Istio's charts would install."""
    found = tuple(_clauses(snapshot))
    policies = dict(_policies(snapshot))
    stock = tuple(_stock_clauses(_revisions_named(snapshot), _by_default(snapshot)))
    return Webhooks(found or stock, assumed=not found, policies=policies)


def near(hooks: Webhooks, namespace_labels: Mapping[str, str]) -> Webhooks:
    """Only those that take pods of such a namespace."""
    taking = tuple(c for c in hooks.clauses if selects(c.namespace, namespace_labels))
    return replace(hooks, clauses=taking)


def predict(hooks: Webhooks, namespace_labels: Mapping[str, str], workload: Workload) -> Injection:
    """Whether the next pod of `workload` would get a sidecar, and which label decides it.

    The API server calls every webhook that selects the pod, configurations in the order of their
    names; each injector that wants to inject replaces what one before it did, so the last one counts.
    """
    decisions = [
        _decision(hooks.policy(clause.revision), clause, namespace_labels, workload)
        for clause in _matching(hooks.clauses, namespace_labels, workload.labels)
    ]
    if not decisions:
        return Injection(False, "", *_why_not(namespace_labels, workload.labels))  # noqa: FBT003
    return next((one for one in reversed(decisions) if one.injected), decisions[-1])


def by_default(hooks: Webhooks) -> bool:
    """Whether a pod without labels in a namespace without labels would be injected."""
    return default_clause(hooks) is not None


def default_clause(hooks: Webhooks) -> Clause | None:
    """The webhook that injects pods without labels in namespaces without labels."""
    unlabelled = {names.CANONICAL_NAMESPACE: "a-namespace-without-labels"}
    taking = [
        c for c in _matching(hooks.clauses, unlabelled, {}) if hooks.policy(c.revision).enabled
    ]
    return taking[-1] if taking else None


def _matching(
    clauses: Iterable[Clause], namespace: Mapping[str, str], pod: Mapping[str, str]
) -> Iterator[Clause]:
    return (c for c in clauses if selects(c.namespace, namespace) and selects(c.pod, pod))


def _decision(
    policy: Policy, clause: Clause, namespace: Mapping[str, str], workload: Workload
) -> Injection:
    injected, reason, decided_by = _required(policy, clause, namespace, workload)
    return Injection(injected, clause.revision if injected else "", reason, decided_by)


def _required(
    policy: Policy, clause: Clause, namespace: Mapping[str, str], workload: Workload
) -> tuple[bool, str, str]:
    if workload.host_network:
        return False, "hostNetwork pods are never injected", "host-network"
    if workload.namespace in IGNORED_NAMESPACES:
        return False, "a namespace that the injector ignores", "namespace"
    label = workload.labels.get(names.INJECT)
    asked = label if label is not None else workload.annotations.get(names.INJECT, "")
    where = "label" if label is not None else "annotation"
    if asked in {"true", "false"}:
        return asked == "true", f"{names.INJECT}: {asked} as {where} of the pod", f"pod-{where}"
    by_policy = _by_policy(policy, workload.labels)
    return by_policy or (True, *_why(clause, namespace, workload.labels))


def _by_policy(policy: Policy, pod: Mapping[str, str]) -> tuple[bool, str, str] | None:
    """What the injector decides for a pod that asks for nothing; None when it just injects."""
    if any(selects(selector, pod) for selector in policy.never):
        return False, "neverInjectSelector of the injector", "never-selector"
    if any(selects(selector, pod) for selector in policy.always):
        return True, "alwaysInjectSelector of the injector", "always-selector"
    return None if policy.enabled else (False, "the injector's policy is disabled", "policy")


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


def _clauses(snapshot: Snapshot) -> Iterator[Clause]:
    """Every webhook of an injector: revisions, tags, and those that a vendor renamed."""
    for resource in snapshot.of(kinds.MUTATING_WEBHOOK):
        revision = resource.labels.get(names.REVISION) or DEFAULT
        for index, hook in enumerate(resource.body.get("webhooks") or ()):
            if hook.get("name", "").endswith(_HOOK):
                yield Clause(
                    revision,
                    hook.get("namespaceSelector") or {},
                    hook.get("objectSelector") or {},
                    tag=resource.labels.get(TAG, ""),
                    source=resource,
                    path=f"webhooks[{index}]",
                )


def _policies(snapshot: Snapshot) -> Iterator[tuple[str, Policy]]:
    for resource in snapshot.of(kinds.CONFIG_MAP):
        settings = mapping(value_of(resource, "config"))
        if resource.name.startswith(_CONFIG) and settings:
            revision = resource.name.removeprefix(_CONFIG).removeprefix("-") or DEFAULT
            yield (
                revision,
                Policy(
                    enabled=settings.get("policy") == "enabled",
                    never=_selectors(settings.get("neverInjectSelector")),
                    always=_selectors(settings.get("alwaysInjectSelector")),
                    source=resource,
                ),
            )


def _selectors(found: object) -> tuple[Mapping[str, Any], ...]:
    """Those that select something by a label: the injector skips empty ones."""
    if not isinstance(found, list):
        return ()
    return tuple(one for one in found if is_selector(one) and not is_empty(one))


def _by_default(snapshot: Snapshot) -> tuple[Resource, str] | None:
    """The values, and their path, by which some installation takes namespaces without label."""
    found = [
        (resource, path)
        for resource, path, values in _values(snapshot)
        if is_true(dig(values, *_BY_DEFAULT))
    ]
    return found[0] if found else None


def _values(snapshot: Snapshot) -> Iterator[tuple[Resource, str, Any]]:
    installers = (*snapshot.of(kinds.SAIL_ISTIO), *snapshot.of(kinds.ISTIO_OPERATOR))
    path = field_path("spec", "values", *_BY_DEFAULT)
    for resource in installers:
        yield resource, path, resource.spec.get("values")
    for resource in snapshot.of(kinds.CONFIG_MAP):
        if resource.name.startswith(_CONFIG):
            yield resource, "data.values", mapping(value_of(resource, "values"))


def _revisions_named(snapshot: Snapshot) -> tuple[str, ...]:
    found = {DEFAULT}
    for kind in (kinds.NAMESPACE, *kinds.CONTROLLERS, kinds.POD):
        for resource in snapshot.of(kind):
            spec = resource.spec
            spec = (spec.get("jobTemplate") or {}).get("spec") or spec
            template = spec.get("template") or {}
            labels = (template.get("metadata") or {}).get("labels") or {}
            found |= {
                source[names.REVISION]
                for source in (resource.labels, labels)
                if names.REVISION in source
            }
    return tuple(sorted(found))


def _stock_clauses(
    revisions: Iterable[str], by_default: tuple[Resource, str] | None
) -> Iterator[Clause]:
    """What the chart installs for each revision, and for the default one besides."""
    not_false = _term(names.INJECT, "NotIn", "false")
    no_label, no_revision = (
        _term(names.INJECTION, "DoesNotExist"),
        _term(names.REVISION, "DoesNotExist"),
    )
    for revision in revisions:
        of_revision = _term(names.REVISION, "In", revision)
        yield Clause(revision, _all(of_revision, no_label), _all(not_false))
        yield Clause(revision, _all(no_revision, no_label), _all(not_false, of_revision))
    yield Clause(DEFAULT, _all(_term(names.INJECTION, "In", "enabled")), _all(not_false))
    asked = _term(names.INJECT, "In", "true")
    yield Clause(DEFAULT, _all(no_label, no_revision), _all(asked, no_revision))
    if by_default:
        ordinary = _term(names.CANONICAL_NAMESPACE, "NotIn", *sorted(IGNORED_NAMESPACES))
        unasked = _term(names.INJECT, "DoesNotExist")
        namespaces, pods = _all(no_label, no_revision, ordinary), _all(unasked, no_revision)
        yield Clause(DEFAULT, namespaces, pods, "", *by_default)


def _term(key: str, operator: str, *values: str) -> Mapping[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def _all(*terms: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"matchExpressions": list(terms)}
