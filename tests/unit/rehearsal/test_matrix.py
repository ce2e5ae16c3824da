"""Which calls are worth making: of every fate, from every class of callers."""

import pytest

from migrator.exposure.enforcing import FORGED
from migrator.istio.mesh import Mesh
from migrator.rehearsal.matrix import Ability, matrix
from tests.unit.manifests import snapshot

MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: edge}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template: {metadata: {labels: {app: api}}, spec: {serviceAccountName: api, containers: [{name: a}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: a}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gate, namespace: edge}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  template:
    metadata: {labels: {istio: ingressgateway}}
    spec: {serviceAccountName: gate, containers: [{name: istio-proxy, image: auto}]}
---
apiVersion: v1
kind: Service
metadata: {name: gate, namespace: edge}
spec: {selector: {istio: ingressgateway}, ports: [{name: http, port: 80}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec: {template: {metadata: {labels: {app: once}}, spec: {serviceAccountName: web, containers: [{name: a}]}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/web, cluster.local/ns/gone/sa/nobody]}}]
      to: [{operation: {methods: [GET], paths: [/items/*]}}]
    - from: [{source: {requestPrincipals: ["*"]}}]
    - from: [{source: {ipBlocks: [10.1.0.0/16]}}]
"""


def made(per_class=50, **ability):
    return matrix(Mesh(snapshot(MESH)), Ability(**ability), per_class)


def test_each_class_of_callers_calls_and_jobs_do_not():
    callers = {call.who for call in made().calls}
    assert callers == {
        "a caller outside the mesh", "Deployment/shop/api", "Deployment/shop/web", "Deployment/edge/gate",
    }  # fmt: skip
    assert {call.service.name for call in made().calls} == {"api"}
    assert {c.id for c in made().calls} == {f"c{n}" for n in range(1, len(made().calls) + 1)}


def test_a_caller_outside_has_no_identity():
    (outside, *_) = (c for c in made().calls if c.caller is None)
    assert (outside.principal, outside.kind, outside.number) == ("", "outside", 8080)


def test_requests_differ_in_what_policies_ask_for_and_have_the_services_own_host():
    asked = {(c.values["method"], c.values["path"]) for c in made().calls}
    assert {("GET", "/items/"), ("GET", "/unmatched")} <= asked
    assert all(method.isalpha() and method != "UNMATCHED" for method, _ in asked)
    assert {c.values["host"] for c in made().calls} == {"api.shop.svc.cluster.local"}


@pytest.mark.parametrize(("tokens", "valid"), [(True, True), (False, False)])
def test_valid_tokens_are_sent_where_somebody_can_sign_them(tokens, valid):
    found = made(tokens=tokens)
    sent = {call.values.get("token") for call in found.calls} - {None, FORGED}
    assert bool(sent) is valid
    assert any("valid token" in text for text in found.left_out) is not valid


def test_gateways_make_no_calls_where_nothing_runs_in_them():
    found = made(gateways=False)
    assert "Deployment/edge/gate" not in {call.who for call in found.calls}
    assert "calls that gateways pass on" in found.left_out


def test_what_cannot_be_called_is_said():
    said = " ".join(made().left_out)
    assert "cluster.local/ns/gone/sa/nobody" in said
    assert "addresses that policies name" in said
    assert "through a gateway" in said


def test_a_limit_keeps_calls_of_every_fate():
    """Two of the web's requests: one that is allowed and one that is not."""
    few = [c for c in made(per_class=2).calls if c.caller and c.caller.name == "web"]
    assert len(few) == 2
    assert any("more than 2" in text for text in made(per_class=2).left_out)
    allowed = [c.values["method"] == "GET" and c.values["path"].startswith("/items/") for c in few]
    assert sorted(allowed) == [False, True]
