"""Which policies act where, held against sidecars, ztunnel and a waypoint.

Real: the API server, injection, istiod with its waypoint, and what istiod answers to each proxy.
Simulated: the proxies, which do not run.
"""

import json
import time

import pytest

from migrator.adapters.files import read_sources
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref

from .meshes import eventually
from .oracle import Oracle, OracleError
from .oracle_enforced import enforced

OLD, NEW, ROOT = "attach-sidecar", "attach-ambient", "istio-system"
KINDS = (
    "namespaces,pods,services,serviceentries,authorizationpolicies,requestauthentications,"
    "wasmplugins,gateways.gateway.networking.k8s.io"
)
HOSTS = [f"{name}.{NEW}.svc.cluster.local" for name in ("a", "b")]
EXTERNAL = "api.partner.example"


def _object(version, kind, namespace, name, **rest):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    metadata |= {"labels": rest.pop("labels")} if "labels" in rest else {}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _target(kind, name, group=""):
    return {"targetRefs": [{"group": group, "kind": kind, "name": name}]}


def _apps(namespace, labels):
    """A namespace with two Services, each with its pod."""
    yield _object("v1", "Namespace", "", namespace, labels=labels)
    for name in ("a", "b"):
        app = {"app": name}
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        yield _object("v1", "Service", namespace, name, spec={"selector": app, "ports": ports})
        containers = [{"name": "app", "image": "app"}]
        yield _object("v1", "Pod", namespace, name, labels=app, spec={"containers": containers})


SHAPES = {
    "selected": (OLD, {"selector": {"matchLabels": {"app": "a"}}}),
    "nobody": (OLD, {"selector": {"matchLabels": {"app": "nobody"}}}),
    "everyone": (OLD, {}),
    "empty-selector": (OLD, {"selector": {}}),
    "on-service": (OLD, _target("Service", "a")),
    "mesh": (ROOT, {}),
    "mesh-selected": (ROOT, {"selector": {"matchLabels": {"app": "b"}}}),
    "class": (ROOT, _target("GatewayClass", "istio-waypoint", "gateway.networking.k8s.io")),
    "class-elsewhere": (
        NEW,
        _target("GatewayClass", "istio-waypoint", "gateway.networking.k8s.io"),
    ),
    "ambient-selected": (NEW, {"selector": {"matchLabels": {"app": "a"}}}),
    "ambient-everyone": (NEW, {}),
    "ambient-service": (NEW, _target("Service", "a")),
    "ambient-core-service": (NEW, _target("Service", "a", "core")),
    "ambient-gateway": (NEW, _target("Gateway", "waypoint", "gateway.networking.k8s.io")),
    "ambient-other-gateway": (NEW, _target("Gateway", "other", "gateway.networking.k8s.io")),
    "ambient-external": (NEW, _target("ServiceEntry", "partner", "networking.istio.io")),
    "ambient-external-wrong": (NEW, _target("Service", "partner")),
    "gateway-from-afar": (OLD, _target("Gateway", "waypoint", "gateway.networking.k8s.io")),
}
"""How a policy is attached; one of every kind is made of each."""


def _policies():
    for name, (namespace, where) in SHAPES.items():
        rules = [{"from": [{"source": {"principals": [f"cluster.local/ns/x/sa/{name}"]}}]}]
        for action in ("ALLOW", "DENY", "AUDIT"):
            spec = {**where, "action": action, "rules": rules}
            kind = "AuthorizationPolicy"
            yield _object(
                "security.istio.io/v1", kind, namespace, f"{name}-{action.lower()}", spec=spec
            )
        jwt = {**where, "jwtRules": [{"issuer": f"{namespace}/{name}", "jwks": _KEYS}]}
        yield _object("security.istio.io/v1", "RequestAuthentication", namespace, name, spec=jwt)
        wasm = {**where, "url": "oci://registry.example/plugin:1"}
        yield _object("extensions.istio.io/v1alpha1", "WasmPlugin", namespace, name, spec=wasm)


_KEYS = json.dumps({"keys": [{"kty": "oct", "kid": "one", "k": "bm90LWEtc2VjcmV0"}]})


def _objects():
    yield from _apps(OLD, {"istio-injection": "enabled"})
    yield from _apps(
        NEW, {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
    )
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    for name in ("waypoint", "other"):
        spec = {"gatewayClassName": "istio-waypoint", "listeners": listeners}
        yield _object("gateway.networking.k8s.io/v1", "Gateway", NEW, name, spec=spec)
    entry = {
        "hosts": [EXTERNAL],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
    }
    yield _object("networking.istio.io/v1", "ServiceEntry", NEW, "partner", spec=entry)
    yield from _policies()


@pytest.fixture(scope="module")
def seen(plane, tmp_path_factory):
    """What the product reads of the cluster, and what istiod tells every proxy of it."""
    file = tmp_path_factory.mktemp("attachment") / "cluster.json"
    items = {"apiVersion": "v1", "kind": "List", "items": list(_objects())}
    try:
        plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(items))
        with Oracle(plane) as oracle:
            assert eventually(lambda: _told_all(plane, oracle), 60)
            state = eventually(lambda: _settled(plane, oracle), 30)
        file.write_text(plane.kubectl("get", KINDS, "-A", "-o", "json"))
        yield Mesh(read_sources([str(file)]).snapshot), state
    finally:
        plane.kubectl("delete", "namespace", OLD, NEW, "--wait=false")
        for kind in ("authorizationpolicies", "requestauthentications", "wasmplugins"):
            plane.kubectl("delete", kind, "-n", ROOT, "--all")


def _told_all(plane, oracle):
    """Every kind has come to a sidecar and, of the last namespace written, to the waypoint."""
    try:
        state = enforced(plane, oracle, (OLD, NEW))
    except (OracleError, KeyError):  # a pod has no address yet
        return False
    sidecar = [c for e in state.workloads.get(f"{OLD}/a", ()) for c in e.sidecar]
    waypoint = [c for host in HOSTS for c in state.services.get(f"{NEW}/{host}", ())]
    return all(
        any(chain.rules for chain in chains)
        and any(chain.issuers for chain in chains)
        and any(chain.extensions for chain in chains)
        for chains in (sidecar, waypoint)
    ) and any(state.services.get(f"{NEW}/{EXTERNAL}", ()))


def _settled(plane, oracle):
    before = enforced(plane, oracle, (OLD, NEW))
    time.sleep(1)
    return before if enforced(plane, oracle, (OLD, NEW)) == before else None


def _names(policies):
    return {f"{policy.namespace}/{policy.name}" for policy in policies}


def _by_chains(chains):
    """What the HTTP chains enforce, by kind of policy."""
    http = [chain for chain in chains if chain.http]
    assert http
    return {
        kinds.AUTHORIZATION_POLICY: {rule.policy for c in http for rule in c.rules},
        kinds.REQUEST_AUTHENTICATION: {issuer for c in http for issuer in c.issuers},
        kinds.WASM_PLUGIN: {name for c in http for name in c.extensions},
    }


@pytest.mark.parametrize("name", ["a", "b"])
def test_sidecars_enforce_what_the_model_attaches(seen, name):
    """By selector, namespace and root namespace; never by target."""
    mesh, state = seen
    workload = next(w for w in mesh.workloads if (w.namespace, w.name) == (OLD, name))
    (one,) = state.workloads[f"{OLD}/{name}"]
    for kind, found in _by_chains(one.sidecar).items():
        assert found == _names(mesh.attachments.on_workload(kind, workload)), kind


@pytest.mark.parametrize("key", [(OLD, "a"), (OLD, "b"), (NEW, "a"), (NEW, "b")])
def test_ztunnel_is_told_what_the_model_attaches(seen, key):
    """The ALLOW and DENY policies, but those that `evaluate` says are not sent or not bound."""
    mesh, state = seen
    workload = next(w for w in mesh.workloads if (w.namespace, w.name) == key)
    (one,) = state.workloads["/".join(key)]
    attached = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    expected = [policy for policy in attached if mesh.effect(policy).effect == "faithful"]

    assert {policy.name for policy in one.ztunnel} == _names(expected)
    assert not {policy.spec["action"] for policy in expected} & {"AUDIT"}


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_waypoint_enforces_what_the_model_attaches(seen, name):
    """By target: the Service, its Gateway, the GatewayClass from the root namespace; nothing else."""
    mesh, state = seen
    service = mesh.services.get(Ref(*kinds.SERVICE, NEW, name))
    chains = state.services[f"{NEW}/{name}.{NEW}.svc.cluster.local"]
    for kind, found in _by_chains(chains).items():
        assert found == _names(mesh.attachments.on_service(kind, service)), kind


def test_a_service_entry_is_a_target_of_its_own_kind(seen):
    """What reaches it, and what only names it as a Service and so reaches nothing."""
    _, state = seen
    chains = state.services[f"{NEW}/{EXTERNAL}"]
    expected = {"ambient-external", "ambient-gateway"}
    for kind, found in _by_chains(chains).items():
        names = {name.partition("/")[2] for name in found}
        if kind == kinds.AUTHORIZATION_POLICY:
            names = {name.rpartition("-")[0] for name in names}

        assert names == expected | {"class"}, kind


def test_the_state_is_the_same_when_asked_twice(plane, seen):
    """The normal form holds nothing that changes by itself."""
    _, state = seen
    with Oracle(plane) as oracle:
        assert enforced(plane, oracle, (OLD, NEW)) == state
