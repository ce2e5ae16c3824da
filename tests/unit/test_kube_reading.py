"""A cluster is read into a snapshot: discovery, pages, what is forbidden, what is read whole."""

import pytest

from migrator.adapters.files import read_sources
from migrator.adapters.kube.reading import read_cluster, read_kinds
from migrator.adapters.kube.resources import discover, plural
from migrator.errors import ClusterError
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode
from migrator.model.resource import GroupKind, Ref

from .kube_server import Answer, ApiServer

PODS, DEPLOYMENTS = "/api/v1/pods", "/apis/apps/v1/deployments"
REPLICA_SETS, CONFIG_MAPS = "/apis/apps/v1/replicasets", "/api/v1/configmaps"
NAMESPACES, POLICIES = "/api/v1/namespaces", "/apis/security.istio.io/v1/authorizationpolicies"
NODES = "/api/v1/nodes"
CORE = {
    "pods": "Pod",
    "namespaces": "Namespace",
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "nodes": "Node",
}
OUTSIDE = {"namespaces", "nodes"}
STATUS = "sidecar.istio.io/status"


def legacy(resources):
    found = [
        {"name": name, "kind": kind, "namespaced": name not in OUTSIDE}
        for name, kind in {**resources, "pods/log": "Pod"}.items()
    ]
    return Answer({"kind": "APIResourceList", "resources": found})


def aggregated(groups):
    items = [
        {
            "metadata": {"name": group},
            "versions": [
                {
                    "version": version,
                    "resources": [
                        {
                            "resource": name,
                            "responseKind": {"group": group, "version": version, "kind": kind},
                            "scope": "Namespaced",
                            "subresources": [{"subresource": "status"}],
                        }
                        for name, kind in resources.items()
                    ],
                }
                for version, resources in versions.items()
            ],
        }
        for group, versions in groups.items()
    ]
    return Answer({"kind": "APIGroupDiscoveryList", "items": items})


def listed(*items, more=""):
    metadata = {"continue": more} if more else {}
    return Answer({"metadata": metadata, "items": list(items)})


def item(name, namespace="shop", **more):
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    metadata["managedFields"] = [{"manager": "kubectl", "fieldsV1": {"f:a": {}}}]
    return {"metadata": metadata, **more}


def pod(name, owner="", **annotations):
    owners = (
        [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "controller": True}]
        if owner
        else []
    )
    made = annotations.pop("made", "2026-01-02T00:00:00Z")
    labels = annotations.pop("labels", {"app": "cart"})
    return item(
        name,
        metadata={
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": owners,
            "creationTimestamp": made,
        },
    )


def deployment(name, **more):
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "c:1"}]},
    }
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": True}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **more}
    return item(name, spec=spec), item(f"{name}-1", metadata={"ownerReferences": [owner]})


@pytest.fixture
def server():
    """A Deployment with one pod that has a sidecar, in a namespace; no CRD but one of Istio's."""
    found = ApiServer()
    cart, cart_rs = deployment("cart")
    found.answers = {
        "/api/v1": [legacy(CORE)],
        "/apis": [
            aggregated(
                {
                    "apps": {"v1": {"deployments": "Deployment", "replicasets": "ReplicaSet"}},
                    "security.istio.io": {
                        "v1": {"authorizationpolicies": "AuthorizationPolicy"},
                        "v1beta1": {"authorizationpolicies": "AuthorizationPolicy"},
                    },
                }
            )
        ],
        NAMESPACES: [listed(item("shop", "", metadata={"labels": {"istio-injection": "enabled"}}))],
        PODS: [listed(pod("cart-1-a", "cart-1", **{STATUS: "{}"}))],
        "/api/v1/namespaces/shop/pods/cart-1-a": [
            Answer(pod("cart-1-a", "cart-1", **{STATUS: "{}"}))
        ],
        DEPLOYMENTS: [listed(cart)],
        REPLICA_SETS: [listed(cart_rs)],
        CONFIG_MAPS: [listed(item("secrets-of-an-app", data={"password": "p"}))],
        NODES: [listed(item("n1", "", status={"nodeInfo": {"kubeletVersion": "v1.34.4"}}))],
        POLICIES: [listed(item("p", spec={"action": "DENY"}))],
    }
    found.start()
    yield found
    found.stop()


def asked(server, path):
    return [one for one in server.asked if one.path == path]


def test_what_is_read_is_what_a_file_would_give(server, tmp_path):
    mesh = Mesh(read_cluster(server.api(tmp_path)).snapshot)
    (cart,) = mesh.workloads

    assert mesh.snapshot.complete
    assert mesh.state(cart).mode is Mode.SIDECAR
    assert mesh.state(cart).seen
    assert mesh.snapshot.get(Ref("security.istio.io", "AuthorizationPolicy", "shop", "p")).body == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"action": "DENY"},
    }


def test_secrets_are_never_asked_for_and_pods_by_their_metadata(server, tmp_path):
    read_cluster(server.api(tmp_path))

    assert not [one for one in server.asked if "secrets" in one.path]
    assert "as=PartialObjectMetadataList" in asked(server, PODS)[0].headers["accept"]
    assert asked(server, PODS)[0].query["fieldSelector"] == (
        "status.phase!=Succeeded,status.phase!=Failed"
    )
    assert not [one for one in server.asked if one.path.endswith("secrets-of-an-app")]


def test_a_server_without_aggregated_discovery_is_asked_group_by_group(server, tmp_path):
    server.answers["/apis"] = [
        Answer(
            {
                "kind": "APIGroupList",
                "groups": [
                    {"name": "apps", "versions": [{"version": "v1"}]},
                    {"name": "unknown.example.com", "versions": [{"version": "v1"}]},
                    {"name": "security.istio.io", "versions": [{"version": "v1"}]},
                ],
            }
        )
    ]
    server.answers["/apis/apps/v1"] = [legacy({"deployments": "Deployment"})]

    found = discover(server.api(tmp_path))

    assert found[kinds.DEPLOYMENT].path("shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert found[kinds.NODE].path() == NODES
    assert kinds.AUTHORIZATION_POLICY not in found  # its CRD was deleted between the two requests
    assert not asked(server, "/apis/unknown.example.com/v1")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Gateway", "gateways"), ("GatewayClass", "gatewayclasses"), ("Ingress", "ingresses"),
        ("NetworkPolicy", "networkpolicies"), ("Telemetry", "telemetries"), ("Istio", "istios"),
        ("EndpointSlice", "endpointslices"), ("ServiceEntry", "serviceentries"),
    ],
)  # fmt: skip
def test_plurals(kind, name):
    assert plural(GroupKind("", kind)) == name


def test_pages_are_followed_and_an_expired_token_begins_the_list_anew(server, tmp_path):
    server.answers[POLICIES] = [
        listed(item("gone"), more="t1"),
        Answer({"kind": "Status", "message": "expired"}, 410),
        listed(item("a"), more="t2"),
        listed(item("b")),
    ]

    snapshot = read_cluster(server.api(tmp_path)).snapshot

    assert [r.name for r in snapshot.of(kinds.AUTHORIZATION_POLICY)] == ["a", "b"]
    assert [one.query.get("continue") for one in asked(server, POLICIES)] == [
        None, "t1", None, "t2",
    ]  # fmt: skip


def test_a_list_that_expires_for_ever_is_an_error(server, tmp_path):
    server.answers[POLICIES] = [Answer({"message": "expired"}, 410)]

    with pytest.raises(ClusterError, match="expired"):
        read_cluster(server.api(tmp_path))


def test_what_is_forbidden_is_named_and_the_result_is_incomplete(server, tmp_path):
    server.answers[POLICIES] = [Answer({"message": "no RBAC"}, 403)]

    snapshot = read_cluster(server.api(tmp_path)).snapshot

    (unread,) = snapshot.unread
    assert unread.where == "list authorizationpolicies.security.istio.io in all namespaces"
    assert "no RBAC" in unread.reason
    assert unread.kind == "AuthorizationPolicy.security.istio.io"
    assert len(snapshot.of(kinds.POD)) == 1


def test_a_server_that_fails_gives_no_half_snapshot(server, tmp_path):
    server.answers[POLICIES] = [Answer({"message": "etcd"}, 500)]

    with pytest.raises(ClusterError, match="cannot answer"):
        read_cluster(server.api(tmp_path))


def test_namespaces_need_no_right_beyond_them(server, tmp_path):
    config = "rootNamespace: istio-root"
    denied = Answer({"message": "no RBAC"}, 403)
    mesh = item("istio", "istio-system", data={"mesh": config})
    for path in (NODES, NAMESPACES, PODS, DEPLOYMENTS):
        server.answers[path] = [denied]
    for home in ("shop", "istio-system", "istio-root"):
        server.answers[f"{NAMESPACES}/{home}"] = [Answer(item(home, ""))]
        for path in (PODS, DEPLOYMENTS, REPLICA_SETS, POLICIES, CONFIG_MAPS):
            root, _, name = path.rpartition("/")
            server.answers[f"{root}/namespaces/{home}/{name}"] = [listed()]
    server.answers["/api/v1/namespaces/istio-system/configmaps"] = [listed(mesh)]
    server.answers["/api/v1/namespaces/istio-system/configmaps/istio"] = [Answer(mesh)]

    reading = read_cluster(server.api(tmp_path), namespaces=["shop"])

    assert reading.snapshot.complete
    assert reading.namespaces == ("istio-root", "istio-system", "shop")
    assert reading.not_looked_at == ("nodes",)
    assert len(reading.snapshot.of(kinds.NAMESPACE)) == 3
    assert not asked(server, PODS)


def test_a_namespace_that_may_not_be_read_is_incomplete(server, tmp_path):
    server.answers[f"{NAMESPACES}/shop"] = [Answer({"message": "no RBAC"}, 403)]

    snapshot = read_cluster(server.api(tmp_path), namespaces=["shop"]).snapshot

    assert [one.where for one in snapshot.unread] == ["get namespaces shop"]


def test_only_what_metadata_does_not_tell_is_read_whole(server, tmp_path):
    """Bare pods, agents, Istio's settings, and sidecars that are as old as istiod or older."""
    istiod, istiod_rs = deployment("istiod")
    istiod_rs["metadata"]["creationTimestamp"] = "2026-01-01T12:00:00Z"
    cart, cart_rs = deployment("cart")
    old, young = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    pods = [
        pod("istiod-1-a", "istiod-1", labels={"app": "istiod"}, made=young),
        pod("cart-1-a", "cart-1", made=young, **{STATUS: "{}"}),
        pod("cart-0-a", "cart-0", made=old, **{STATUS: "{}"}),
        pod("cart-0-b", "cart-0", made=old, **{STATUS: "{}"}),
        pod("cart-0-c", "cart-0", made=old),
        pod("bare"),
        pod("ztunnel-a", "ztunnel", labels={"app": "ztunnel"}),
    ]
    cart_old = item("cart-0", metadata=cart_rs["metadata"] | {"name": "cart-0"})
    server.answers |= {
        PODS: [listed(*pods)],
        DEPLOYMENTS: [listed(istiod, cart)],
        REPLICA_SETS: [listed(istiod_rs, cart_rs, cart_old, item("alone"))],
        CONFIG_MAPS: [listed(*map(item, ("istio", "istio-ca-root-cert", "app")))],
    }

    read_cluster(server.api(tmp_path))

    whole = {one.path.rpartition("/")[2] for one in server.asked if "/namespaces/" in one.path}
    assert whole == {"cart-0-a", "bare", "ztunnel-a", "alone", "istio"}


def test_a_proxy_in_the_template_is_seen_though_pods_are_read_by_metadata(server, tmp_path):
    own, replica_set = deployment("cart")
    own["spec"]["template"]["spec"]["containers"].append({"name": "istio-proxy"})
    server.answers |= {
        PODS: [listed(pod("cart-1-a", "cart-1"))],
        DEPLOYMENTS: [listed(own)],
        REPLICA_SETS: [listed(replica_set)],
    }

    mesh = Mesh(read_cluster(server.api(tmp_path)).snapshot)

    assert mesh.state(mesh.workloads[0]).mode is Mode.MANUAL


def test_a_namespace_that_is_being_deleted_holds_nothing_that_could_move(server, tmp_path):
    doomed = item("old", "", metadata={"deletionTimestamp": "2026-01-02T00:00:00Z"})
    stays = item("shop", "")
    server.answers[NAMESPACES] = [listed(doomed, stays)]
    mine, theirs = item("p", spec={}), item("p", "old", spec={})
    server.answers[POLICIES] = [listed(mine, theirs)]
    found = read_cluster(server.api(tmp_path)).snapshot
    assert [r.name for r in found.of(kinds.NAMESPACE)] == ["shop"]
    assert [r.namespace for r in found.of(kinds.AUTHORIZATION_POLICY)] == ["shop"]


def test_an_object_that_does_not_fit_is_named_and_the_others_are_read(server, tmp_path):
    server.answers[POLICIES] = [listed(item("bad", spec={"rules": 5}), item("good", spec={}))]

    snapshot = read_cluster(server.api(tmp_path)).snapshot

    assert [r.name for r in snapshot.of(kinds.AUTHORIZATION_POLICY)] == ["good"]
    assert snapshot.unread[0].where == "AuthorizationPolicy/shop/bad"


def test_a_saved_snapshot_of_a_cluster_is_the_same_snapshot(server, tmp_path):
    from migrator.adapters import snapshot_file

    snapshot = read_cluster(server.api(tmp_path)).snapshot
    file = tmp_path / "saved"
    snapshot_file.save(snapshot, file)

    again = read_sources([str(file)])

    assert again.snapshot.digest() == snapshot.digest()
    assert again.snapshot.unread == ()


def test_some_kinds_of_some_namespaces_are_all_that_is_asked_for(server, tmp_path):
    api = server.api(tmp_path)
    server.answers[f"{NAMESPACES}/shop"] = [Answer(item("shop", ""))]
    server.answers["/apis/apps/v1/namespaces/shop/deployments"] = [listed(deployment("cart")[0])]

    found = read_kinds(api, [kinds.NAMESPACE, kinds.DEPLOYMENT], ["shop"])

    assert [str(one.ref) for one in found] == ["Namespace/shop", "Deployment/shop/cart"]
    read = {one.path for one in server.asked} - {"/api/v1", "/apis"}
    assert read == {f"{NAMESPACES}/shop", "/apis/apps/v1/namespaces/shop/deployments"}
