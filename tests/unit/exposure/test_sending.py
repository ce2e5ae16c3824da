"""How sidecars and gateways send: by the mode of the namespace, of the pods, and of all endpoints."""

import pytest

from migrator.exposure.calling import Caller, Target
from migrator.exposure.facts import Facts
from migrator.exposure.paths import paths
from migrator.exposure.state import State
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.property.meshes import resource, service, workload

SERVER = Ref(*kinds.DEPLOYMENT, "shop", "a")


def peers(**modes):
    """PeerAuthentications of the mesh, the namespace and the workload."""
    where = {"mesh": ("istio-system", {}), "space": ("shop", {}), "own": ("shop", {"app": "a"})}
    for level, mode in modes.items():
        namespace, labels = where[level]
        chosen = {"selector": {"matchLabels": labels}} if labels else {}
        spec = {**chosen, "mtls": {"mode": mode}}
        yield resource(kinds.PEER_AUTHENTICATION, namespace, level, spec=spec)


def sent(caller, modes, *, headless=False, mixed=False, port="http"):
    """What reaches the pods with a sidecar; `mixed`: others behind the Service have none."""
    labels = {"labels": {"istio-injection": "enabled"}}
    front = service("shop", "a", headless=headless, port=port)
    found = [resource(kinds.NAMESPACE, "", "shop", metadata=labels), front, *peers(**modes)]
    found.append(workload(kinds.DEPLOYMENT, "shop", "a", {}))
    if mixed:
        other = workload(kinds.DEPLOYMENT, "shop", "a", {"sidecar.istio.io/inject": "false"})
        found.append(resource(kinds.DEPLOYMENT, "shop", "b", spec=other.spec))
    state = State(Mesh(Snapshot(found)))
    server, leading = state.mesh.workload(SERVER), state.mesh.services.get(front.ref)
    target = Target(leading, None, 80, 8080, http=port == "http")
    (pods,) = state.pods_of(server)
    ways = paths(Facts.of(state), caller, target, server, pods)
    return {"lost" if w.refused else "plain" if w.hops[-1].plaintext else "secured" for w in ways}


ALL = {"headless": True}
MIXED = {"headless": True, "mixed": True}


@pytest.mark.parametrize(
    ("modes", "how", "sidecar", "gateway"),
    [
        pytest.param({}, {}, {"secured"}, {"secured"}, id="nothing is said"),
        pytest.param({"own": "DISABLE"}, {}, {"plain"}, {"plain"}, id="the pods take none"),
        pytest.param(
            {"space": "DISABLE", "own": "STRICT"}, {}, {"plain"}, {"plain"},
            id="the namespace decides for callers, whatever the pods ask for",
        ),
        pytest.param(
            {"mesh": "DISABLE", "own": "PERMISSIVE"}, {}, {"plain"}, {"plain"}, id="so does the mesh"
        ),
        pytest.param(
            {"mesh": "DISABLE", "space": "PERMISSIVE"}, {}, {"secured"}, {"secured"},
            id="the namespace is stronger than the mesh",
        ),
        pytest.param({"space": "STRICT"}, ALL, {"secured"}, {"secured"}, id="headless"),
        pytest.param(
            {"own": "DISABLE"}, ALL, {"lost"}, {"plain"},
            id="to a headless Service a sidecar sends the same to all, gateways know each endpoint",
        ),
        pytest.param({"space": "DISABLE"}, ALL, {"plain"}, {"plain"}, id="headless, none at all"),
        pytest.param(
            {}, {**MIXED, "port": "tcp"}, {"plain"}, {"plain"}, id="one without decides for all"
        ),
        pytest.param(
            {}, MIXED, {"plain", "secured"}, {"plain"}, id="running sidecars are not told of it"
        ),
        pytest.param(
            {"own": "DISABLE"}, MIXED, {"plain", "lost"}, {"plain"},
            id="those that are not told are not understood",
        ),
        pytest.param(
            {"space": "DISABLE"}, MIXED, {"plain"}, {"plain"}, id="nobody ever sent another thing"
        ),
    ],
)  # fmt: skip
def test_who_sends_mutual_tls(modes, how, sidecar, gateway):
    assert sent(Caller.SIDECAR, modes, **how) == sidecar
    assert sent(Caller.GATEWAY, modes, **how) == gateway
