"""How sidecars and gateways send to each pod, by what DestinationRules say, held against istiod.

Real: the API server, injection, istiod, and what it answers to callers: clusters and their endpoints.
Simulated: the callers, which do not run, Envoy's choice among transport sockets, and istio-cni.
"""

import json
from collections import Counter

import pytest
import yaml

from migrator.adapters.files import read_sources
from migrator.exposure.calling import Caller, Sending, Target
from migrator.exposure.facts import Facts, is_http
from migrator.exposure.sending import Sent, sent
from migrator.exposure.state import State
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode

from .cni_standin import ambient_plane
from .generated_client_tls import CLIENT, HIDING, NAMESPACES, SERVED, objects
from .meshes import eventually
from .oracle import CLUSTER, ENDPOINTS, Oracle, caller_node

ELSEWHERE = "elsewhere"
CALLERS = [
    (role, namespace)
    for role in ("sidecar", "router")
    for namespace in (ELSEWHERE, CLIENT, SERVED, HIDING)
]
KINDS = {"sidecar": Caller.SIDECAR, "router": Caller.GATEWAY}
MATCH = "envoy.transport_socket_match"
NAMES = {"hbone": "hbone", "tlsMode-istio": "mtls", "tlsMode-disabled": "plain", "user": "tls"}
READ = "namespaces,services,pods,destinationrules.networking.istio.io,peerauthentications"


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ambient_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="module")
def served(plane):
    """Everything is there, and every pod runs as what it is to be."""
    found = objects()
    for group in (found[: len(NAMESPACES)], found[len(NAMESPACES) :]):
        bulk = {"apiVersion": "v1", "kind": "List", "items": group}
        plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(bulk))
    wanted = Counter(o["kind"] for o in found)["Pod"]
    assert eventually(lambda: len(_running(plane)) == wanted, 60)
    with Oracle(plane) as oracle:
        yield oracle


def _running(plane):
    pods = [p for name in NAMESPACES for p in plane.get("pods", "-n", name)["items"]]
    ready = [p for p in pods if p.get("status", {}).get("podIP")]
    redirected = [p for p in ready if p["metadata"]["name"] != "ambient" or _is_enrolled(p)]
    return {p["status"]["podIP"]: p for p in redirected}


def _is_enrolled(pod):
    notes = pod["metadata"].get("annotations") or {}
    return notes.get("ambient.istio.io/redirection") == "enabled"


@pytest.mark.parametrize("automatic", [True, False])
def test_what_callers_send_to_each_pod(plane, served, tmp_path, automatic):
    _set_automatic(plane, automatic)
    for number, group in enumerate(READ.split(",")):
        (tmp_path / f"{number}.json").write_text(plane.kubectl("get", group, "-A", "-o", "json"))
    config = plane.get("configmap", "istio", "-n", "istio-system")
    (tmp_path / "mesh.json").write_text(json.dumps(config))
    model = Model(Mesh(read_sources([str(tmp_path)]).snapshot))
    pods = _running(plane)

    eventually(lambda: not _differences(served, model, pods), 30)
    found = _differences(served, model, pods)

    assert not found, "\n".join(sorted(found)[:20])
    assert model.said["unsure"] > 0
    assert {sent.name for sent in Sent} <= {*model.said}


def _differences(oracle, model, pods):
    model.said.clear()
    found = []
    for role, namespace in CALLERS:
        told = oracle.ask(caller_node(role, namespace), (CLUSTER,), endpoints=True)
        found += _differing(model, (role, namespace), told, pods)
    return found


def _differing(model, caller, told, pods):
    for target, pod, said in model.says(*caller):
        name = f"outbound|{target.port}||{target.service.host}"
        does = _sends(told, name, pod, pods)
        if does is not None and does not in said:
            yield f"{caller} to {name} at {pod}: istiod {does}, the model {said}"


def _sends(told, name, pod, pods):
    """What the caller's proxy sends to the pod; None where it does not know it as an endpoint."""
    cluster = told[CLUSTER].get(name)
    if cluster is None:
        return "no cluster"
    if cluster["type"] == "ORIGINAL_DST":
        return _by(cluster.get("transportSocket"))
    for endpoint in _endpoints(told[ENDPOINTS].get(name, {})):
        if pods.get(_address(endpoint), {}).get("metadata", {}).get("name") == pod:
            return _chosen(cluster, endpoint)
    return "no endpoint"


def _endpoints(load):
    return [e for group in load.get("endpoints", ()) for e in group.get("lbEndpoints", ())]


def _address(endpoint):
    address = endpoint["endpoint"]["address"]
    if "socketAddress" in address:
        return address["socketAddress"]["address"]
    return address["envoyInternalAddress"]["endpointId"].rpartition(":")[0]


def _chosen(cluster, endpoint):
    """The first of the cluster's sockets that the endpoint's metadata matches, as Envoy takes it."""
    known = endpoint.get("metadata", {}).get("filterMetadata", {}).get(MATCH, {})
    for one in cluster.get("transportSocketMatches", ()):
        if (one.get("match") or {}).items() <= known.items():
            return NAMES[one["name"]]
    return _by(cluster.get("transportSocket"))


def _by(socket):
    """Mutual TLS of the mesh has the proxy's own certificate, which is called `default`."""
    context = (socket or {}).get("typedConfig", {}).get("commonTlsContext")
    if context is None:
        return "plain"
    own = [one["name"] for one in context.get("tlsCertificateSdsSecretConfigs", ())]
    return "mtls" if own == ["default"] else "tls"


class Model:
    """What the product says, for every caller, target and pod."""

    def __init__(self, mesh):
        self.state = State(mesh)
        self.facts = Facts.of(self.state)
        self.said = Counter()

    def says(self, role, namespace):
        """(target, pod, what may be sent): nothing of what it says that it does not know."""
        for service in self.state.mesh.services.all:
            if service.namespace not in NAMESPACES:
                continue
            home = namespace if namespace in self.facts.client_side.homes(service) else ""
            sending = Sending(KINDS[role], home)
            for port in service.ports:
                target = Target(
                    service, None, port.number, port.target or port.number, is_http(port.protocol)
                )
                if self.facts.client_side.unsure(sending, target):
                    self.said["unsure"] += 1
                    continue
                for workload, pods in self.state.servers(service):
                    server = self.facts.server(workload, pods)
                    ways = list(sent(self.facts, sending, target, pods.mode, server))
                    self.said.update(one.name for one in ways)
                    # of two ways the first is that of a proxy that begins now
                    yield target, workload.name, _as_told(ways[0], pods.mode, target, sending, self)


def _as_told(how, mode, target, sending, model):
    """The sockets with which istiod has that sent."""
    if how is Sent.LOST:
        return {"mtls"}
    if how is Sent.SECURED:
        return {"hbone"} if mode is Mode.AMBIENT else {"mtls"}
    own = model.facts.client_side.tls(sending, target).originates
    return {"tls"} if own else {"plain"}


def _set_automatic(plane, automatic):
    mesh = yaml.safe_load(plane.get("configmap", "istio", "-n", "istio-system")["data"]["mesh"])
    mesh["enableAutoMtls"] = automatic
    patch = json.dumps({"data": {"mesh": yaml.safe_dump(mesh)}})
    plane.kubectl("patch", "configmap", "istio", "-n", "istio-system", "--type=merge", "-p", patch)
