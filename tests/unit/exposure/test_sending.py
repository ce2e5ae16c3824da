"""How sidecars and gateways send: by the mode of the namespace, of the pods, and of all endpoints."""

import json

import pytest

from migrator.exposure.calling import Caller, Sending, Target
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


def sent(caller, modes, *, headless=False, mixed=False, port="http", **more):
    """What reaches the pods with a sidecar, or of another mode (`server`).

    `mixed`: others behind the Service have no sidecar. `rule`: the traffic policy of a DestinationRule.
    `mesh`: settings of the mesh.
    """
    labels = {"labels": {"istio-injection": "enabled"}}
    front = service("shop", "a", headless=headless, port=port)
    found = [resource(kinds.NAMESPACE, "", "shop", metadata=labels), front, *peers(**modes)]
    found.append(workload(kinds.DEPLOYMENT, "shop", "a", more.get("server") or {}))
    if "rule" in more:
        spec = {"host": "a", "trafficPolicy": more["rule"]}
        found.append(resource(kinds.DESTINATION_RULE, "shop", "a", spec=spec))
    if "mesh" in more:
        data = {"mesh": json.dumps(more["mesh"])}
        found.append(resource(kinds.CONFIG_MAP, "istio-system", "istio", data=data))
    if mixed:
        other = workload(kinds.DEPLOYMENT, "shop", "a", {"sidecar.istio.io/inject": "false"})
        found.append(resource(kinds.DEPLOYMENT, "shop", "b", spec=other.spec))
    state = State(Mesh(Snapshot(found)))
    server, leading = state.mesh.workload(SERVER), state.mesh.services.get(front.ref)
    target = Target(leading, None, 80, 8080, http=port == "http")
    (pods,) = state.pods_of(server)
    ways = paths(Facts.of(state), Sending(caller), target, server, pods)
    return {_said(way) for way in ways}


def _said(way):
    if way.unknown or way.refused:
        return "unknown" if way.unknown else "lost"
    if not way.hops:
        return "nobody"
    return "plain" if way.hops[-1].plaintext else "secured"


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


AMBIENT = {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "ambient"}
NONE = {"sidecar.istio.io/inject": "false"}


def tls(mode):
    return {"tls": {"mode": mode}}


def at_port(policy, number=80):
    return {"portLevelSettings": [{"port": {"number": number}, **policy}]}


@pytest.mark.parametrize(
    ("rule", "how", "sidecar", "gateway"),
    [
        pytest.param(tls("DISABLE"), {}, "plain", "plain", id="plain text is asked for"),
        pytest.param({"tls": {}}, {}, "plain", "plain", id="no mode is DISABLE"),
        pytest.param(
            tls("DISABLE"), {"server": AMBIENT}, "secured", "secured",
            id="HBONE is sent to whoever takes it",
        ),
        pytest.param(
            tls("DISABLE"), {"server": AMBIENT, "headless": True}, "plain", "secured",
            id="but not by sidecars to a headless Service",
        ),
        pytest.param(tls("ISTIO_MUTUAL"), {}, "secured", "secured", id="mutual TLS is asked for"),
        pytest.param(
            tls("ISTIO_MUTUAL"), {"modes": {"own": "DISABLE"}}, "lost", "lost",
            id="it is sent to pods that take none",
        ),
        pytest.param(
            tls("ISTIO_MUTUAL"), {"modes": {"space": "DISABLE", "own": "STRICT"}},
            "secured", "secured", id="whatever the namespace says",
        ),
        pytest.param(
            tls("ISTIO_MUTUAL"), {"headless": True, "server": AMBIENT}, "lost", "secured",
            id="by sidecars to all of a headless Service, ambient pods too",
        ),
        pytest.param(
            tls("ISTIO_MUTUAL"), {"server": NONE}, "nobody", "nobody",
            id="where nobody enforces nobody refuses",
        ),
        pytest.param(at_port(tls("DISABLE")), {}, "plain", "plain", id="of the port"),
        pytest.param(at_port(tls("DISABLE"), 81), {}, "secured", "secured", id="of another port"),
        pytest.param(
            {**tls("ISTIO_MUTUAL"), **at_port({"connectionPool": {}})},
            {"modes": {"own": "DISABLE"}}, "lost", "lost",
            id="a port without TLS of its own leaves it to Istio, each endpoint falls back",
        ),
        pytest.param(
            {**tls("DISABLE"), **at_port({"connectionPool": {}})}, {}, "plain", "plain",
            id="the same for plain text",
        ),
        pytest.param(tls("SIMPLE"), {}, "unknown", "unknown", id="TLS of their own to HTTP"),
        pytest.param(
            tls("SIMPLE"), {"port": "tcp"}, "plain", "plain", id="TLS of their own has no identity"
        ),
        pytest.param(
            tls("MUTUAL"), {"port": "tcp"}, "unknown", "unknown", id="unless it is mutual"
        ),
        pytest.param(
            {"loadBalancer": {"simple": "PASSTHROUGH"}}, {}, "unknown", "unknown",
            id="endpoints that the caller chooses",
        ),
        pytest.param({"connectionPool": {}}, {}, "secured", "secured", id="a rule about other things"),
        pytest.param(
            tls("ISTIO_MUTUAL"), {"mesh": {"enableAutoMtls": False}}, "secured", "secured",
            id="nothing is automatic, but asked for",
        ),
        pytest.param(
            {"connectionPool": {}}, {"mesh": {"enableAutoMtls": False}}, "plain", "plain",
            id="nothing is automatic",
        ),
    ],
)  # fmt: skip
def test_what_a_destination_rule_makes_of_it(rule, how, sidecar, gateway):
    asked = {**how, "modes": how.get("modes", {}), "rule": rule}
    assert sent(Caller.SIDECAR, **asked) == {sidecar}
    assert sent(Caller.GATEWAY, **asked) == {gateway}
    assert sent(Caller.OUTSIDE, **asked) == {"nobody" if sidecar == "nobody" else "plain"}
