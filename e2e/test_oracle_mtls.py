"""PeerAuthentication at every level, held against the filter chains of sidecars and ztunnel's policies.

Real: the API server, injection, istiod, and what istiod answers to the sidecars and to ztunnel.
Simulated: the proxies, which do not run; whether a connection is refused is read off their configuration.
"""

import json
import time

import pytest

from migrator.adapters.files import read_sources
from migrator.istio.mesh import Mesh

from .generated_mtls import (
    ASKED,
    COMBINATIONS,
    MODES,
    NAMESPACES,
    PORTS,
    objects,
    peer_authentication,
    pod,
)
from .meshes import eventually
from .oracle import Oracle
from .oracle_envoy import inbound, mode
from .oracle_mtls import Written, converted, refuses_plaintext
from .oracle_ztunnel import authorizations, workloads

MARKER = "mtls-marker"
ROOT = "istio-system"
REFUSES_MORE = "DISABLE at a port, under STRICT that is inherited"
ACCEPTS_MORE = "a port's mode under the mesh's STRICT"


class Cluster:
    """The combinations on the control plane, under a mesh-wide mode that tests set."""

    def __init__(self, plane, oracle, folder):
        self.plane, self.oracle, self.folder = plane, oracle, folder
        self.markers = 0
        self.mode = self.mode_when_written = ""
        spec = {"mtls": {"mode": "PERMISSIVE"}}
        space = {"name": MARKER, "labels": {"istio-injection": "enabled"}}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": space}
        self.apply(namespace, peer_authentication(MARKER, "all", spec), *objects())
        self.apply(pod(MARKER, "marker"))
        self.pods = eventually(self._running, 60)
        (folder / "pods.json").write_text(json.dumps({"kind": "List", "items": self.pods}))
        self.by_name = {(p["metadata"]["namespace"], p["metadata"]["name"]): p for p in self.pods}

    def apply(self, *items):
        bulk = {"apiVersion": "v1", "kind": "List", "items": list(items)}
        self.plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(bulk))

    def set_mesh(self, mesh_mode):
        self.mode = mesh_mode
        if mesh_mode:
            self.apply(peer_authentication(ROOT, "all", {"mtls": {"mode": mesh_mode}}))
        else:
            self.plane.kubectl("delete", "peerauthentication", "-n", ROOT, "--all")
        self.settle()

    def write_again(self):
        """Every policy is touched, so that istiod converts it under the mesh's mode of now."""
        self.mode_when_written = self.mode
        self.plane.kubectl(
            "annotate", "peerauthentication", "-A", "--all", "--overwrite", f"e2e/under={self.mode}"
        )
        self.settle()

    def settle(self):
        """Until istiod tells both kinds of proxy what was written last, and says the same twice."""
        self.markers += 1
        port = 20000 + self.markers
        spec = {
            "selector": {"matchLabels": {"combination": "marker"}},
            "mtls": {"mode": "PERMISSIVE"},
            "portLevelMtls": {str(port): {"mode": "STRICT"}},
        }
        self.apply(peer_authentication(MARKER, "marker", spec))
        marker = self.by_name[MARKER, "marker"]
        name = f"{MARKER}/converted_peer_authentication_marker"

        def seen():
            told = authorizations(self.oracle.ztunnel()).get(name)
            ports = {v for c in told.conditions for v in c.values} if told else set()
            chains = inbound(self.oracle.envoy(marker))
            return str(port) in ports and any(chain.port == port for chain in chains)

        assert eventually(seen, 30)

        def same():
            before = self.oracle.ztunnel()
            time.sleep(0.5)
            return before == self.oracle.ztunnel()

        assert eventually(same, 30)

    def mesh(self):
        """The cluster as the product reads a dump of it."""
        policies = self.plane.kubectl("get", "peerauthentications", "-A", "-o", "json")
        (self.folder / "policies.json").write_text(policies)
        return Mesh(read_sources([str(self.folder)]).snapshot)

    def _running(self):
        spaces = (*NAMESPACES, MARKER)
        pods = [p for name in spaces for p in self.plane.get("pods", "-n", name)["items"]]
        ready = [p for p in pods if p.get("status", {}).get("podIP")]
        return ready if len(ready) == len(COMBINATIONS) + 1 else None


@pytest.fixture(scope="module")
def cluster(plane, tmp_path_factory):
    try:
        with Oracle(plane) as oracle:
            yield Cluster(plane, oracle, tmp_path_factory.mktemp("mtls"))
    finally:
        plane.kubectl("delete", "peerauthentication", "-n", ROOT, "--all")
        plane.kubectl("delete", "namespace", *NAMESPACES, MARKER, "--wait=false")


@pytest.mark.parametrize("mesh_mode", MODES)
def test_what_is_accepted_under_a_mesh_wide_mode(cluster, mesh_mode):
    """Every port of every pod, at ztunnel; at the sidecars of those that inherit, of all under two modes."""
    cluster.set_mesh(mesh_mode)
    mesh = cluster.mesh()
    asked = 0
    for workload, one in _combinations(mesh):
        if mesh_mode in {"", "STRICT"} or one.namespace_mode in MODES[:2]:
            answer = cluster.oracle.envoy(cluster.by_name[one.namespace, one.name])
            said = {port: mesh.mtls(workload).at(port) for port in ASKED}
            asked += 1

            assert {port: mode(answer, port) for port in ASKED} == said, (mesh_mode, one)

    assert asked >= 2 * len(COMBINATIONS) // len(MODES)
    _hold_against_ztunnel(cluster, mesh)


@pytest.mark.parametrize("mesh_mode", ["STRICT", "PERMISSIVE"])
def test_what_ztunnel_accepts_once_all_policies_are_written_again(cluster, mesh_mode):
    """The conversion of a policy counts the mesh's mode of when it was written, not that of now."""
    cluster.set_mesh(mesh_mode)
    cluster.write_again()
    _hold_against_ztunnel(cluster, cluster.mesh())


def _hold_against_ztunnel(cluster, mesh):
    """Where ztunnel accepts something else than the model, and so than a sidecar, `_known` says why."""
    answer = cluster.oracle.ztunnel()
    told, pods = authorizations(answer), workloads(answer)
    for workload, one in _combinations(mesh):
        written = Written(cluster.mode, one.namespace_mode, one.mode, PORTS[one.ports])
        for port in ASKED:
            refused = refuses_plaintext(pods[f"{one.namespace}/{one.name}"], told, port)
            said = mesh.mtls(workload).at(port) == "STRICT"

            assert refused == converted(written, cluster.mode_when_written, port), one
            if refused != said:
                assert _known(written) == (ACCEPTS_MORE if said else REFUSES_MORE), (one, port)


def _known(written):
    """Which of Istio's slips explains that ztunnel differs from a sidecar; None: it does not differ."""
    modes = set(written.ports.values())
    by_mesh = written.mesh == "STRICT" and written.namespace in MODES[:2]
    if by_mesh and written.workload == "UNSET" and "PERMISSIVE" in modes:
        return ACCEPTS_MORE
    if by_mesh and written.workload in {"PERMISSIVE", "DISABLE"} and "STRICT" in modes:
        return ACCEPTS_MORE
    strict = by_mesh or written.namespace == "STRICT"
    if strict and written.workload == "UNSET" and "DISABLE" in modes:
        return REFUSES_MORE
    return None


def _combinations(mesh):
    named = {(c.namespace, c.name): c for c in COMBINATIONS}
    found = [(w, named[key]) for w in mesh.workloads if (key := (w.namespace, w.name)) in named]
    assert len(found) == len(COMBINATIONS)
    return found
