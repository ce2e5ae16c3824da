"""The effective PeerAuthentication, as `ComposePeerAuthentication` computes it."""

import pytest
import yaml

from migrator.istio.policies.mtls import effective
from migrator.istio.workloads import collect
from migrator.model.snapshot import Snapshot

from .manifests import deployment, resource

ROOT = "istio-system"


def policy(where: str, spec: str, created: str = "2024-01-01T00:00:00Z") -> dict[str, object]:
    namespace, _, name = where.partition("/")
    meta = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": meta,
        "spec": yaml.safe_load(spec),
    }


CART = "selector: {matchLabels: {app: cart}}"
MESH_STRICT = policy("istio-system/mesh", "{mtls: {mode: STRICT}}")
SHOP_PERMISSIVE = policy("shop/all", "{mtls: {mode: PERMISSIVE}}")
SHOP_UNSET = policy("shop/all", "{mtls: {mode: UNSET}}")
CART_DISABLE = policy("shop/cart", f"{{{CART}, mtls: {{mode: DISABLE}}}}")
CART_PORT = policy(
    "shop/cart", f"{{{CART}, portLevelMtls: {{8080: {{mode: DISABLE}}, 9090: {{}}}}}}"
)


@pytest.mark.parametrize(
    ("policies", "mode", "sources"),
    [
        ([], "PERMISSIVE", []),
        ([MESH_STRICT], "STRICT", ["mesh"]),
        ([SHOP_PERMISSIVE, MESH_STRICT], "PERMISSIVE", ["all", "mesh"]),
        ([SHOP_UNSET, MESH_STRICT], "STRICT", ["all", "mesh"]),
        ([SHOP_UNSET], "PERMISSIVE", ["all"]),
        ([policy("shop/all", "{}"), MESH_STRICT], "STRICT", ["all", "mesh"]),
        ([CART_DISABLE, SHOP_PERMISSIVE, MESH_STRICT], "DISABLE", ["cart", "all", "mesh"]),
        (
            [policy("shop/pay", "{selector: {matchLabels: {app: pay}}, mtls: {mode: STRICT}}")],
            "PERMISSIVE",
            [],
        ),
        ([policy("bank/all", "{mtls: {mode: STRICT}}")], "PERMISSIVE", []),
        ([policy("istio-system/cart", f"{{{CART}, mtls: {{mode: STRICT}}}}")], "PERMISSIVE", []),
        ([policy("shop/all", "{selector: {}, mtls: {mode: STRICT}}")], "STRICT", ["all"]),
    ],
)
def test_the_narrowest_policy_that_sets_a_mode_decides(
    policies: list[dict[str, object]], mode: str, sources: list[str]
) -> None:
    (cart,) = collect(Snapshot([deployment()]))
    found = effective([resource(one) for one in policies], ROOT, cart)

    assert found.mode == mode
    assert [source.name for source in found.sources] == sources


@pytest.mark.parametrize(
    ("first", "second", "mode"),
    [
        (("a", "2024-02-01T00:00:00Z"), ("b", "2024-01-01T00:00:00Z"), "DISABLE"),
        (("a", "2024-01-01T00:00:00Z"), ("b", "2024-01-01T00:00:00Z"), "STRICT"),
        (("b", "2024-01-01T00:00:00Z"), ("a", "2024-01-01T00:00:00Z"), "DISABLE"),
    ],
)
def test_the_oldest_of_one_scope_counts_then_the_first_by_name(
    first: tuple[str, str], second: tuple[str, str], mode: str
) -> None:
    (cart,) = collect(Snapshot([deployment()]))
    strict = policy(f"shop/{first[0]}", "{mtls: {mode: STRICT}}", first[1])
    disable = policy(f"shop/{second[0]}", "{mtls: {mode: DISABLE}}", second[1])

    assert effective([resource(strict), resource(disable)], ROOT, cart).mode == mode


def test_ports_come_from_the_workloads_own_policy_and_inherit() -> None:
    (cart,) = collect(Snapshot([deployment()]))
    found = effective([resource(MESH_STRICT), resource(CART_PORT)], ROOT, cart)

    assert found.mode == "STRICT"
    assert {port: found.at(port) for port in (8080, 9090, 7070)} == {
        8080: "DISABLE",
        9090: "STRICT",
        7070: "STRICT",
    }


def test_ports_of_a_namespace_wide_policy_are_ignored() -> None:
    (cart,) = collect(Snapshot([deployment()]))
    wide = policy("shop/all", "{portLevelMtls: {8080: {mode: STRICT}}}")
    found = effective([resource(wide)], ROOT, cart)

    assert found.at(8080) == "PERMISSIVE"
    assert not found.strict


def test_one_strict_port_makes_it_strict() -> None:
    (cart,) = collect(Snapshot([deployment()]))
    own = policy(
        "shop/cart",
        f"{{{CART}, portLevelMtls: {{'8080': {{mode: STRICT}}, http: {{mode: STRICT}}}}}}",
    )
    found = effective([resource(own)], ROOT, cart)

    assert found.ports == {8080: "STRICT"}
    assert found.strict
