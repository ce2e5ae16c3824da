"""What istiod does and the model once did not: found by holding every moment of plans against it."""

import json

import pytest

from migrator.exposure.calling import Caller
from migrator.exposure.patterns import matches
from migrator.exposure.state import State
from migrator.exposure.verdict import Request, verdicts
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from tests.unit.exposure import lab


@pytest.mark.parametrize(
    ("pattern", "token", "met"),
    [
        ("https://issuer.example/*", "https://issuer.example/", False),
        ("https://issuer.example/*", "https://issuer.example/somebody", True),
        ("*/somebody", "/somebody", False),
        ("*/somebody", "https://issuer.example/somebody", True),
    ],
)
def test_a_lone_star_in_a_request_principal_wants_something_there(pattern, token, met):
    assert matches("token", pattern, token) is met


@pytest.mark.parametrize(
    ("own", "name", "revision"),
    [
        ({}, "orders-v2", "latest"),
        ({"app": "orders", "version": "v2"}, "orders", "v2"),
        ({"app.kubernetes.io/name": "shop-orders", "app": "orders"}, "shop-orders", "latest"),
    ],
)
def test_policies_may_select_by_the_labels_that_injection_adds(own, name, revision):
    template = {"metadata": {"labels": own}, "spec": {"containers": [{"name": "app"}]}}
    space = Resource(
        Ref(*kinds.NAMESPACE, "", "shop"),
        {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}},
    )
    orders = Resource(
        Ref(*kinds.DEPLOYMENT, "shop", "orders-v2"),
        {"metadata": {"name": "orders-v2", "namespace": "shop"}, "spec": {"template": template}},
    )
    mesh = Mesh(Snapshot([space, orders]))
    (pods,) = State(mesh).pods_of(mesh.workloads[0])

    assert dict(pods.labels) == {
        **own,
        "networking.istio.io/tunnel": "http",
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": name,
        "service.istio.io/canonical-revision": revision,
    }


KNOWN = [
    {"name": "grpc", "envoyExtAuthzGrpc": {"service": "a.example", "port": 9000}},
    {"name": "http", "envoyExtAuthzHttp": {"service": "b.example", "port": 8000}},
    {"name": "trace", "zipkin": {"service": "c.example", "port": 9411}},
]


def _answers(*providers, known=KNOWN, port=80, **asked):
    """What a sidecar says of a call under CUSTOM policies for these, `known` being the mesh's own."""
    run = lab.Run()
    run.drop_old()
    for number, name in enumerate(providers):
        rule = {"to": [{"operation": {"paths": ["/asked*"]}}]}
        spec = {"action": "CUSTOM", "provider": {"name": name}, "rules": [rule]}
        run.add(lab.policy(f"ask-{number}", selector=lab.select("orders"), **spec))
    if known is not None:
        run.add(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": json.dumps({"extensionProviders": known})},
            }
        )
    request = Request(Caller.SIDECAR, lab.ORDERS_SERVICE, port, lab.identity("c1"), **asked)
    return {str(verdict.answer) for verdict in verdicts(run.step(), request)}


@pytest.mark.parametrize(
    ("providers", "known", "answer"),
    [
        (["grpc"], KNOWN, "allowed"),
        (["http"], KNOWN, "allowed"),
        (["nobody"], KNOWN, "denied"),
        (["trace"], KNOWN, "denied"),
        (["nobody"], None, "allowed"),  # the mesh configuration is not in the source
        (["grpc", "http"], KNOWN, "denied"),
        (["grpc", "grpc"], KNOWN, "allowed"),
    ],
)
def test_what_no_authorizer_can_be_asked_about_is_denied(providers, known, answer):
    assert _answers(*providers, known=known, path="/asked") == {answer}
    assert _answers(*providers, known=known, path="/other") == {"allowed"}


@pytest.mark.parametrize(("provider", "answer"), [("grpc", "denied"), ("http", "allowed")])
def test_an_authorizer_of_http_is_not_asked_about_plain_connections(provider, answer):
    refused = {"refused_by": frozenset({provider})}

    assert _answers(provider, path="/asked", **refused) == {"denied"}
    assert _answers(provider, http=False, **refused) == {answer}


def test_plain_text_that_ztunnel_takes_and_sidecars_refuse_is_an_opening():
    """A slip of istiod's conversion (`mtls_at_ztunnel`): a port STRICT under the workload's PERMISSIVE."""
    run = lab.Run()
    run.drop_old()
    run.drop("PeerAuthentication/default")
    mesh_wide = lab.policy("default", mtls={"mode": "STRICT"})
    mesh_wide["metadata"]["namespace"] = "istio-system"
    ports = {"8080": {"mode": "STRICT"}}
    own = lab.policy(
        "own", selector=lab.select("orders"), mtls={"mode": "PERMISSIVE"}, portLevelMtls=ports
    )
    run.add(*({**one, "kind": "PeerAuthentication"} for one in (mesh_wide, own)))
    before = run.step()
    run.ambient("orders")
    after = run.step(restarted=[lab.ORDERS])
    plain = Request(Caller.OUTSIDE, lab.ORDERS_SERVICE, 80)

    assert {str(one.answer) for one in verdicts(before, plain)} == {"denied"}
    assert {str(one.answer) for one in verdicts(after, plain)} == {"allowed"}
