"""Who gets a sidecar: Istio's webhooks first, then what the injector decides itself."""

from typing import Any

import pytest
import yaml

from migrator.istio.pods.injection import (
    Injection,
    Webhooks,
    by_default,
    default_clause,
    predict,
    webhooks,
)
from migrator.istio.workloads import collect
from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot

from .manifests import deployment, namespace, resource

INJECT, REV, NS = "sidecar.istio.io/inject", "istio.io/rev", "istio-injection"


def decide(
    ns: dict[str, str],
    pod: dict[str, str],
    *more: Resource,
    annotations: dict[str, str] | None = None,
    where: str = "shop",
    **spec: Any,
) -> Injection:
    cart = deployment("cart", where, labels=pod, annotations=annotations, **spec)
    labelled = namespace(where, {"kubernetes.io/metadata.name": where, **ns})
    found = Snapshot([cart, labelled, *more])
    return predict(webhooks(found), labelled.labels, collect(found)[0])


# Namespace labels, pod labels: injected, by which revision, decided by what (no webhook in the source).
TABLE = [
    ({}, {}, False, "", "none"),
    ({NS: "enabled"}, {}, True, "default", "namespace-label"),
    ({NS: "disabled"}, {}, False, "", "namespace-label"),
    ({NS: "true"}, {}, False, "", "namespace-label"),
    ({NS: "enabled"}, {INJECT: "false"}, False, "", "pod-label"),
    ({NS: "enabled"}, {INJECT: "true"}, True, "default", "pod-label"),
    ({NS: "enabled"}, {INJECT: "yes"}, True, "default", "namespace-label"),
    ({NS: "disabled"}, {INJECT: "true"}, False, "", "namespace-label"),
    ({}, {INJECT: "true"}, True, "default", "pod-label"),
    ({}, {INJECT: "yes"}, False, "", "none"),
    ({REV: "1-30"}, {}, True, "1-30", "namespace-label"),
    ({REV: "default"}, {}, True, "default", "namespace-label"),
    ({REV: "1-30"}, {INJECT: "false"}, False, "", "pod-label"),
    ({REV: "1-30", NS: "enabled"}, {}, True, "default", "namespace-label"),
    ({REV: "1-30", NS: "disabled"}, {}, False, "", "namespace-label"),
    ({}, {REV: "1-30"}, True, "1-30", "pod-label"),
    ({}, {REV: "1-30", INJECT: "true"}, True, "1-30", "pod-label"),
    ({}, {REV: "1-30", INJECT: "false"}, False, "", "pod-label"),
    ({REV: "1-29"}, {REV: "1-30"}, True, "1-29", "namespace-label"),
    ({NS: "enabled"}, {REV: "1-30"}, True, "default", "namespace-label"),
]


@pytest.mark.parametrize(("ns", "pod", "injected", "revision", "by"), TABLE)
def test_the_charts_own_webhooks(
    ns: dict[str, str],
    pod: dict[str, str],
    injected: bool,  # noqa: FBT001
    revision: str,
    by: str,
) -> None:
    found = decide(ns, pod)

    assert (found.injected, found.revision, found.decided_by) == (injected, revision, by)
    assert found.reason


@pytest.mark.parametrize(
    ("label", "annotation", "injected", "by"),
    [
        (None, "false", False, "pod-annotation"),
        (None, "true", True, "pod-annotation"),
        (None, "no", True, "namespace-label"),
        ("true", "false", True, "pod-label"),
        ("", "false", True, "namespace-label"),
    ],
)
def test_the_label_counts_before_the_old_annotation(
    label: str | None,
    annotation: str,
    injected: bool,  # noqa: FBT001
    by: str,
) -> None:
    pod = {} if label is None else {INJECT: label}
    found = decide({NS: "enabled"}, pod, annotations={INJECT: annotation})

    assert (found.injected, found.decided_by) == (injected, by)


def test_an_annotation_alone_reaches_no_webhook() -> None:
    assert not decide({}, {}, annotations={INJECT: "true"}).injected


def test_pods_on_the_nodes_network_are_never_injected() -> None:
    found = decide({NS: "enabled"}, {INJECT: "true"}, hostNetwork=True)

    assert (found.injected, found.decided_by) == (False, "host-network")


@pytest.mark.parametrize(
    "where", ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]
)
def test_namespaces_of_kubernetes_are_ignored(where: str) -> None:
    found = decide({NS: "enabled"}, {INJECT: "true"}, where=where)

    assert (found.injected, found.decided_by) == (False, "namespace")


def injector(config: str, name: str = "istio-sidecar-injector", values: str = "{}") -> Resource:
    meta = {"name": name, "namespace": "istio-system"}
    return resource(
        {"kind": "ConfigMap", "metadata": meta, "data": {"config": config, "values": values}}
    )


NEVER = "policy: enabled\nneverInjectSelector:\n- matchLabels: {app: cart}"
ALWAYS = "policy: disabled\nalwaysInjectSelector:\n- matchLabels: {app: cart}"


@pytest.mark.parametrize(
    ("config", "pod", "injected", "by"),
    [
        ("policy: enabled", {}, True, "namespace-label"),
        ("policy: disabled", {}, False, "policy"),
        ("policy: disabled", {INJECT: "true"}, True, "pod-label"),
        ("policy: whatever", {}, False, "policy"),
        (NEVER, {}, False, "never-selector"),
        (NEVER, {INJECT: "true"}, True, "pod-label"),
        (ALWAYS, {}, True, "always-selector"),
        (
            f"{ALWAYS}\nneverInjectSelector:\n- matchLabels: {{app: cart}}",
            {},
            False,
            "never-selector",
        ),
        ("policy: enabled\nneverInjectSelector: [{}]", {}, True, "namespace-label"),
        ("policy: enabled\nneverInjectSelector: [{matchLabels: {}}]", {}, True, "namespace-label"),
        (
            "policy: enabled\nneverInjectSelector: [{matchLabels: [app]}]",
            {},
            True,
            "namespace-label",
        ),
        ("policy: [", {}, True, "namespace-label"),
    ],
)
def test_the_injector_has_a_word_in_it(
    config: str,
    pod: dict[str, str],
    injected: bool,  # noqa: FBT001
    by: str,
) -> None:
    found = decide({NS: "enabled"}, pod, injector(config))

    assert (found.injected, found.decided_by) == (injected, by)


def test_each_revision_has_an_injector_of_its_own() -> None:
    off = injector("policy: disabled", "istio-sidecar-injector-1-30")

    assert not decide({REV: "1-30"}, {}, off).injected
    assert decide({NS: "enabled"}, {}, off).injected


def configuration(name: str, labels: dict[str, str], hooks: str) -> Resource:
    return resource(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name, "labels": labels},
            "webhooks": yaml.safe_load(hooks),
        }
    )


TAGGED = configuration(
    "istio-revision-tag-prod",
    {REV: "1-30", "istio.io/tag": "prod"},
    """
    - name: rev.namespace.sidecar-injector.istio.io
      namespaceSelector:
        matchExpressions:
        - {key: istio.io/rev, operator: In, values: [prod]}
        - {key: istio-injection, operator: DoesNotExist}
      objectSelector:
        matchExpressions: [{key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}]
    """,
)
EVERYWHERE = configuration(
    "istio-sidecar-injector",
    {},
    """
    - name: auto.sidecar-injector.istio.io
      namespaceSelector:
        matchExpressions: [{key: istio-injection, operator: DoesNotExist}]
      objectSelector: {}
    """,
)
RETIRED = configuration(
    "istio-sidecar-injector",
    {},
    """
    - name: namespace.sidecar-injector.istio.io
      namespaceSelector: {matchLabels: {istio.io/deactivated: never-match}}
      objectSelector: {matchLabels: {istio.io/deactivated: never-match}}
    """,
)
OTHER = configuration("cert-manager", {}, "[{name: webhook.cert-manager.io}]")


def test_a_tag_is_answered_by_its_revision() -> None:
    found = decide({REV: "prod"}, {}, TAGGED)

    assert (found.injected, found.revision) == (True, "1-30")
    hooks = webhooks(Snapshot([TAGGED]))
    assert (hooks.revision_of("prod"), hooks.revision_of("1-30")) == ("1-30", "1-30")
    assert hooks.revision_of("1-29") is None


def test_webhooks_of_the_source_replace_the_assumed_ones() -> None:
    assert not decide({NS: "enabled"}, {}, TAGGED).injected
    assert not decide({NS: "enabled"}, {}, RETIRED).injected
    assert decide({NS: "enabled"}, {}, OTHER).injected
    assert not webhooks(Snapshot([TAGGED])).assumed
    assert webhooks(Snapshot([OTHER])).assumed


LATER = configuration(
    "istio-sidecar-injector-1-31",
    {REV: "1-31"},
    """
    - name: namespace.sidecar-injector.istio.io
      namespaceSelector: {matchLabels: {istio-injection: enabled}}
    """,
)
FIRST = configuration(
    "istio-revision-tag-default",
    {REV: "1-30", "istio.io/tag": "default"},
    """
    - name: namespace.sidecar-injector.istio.io
      namespaceSelector: {matchLabels: {istio-injection: enabled}}
    """,
)


def test_of_two_configurations_the_later_name_counts_among_those_that_inject() -> None:
    refusing = injector("policy: disabled", "istio-sidecar-injector-1-31")

    assert decide({NS: "enabled"}, {}, LATER, FIRST).revision == "1-31"
    assert decide({NS: "enabled"}, {}, LATER, FIRST, refusing).revision == "1-30"


def test_a_clause_says_where_it_stands() -> None:
    clause = default_clause(webhooks(Snapshot([EVERYWHERE, TAGGED])))

    assert clause is not None
    assert (clause.source, clause.path) == (EVERYWHERE, "webhooks[0]")


def operator(*, on: bool) -> Resource:
    return resource(
        {
            "apiVersion": "install.istio.io/v1alpha1",
            "kind": "IstioOperator",
            "metadata": {"name": "install", "namespace": "istio-system"},
            "spec": {"values": {"sidecarInjectorWebhook": {"enableNamespacesByDefault": on}}},
        }
    )


BY_VALUES = injector(
    "policy: enabled", values='{"sidecarInjectorWebhook": {"enableNamespacesByDefault": true}}'
)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([], False),
        ([EVERYWHERE], True),
        ([TAGGED], False),
        ([EVERYWHERE, injector("policy: disabled")], False),
        ([operator(on=True)], True),
        ([operator(on=False)], False),
        ([BY_VALUES], True),
        ([BY_VALUES, RETIRED], False),
    ],
)
def test_injection_by_default(resources: list[Resource], expected: bool) -> None:  # noqa: FBT001
    assert by_default(webhooks(Snapshot(resources))) is expected


@pytest.mark.parametrize(
    ("ns", "pod", "injected"),
    [
        ({}, {}, True),
        ({}, {INJECT: "false"}, False),
        ({NS: "disabled"}, {}, False),
        ({REV: "default"}, {}, True),
    ],
)
def test_namespaces_without_label_when_injection_is_the_default(
    ns: dict[str, str],
    pod: dict[str, str],
    injected: bool,  # noqa: FBT001
) -> None:
    assert decide(ns, pod, operator(on=True)).injected is injected


def test_nothing_matches_without_clauses() -> None:
    (cart,) = collect(Snapshot([deployment()]))

    assert not predict(Webhooks((), assumed=False), {NS: "enabled"}, cart).injected
