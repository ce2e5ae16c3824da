"""Policies that the migration writes: the action is kept, ports are mapped, nothing becomes wider."""

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref, Resource
from migrator.translate import authorization_policy as authz
from migrator.translate import network_policy, request_authentication, target_refs, waypoint
from migrator.translate.manifest import fresh_name
from migrator.translate.policy_ports import map_rule

WAYPOINT = "cluster.local/ns/shop/sa/waypoint"


def policy(spec, kind=kinds.AUTHORIZATION_POLICY, **meta):
    metadata = {"name": "p", "namespace": "shop", **meta}
    return Resource(Ref(*kind, "shop", "p"), {"metadata": metadata, "spec": spec})


def test_a_deny_stays_a_deny():
    """Losing `action` would turn a DENY into an ALLOW."""
    rules = [{"to": [{"operation": {"methods": ["DELETE"]}}]}]
    (copy,) = authz.copies_for_services(
        policy({"selector": {"matchLabels": {"app": "cart"}}, "action": "DENY", "rules": rules}),
        {"cart": {"8080": ("80",)}},
        "shop",
    )

    assert copy["spec"] == {
        "targetRefs": [{"group": "", "kind": "Service", "name": "cart"}],
        "action": "DENY",
        "rules": rules,
    }
    assert copy["metadata"]["name"] == "p-waypoint"


def test_services_with_other_ports_get_other_copies():
    """A waypoint compares the port of the Service, a sidecar that of the workload."""
    spec = {"rules": [{"to": [{"operation": {"ports": ["8080"], "methods": ["GET"]}}]}]}
    copies = authz.copies_for_services(
        policy(spec),
        {"a": {"8080": ("80",)}, "b": {"8080": ("81",)}, "c": {"8080": ("80",)}},
        "shop",
    )

    found = {
        tuple(ref["name"] for ref in c["spec"]["targetRefs"]): c["spec"]["rules"][0]["to"][0][
            "operation"
        ]
        for c in copies
    }
    assert found == {
        ("a", "c"): {"ports": ["80"], "methods": ["GET"]},
        ("b",): {"ports": ["81"], "methods": ["GET"]},
    }


def test_at_most_sixteen_targets():
    """The API refuses more target references in one policy."""
    services = {f"s{i:02}": {} for i in range(18)}
    copies = authz.copies_for_services(policy({"rules": [{}]}), services, "shop")

    assert [len(c["spec"]["targetRefs"]) for c in copies] == [16, 2]


def test_an_allow_without_a_reachable_rule_still_denies():
    """An ALLOW of a port that the Service does not have allows nothing through the Service."""
    spec = {"action": "ALLOW", "rules": [{"to": [{"operation": {"ports": ["9000"]}}]}]}
    (copy,) = authz.copies_for_services(policy(spec), {"cart": {"8080": ("80",)}}, "shop")

    assert "rules" not in copy["spec"]
    assert copy["spec"]["action"] == "ALLOW"


def test_a_deny_of_an_unreachable_port_needs_no_copy():
    """Nothing can reach that port through the Service."""
    spec = {"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["9000"]}}]}]}
    assert authz.copies_for_services(policy(spec), {"cart": {"8080": ("80",)}}, "shop") == ()


@pytest.mark.parametrize(
    ("rule", "mapped"),
    [
        ({}, {}),
        ({"to": [{"operation": {"notPorts": ["9000"]}}]}, {}),
        (
            {"to": [{"operation": {"notPorts": ["8080"]}}]},
            {"to": [{"operation": {"notPorts": ["80", "88"]}}]},
        ),
        (
            {"when": [{"key": "destination.port", "values": ["8080"]}]},
            {"when": [{"key": "destination.port", "values": ["80", "88"]}]},
        ),
        ({"when": [{"key": "destination.port", "values": ["1"]}]}, None),
        ({"when": [{"key": "destination.port", "notValues": ["1"]}]}, {}),
        (
            {"when": [{"key": "request.headers[x]", "values": ["8080"]}]},
            {"when": [{"key": "request.headers[x]", "values": ["8080"]}]},
        ),
        (
            {"to": [{"operation": {"ports": ["1"]}}, {"operation": {"paths": ["/a"]}}]},
            {"to": [{"operation": {"paths": ["/a"]}}]},
        ),
        ({"to": [{"operation": {"notPorts": ["1"]}}, {"operation": {"paths": ["/a"]}}]}, {}),
    ],
)
def test_ports_of_a_rule(rule, mapped):
    """A clause that every request passes goes away, a rule that none can match goes away."""
    assert map_rule(rule, {"8080": ("88", "80")}) == mapped


def test_narrowing_keeps_the_selector_and_adds_the_sidecar_label():
    """The injector stamps the label on pods with a sidecar."""
    spec = authz.narrowed_to_sidecars(
        policy({"selector": {"matchLabels": {"app": "cart"}}, "action": "DENY", "rules": [{}]})
    )

    assert spec["selector"]["matchLabels"] == {"app": "cart", "security.istio.io/tlsMode": "istio"}
    assert spec["action"] == "DENY"


def test_exempting_touches_only_sources_that_negate():
    """`notPrincipals: [a]` would deny the waypoint; `principals: [a]` would not."""
    spec = {
        "action": "DENY",
        "rules": [
            {
                "from": [
                    {"source": {"notPrincipals": ["cluster.local/ns/shop/sa/web"]}},
                    {"source": {"principals": ["cluster.local/ns/shop/sa/bad"]}},
                ]
            }
        ],
    }
    exempt = authz.exempting(policy(spec), [WAYPOINT])

    assert exempt["rules"][0]["from"] == [
        {"source": {"notPrincipals": ["cluster.local/ns/shop/sa/web", WAYPOINT]}},
        {"source": {"principals": ["cluster.local/ns/shop/sa/bad"]}},
    ]
    assert authz.exempting(policy({"action": "DENY", "rules": [{}]}), [WAYPOINT]) is None


def test_a_guard_binds_ambient_pods_only():
    """It is neutral for the pods that still have a sidecar."""
    spec = authz.guard("shop", "guard-cart", {"app": "cart"}, [WAYPOINT])["spec"]

    assert spec["selector"]["matchLabels"] == {"app": "cart", "istio.io/dataplane-mode": "ambient"}
    assert spec["action"] == "DENY"
    assert spec["rules"] == [{"from": [{"source": {"notPrincipals": [WAYPOINT]}}]}]


def test_a_dry_run_policy_stays_one():
    """A copy without the annotation would be enforced."""
    dry = policy({"rules": [{}]}, annotations={"istio.io/dry-run": "true"})
    (copy,) = authz.copies_for_services(dry, {"cart": {}}, "shop")

    assert copy["metadata"]["annotations"] == {"istio.io/dry-run": "true"}


def test_a_mesh_wide_policy_is_bound_to_the_class():
    """Waypoints read no policy without target reference, not even from the root namespace."""
    copy = authz.copy_for_class(policy({}))

    assert copy["spec"]["targetRefs"][0]["kind"] == "GatewayClass"


def test_the_token_is_passed_on_until_the_sidecars_are_gone():
    """Both validate it, and a waypoint would take it away."""
    jwt = policy({"jwtRules": [{"issuer": "a"}]}, kind=kinds.REQUEST_AUTHENTICATION)
    (copy,) = request_authentication.copies_for_services(jwt, ["cart"], "shop")

    assert copy["spec"]["jwtRules"] == [{"issuer": "a", "forwardOriginalToken": True}]
    assert request_authentication.settled(copy, jwt)["jwtRules"] == [{"issuer": "a"}]


def test_an_additive_network_policy_lets_in_the_same_peers_and_no_others():
    """A default-deny stays one but for waypoints, probes and HBONE from whom it lets in."""
    peers = [{"podSelector": {"matchLabels": {"app": "web"}}}]
    made = network_policy.hbone_beside(
        {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": peers, "ports": [{"port": 80}]}],
        },
        "shop",
        "x-hbone",
    )
    hbone, probes = made["spec"]["ingress"]

    assert hbone["from"][0] == peers[0]
    assert len(hbone["from"]) == 2
    assert hbone["ports"] == [{"protocol": "TCP", "port": 15008}]
    assert [p["ipBlock"]["cidr"] for p in probes["from"]] == list(network_policy.PROBE_SOURCES)
    assert "egress" not in made["spec"]


def test_a_waypoint_is_what_istiod_accepts():
    """One listener, named mesh, HBONE on 15008; its revision is its own."""
    made = waypoint.gateway("shop", revision="canary", with_options=True)

    assert made["spec"]["listeners"] == [
        {
            "name": "mesh",
            "port": 15008,
            "protocol": "HBONE",
            "allowedRoutes": {"namespaces": {"from": "Same"}},
        }
    ]
    assert made["metadata"]["labels"]["istio.io/rev"] == "canary"
    assert made["spec"]["infrastructure"]["parametersRef"]["name"] == "waypoint-options"


def test_bound_copies_lose_the_selector_and_nothing_else():
    """Telemetry and WasmPlugin keep their meaning."""
    made = target_refs.bound_copies(
        policy(
            {"selector": {"matchLabels": {"app": "a"}}, "phase": "AUTHN"}, kind=kinds.WASM_PLUGIN
        ),
        ["b", "a"],
        "shop",
    )

    assert made[0]["spec"] == {
        "targetRefs": [target_refs.service_ref("a"), target_refs.service_ref("b")],
        "phase": "AUTHN",
    }


def test_names_are_fresh():
    """An object of the user's is never overwritten."""
    taken = {"p-waypoint"}
    assert [fresh_name("p-waypoint", taken), fresh_name("p-waypoint", taken)] == [
        "p-waypoint-2",
        "p-waypoint-3",
    ]
