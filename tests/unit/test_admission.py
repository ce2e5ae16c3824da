"""Which admission policies stand in the migration's way."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.pods.admission import hurdles, namespaces_of
from migrator.model.resource import GroupKind, Ref, Resource

KYVERNO, VAP = kinds.KYVERNO_CLUSTER_POLICY, kinds.VALIDATING_ADMISSION_POLICY
LABELLED = {"pattern": {"metadata": {"labels": {"istio-injection": "enabled"}}}}


def policy(kind: GroupKind, spec: Any, namespace: str = "") -> Resource:
    return Resource(Ref(*kind, namespace, "p"), {"spec": spec})


def rule(part: str = "validate", body: Any = LABELLED, **more: Any) -> dict[str, Any]:
    return {"rules": [{part: body}], **more}


@pytest.mark.parametrize(
    ("kind", "spec", "found"),
    [
        (KYVERNO, rule(validationFailureAction="Enforce"), [("istio-injection", True, True)]),
        (KYVERNO, rule(validationFailureAction="enforce"), [("istio-injection", True, True)]),
        (KYVERNO, rule(), [("istio-injection", False, True)]),
        (
            KYVERNO,
            rule(body={**LABELLED, "failureAction": "Enforce"}),
            [("istio-injection", True, True)],
        ),
        (KYVERNO, rule("mutate"), [("istio-injection", True, True)]),
        (KYVERNO, rule("generate"), []),
        (KYVERNO, rule(body={"pattern": {"name": "!istio-proxy"}}), []),
        (KYVERNO, rule(body={"deny": "c.name != 'istio-proxy'"}), []),
        (KYVERNO, {"rules": "none", "validationFailureAction": 3}, []),
        (
            VAP,
            {"validations": [{"expression": "c.name == 'istio-proxy'"}]},
            [("istio-proxy", True, False)],
        ),
        (VAP, {"validations": [{"expression": 'c.name != "istio-proxy"'}, {}, None]}, []),
    ],
)
def test_hurdles(kind: GroupKind, spec: Any, found: list[tuple[str, bool, bool]]) -> None:
    seen = [(",".join(h.marks), h.enforced, h.on_labels) for h in hurdles(policy(kind, spec))]

    assert seen == found


@pytest.mark.parametrize(
    ("match", "concerned"),
    [
        ({}, ("bank", "shop")),
        ({"resources": {"namespaces": ["shop"]}}, ("shop",)),
        ({"any": [{"resources": {"namespaces": ["sh*"]}}]}, ("shop",)),
        ({"any": [{"resources": {"namespaces": ["shop"]}}, {"resources": {}}]}, ("bank", "shop")),
        ({"all": [{"resources": {"namespaces": ["legacy"]}}]}, ()),
        ("broken", ("bank", "shop")),
    ],
)
def test_namespaces(match: Any, concerned: tuple[str, ...]) -> None:
    made = policy(KYVERNO, {"rules": [{"match": match, "validate": LABELLED}]})
    (hurdle,) = hurdles(made)

    assert namespaces_of(made, hurdle, ("bank", "shop")) == concerned


def test_a_policy_of_a_namespace_concerns_no_other() -> None:
    made = policy(kinds.KYVERNO_POLICY, rule(), "shop")
    (hurdle,) = hurdles(made)

    assert namespaces_of(made, hurdle, ("bank", "shop")) == ("shop",)
