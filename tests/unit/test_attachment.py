"""Which policies act on which pods and Services."""

from collections.abc import Mapping
from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

ROOT = "istio-system"
V131 = Version(1, 31)
SIMPLE = (
    kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.WASM_PLUGIN,
    kinds.TRAFFIC_EXTENSION, kinds.ENVOY_FILTER,
)  # fmt: skip


def resource(kind: GroupKind, namespace: str, name: str, **body: Any) -> Resource:
    meta = {"name": name, "namespace": namespace, **body.pop("metadata", {})}
    return Resource(Ref(*kind, namespace, name), {"metadata": meta, **body})


def deployment(namespace: str, name: str, labels: Mapping[str, str] | None = None) -> Resource:
    template = {"metadata": {"labels": labels or {"app": name}}}
    return resource(kinds.DEPLOYMENT, namespace, name, spec={"template": template})


def policy(
    kind: GroupKind,
    where: str,
    labels: Mapping[str, str] | None = None,
    created: str = "",
    **spec: Any,
) -> Resource:
    """A policy; `where` is namespace/name."""
    namespace, _, name = where.partition("/")
    if labels is not None and kind in {kinds.ENVOY_FILTER, kinds.SIDECAR}:
        spec["workloadSelector"] = {"labels": labels}
    elif labels is not None:
        spec["selector"] = {"matchLabels": labels}
    meta = {"creationTimestamp": created} if created else {}
    return resource(kind, namespace, name, spec=spec, metadata=meta)


WORKLOADS = (
    resource(kinds.NAMESPACE, "", "shop", metadata={"labels": {"istio-injection": "enabled"}}),
    deployment("shop", "cart"),
    deployment("shop", "pay"),
    deployment("edge", "gateway", {"istio": "ingressgateway", "app": "gateway"}),
    deployment("shop", "wp", {"gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"}),
    deployment(ROOT, "istiod", {"app": "istiod"}),
    deployment(ROOT, "helper"),
)


def names_on(mesh: Mesh, kind: GroupKind, workload: str) -> list[str]:
    namespace, _, name = workload.partition("/")
    found = mesh.workload(Ref(*kinds.DEPLOYMENT, namespace, name))
    assert found is not None
    return [p.name for p in mesh.attachments.on_workload(kind, found)]


def mesh_of(*policies: Resource, version: Version = V131) -> Mesh:
    return Mesh(Snapshot((*WORKLOADS, *policies)), istio_version=version)


@pytest.mark.parametrize("kind", SIMPLE, ids=str)
def test_root_namespace_namespace_and_selector(kind: GroupKind) -> None:
    mesh = mesh_of(
        policy(kind, f"{ROOT}/mesh"),
        policy(kind, f"{ROOT}/mesh-cart", {"app": "cart"}),
        policy(kind, "shop/all"),
        policy(kind, "shop/cart", {"app": "cart"}),
        policy(kind, "shop/other", {"app": "cart", "tier": "x"}),
        policy(kind, "edge/all"),
        policy(kind, "shop/target", targetRefs=[{"kind": "Service", "name": "cart"}]),
        policy(kind, "shop/old-target", targetRef={"kind": "Gateway", "name": "wp"}),
    )

    assert names_on(mesh, kind, "shop/cart") == ["mesh", "all", "mesh-cart", "cart"]
    assert names_on(mesh, kind, "shop/pay") == ["mesh", "all"]
    assert names_on(mesh, kind, "edge/gateway") == ["mesh", "all"]
    assert names_on(mesh, kind, f"{ROOT}/helper") == ["mesh"]
    assert names_on(mesh, kind, f"{ROOT}/istiod") == []
    assert names_on(mesh, kind, "shop/wp") == []


def test_workloads_and_apps_of_a_policy() -> None:
    everywhere = policy(kinds.AUTHORIZATION_POLICY, f"{ROOT}/mesh")
    cart = policy(kinds.AUTHORIZATION_POLICY, "shop/cart", {"app": "cart"})
    nothing = policy(kinds.AUTHORIZATION_POLICY, "shop/nothing", {"app": "gateway"})
    mesh = mesh_of(everywhere, cart, nothing)

    assert [w.name for w in mesh.attachments.workloads_of(everywhere)] == [
        "gateway", "helper", "cart", "pay",
    ]  # fmt: skip
    assert [w.name for w in mesh.attachments.apps_of(everywhere)] == ["cart", "pay"]
    assert [w.name for w in mesh.attachments.workloads_of(cart)] == ["cart"]
    assert mesh.attachments.workloads_of(nothing) == ()


@pytest.mark.parametrize(
    ("made", "scope"),
    [
        (policy(kinds.AUTHORIZATION_POLICY, f"{ROOT}/a"), "mesh"),
        (policy(kinds.AUTHORIZATION_POLICY, f"{ROOT}/a", {"app": "a"}), "workload"),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a"), "namespace"),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", {}), "namespace"),
        (policy(kinds.ENVOY_FILTER, "shop/a", {"app": "a"}), "workload"),
        (policy(kinds.TELEMETRY, "shop/a", targetRef={"kind": "Service", "name": "a"}), "target"),
    ],
)
def test_scope(made: Resource, scope: str) -> None:
    assert mesh_of().attachments.scope_of(made) == scope


def test_one_sidecar_resource_acts_on_a_workload() -> None:
    root, old_root = policy(kinds.SIDECAR, f"{ROOT}/b"), policy(kinds.SIDECAR, f"{ROOT}/a")
    space = policy(kinds.SIDECAR, "shop/all")
    cart = policy(kinds.SIDECAR, "shop/cart", {"app": "cart"})

    assert names_on(mesh_of(root, old_root), kinds.SIDECAR, "shop/cart") == ["a"]
    assert names_on(mesh_of(root, space), kinds.SIDECAR, "shop/cart") == ["all"]
    mesh = mesh_of(root, space, cart)
    assert names_on(mesh, kinds.SIDECAR, "shop/cart") == ["cart"]
    assert names_on(mesh, kinds.SIDECAR, "shop/pay") == ["all"]
    assert names_on(mesh, kinds.SIDECAR, "edge/gateway") == []
    assert [w.name for w in mesh.attachments.workloads_of(space)] == ["pay"]


def test_a_root_sidecar_resource_with_selector_stays_in_the_root_namespace() -> None:
    mesh = mesh_of(policy(kinds.SIDECAR, f"{ROOT}/picky", {"app": "cart"}))

    assert names_on(mesh, kinds.SIDECAR, "shop/cart") == []


def test_the_oldest_peer_authentication_of_each_level_counts() -> None:
    kind = kinds.PEER_AUTHENTICATION
    mesh = mesh_of(
        policy(kind, "shop/a-young", created="2024-02-01T00:00:00Z"),
        policy(kind, "shop/z-old", created="2023-02-01T00:00:00Z"),
        policy(kind, f"{ROOT}/mesh"),
        policy(kind, f"{ROOT}/no-effect", {"app": "cart"}),
        policy(kind, f"{ROOT}/no-effect-at-home", {"app": "helper"}),
        policy(kind, "shop/cart", {"app": "cart"}, mtls={"mode": "STRICT"}),
        policy(kind, "shop/wp", {"gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"}),
    )

    assert names_on(mesh, kind, "shop/cart") == ["mesh", "z-old", "cart"]
    assert names_on(mesh, kind, f"{ROOT}/helper") == ["mesh"]
    assert names_on(mesh, kind, "shop/wp") == []
    assert names_on(mesh, kind, "edge/gateway") == []  # its servers say what they take


def test_telemetry_reaches_waypoints_without_a_selector() -> None:
    kind = kinds.TELEMETRY
    mesh = mesh_of(
        policy(kind, f"{ROOT}/mesh"),
        policy(kind, f"{ROOT}/elsewhere", {"app": "cart"}),
        policy(kind, "shop/all"),
        policy(kind, "shop/b-second"),
        policy(kind, "shop/cart", {"app": "cart"}),
        policy(kind, "shop/wp", {"gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"}),
    )

    assert names_on(mesh, kind, "shop/cart") == ["mesh", "all", "cart"]
    assert names_on(mesh, kind, "shop/wp") == ["mesh", "all"]


def test_proxy_config_of_the_workload_comes_last() -> None:
    kind = kinds.PROXY_CONFIG
    mesh = mesh_of(
        policy(kind, f"{ROOT}/mesh"),
        policy(kind, f"{ROOT}/elsewhere", {"app": "cart"}),
        policy(kind, "shop/cart", {"app": "cart"}),
    )

    assert names_on(mesh, kind, "shop/cart") == ["mesh", "cart"]


def test_an_envoy_filter_without_selector_patched_waypoints_until_1_26() -> None:
    everywhere = policy(kinds.ENVOY_FILTER, f"{ROOT}/all")

    old = mesh_of(everywhere, version=Version(1, 26, 4))
    assert names_on(old, kinds.ENVOY_FILTER, "shop/wp") == ["all"]
    new = mesh_of(everywhere, version=Version(1, 27))
    assert names_on(new, kinds.ENVOY_FILTER, "shop/wp") == []


def ref(kind: GroupKind, name: str, **more: str) -> dict[str, str]:
    return {"group": kind.group, "kind": kind.kind, "name": name, **more}


CART = resource(
    kinds.SERVICE,
    "shop",
    "cart",
    metadata={"labels": {"istio.io/use-waypoint": "wp"}},
    spec={"selector": {"app": "cart"}, "ports": [{"port": 80, "name": "http"}]},
)
WAYPOINT = resource(
    kinds.GATEWAY,
    "shop",
    "wp",
    spec={
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    },
)


@pytest.mark.parametrize(
    ("made", "acts"),
    [
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", targetRefs=[ref(kinds.SERVICE, "cart")]), True),
        (
            policy(
                kinds.AUTHORIZATION_POLICY,
                "shop/a",
                targetRefs=[{"group": "core", "kind": "Service", "name": "cart"}],
            ),
            True,
        ),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", targetRef=ref(kinds.SERVICE, "cart")), True),
        (policy(kinds.AUTHORIZATION_POLICY, "edge/a", targetRefs=[ref(kinds.SERVICE, "cart")]), False),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", targetRefs=[ref(kinds.SERVICE, "pay")]), False),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", targetRefs=[ref(kinds.GATEWAY, "wp")]), True),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", targetRefs=[ref(kinds.GATEWAY, "x")]), False),
        (
            policy(
                kinds.AUTHORIZATION_POLICY,
                "edge/a",
                targetRefs=[ref(kinds.GATEWAY, "wp", namespace="shop")],
            ),
            False,
        ),
        (
            policy(
                kinds.AUTHORIZATION_POLICY,
                f"{ROOT}/a",
                targetRefs=[ref(kinds.GATEWAY_CLASS, "istio-waypoint")],
            ),
            True,
        ),
        (
            policy(
                kinds.AUTHORIZATION_POLICY,
                "shop/a",
                targetRefs=[ref(kinds.GATEWAY_CLASS, "istio-waypoint")],
            ),
            False,
        ),
        (policy(kinds.AUTHORIZATION_POLICY, "shop/a", {"app": "cart"}), False),
    ],
    ids=[
        "service", "group core", "targetRef", "service of another namespace", "another service",
        "waypoint", "another gateway", "gateway of another namespace", "class", "class not in root",
        "selector",
    ],
)  # fmt: skip
def test_what_a_waypoint_enforces_for_a_service(made: Resource, acts: bool) -> None:  # noqa: FBT001
    mesh = mesh_of(CART, WAYPOINT, made)
    service = mesh.services.get(CART.ref)
    assert service is not None

    found = mesh.attachments.on_service(kinds.AUTHORIZATION_POLICY, service)
    assert [p.name for p in found] == (["a"] if acts else [])
