"""What the port sends to an API server: every write under our name, and only as asked."""

import json

import pytest

from migrator.adapters.kube.writer import LiveCluster
from migrator.errors import ClusterError, ConflictError, UnknownOutcomeError
from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from tests.unit.kube_server import Answer, ApiServer

CORE = {
    "kind": "APIResourceList",
    "resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
        {"name": "configmaps/status", "kind": "ConfigMap", "namespaced": True},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
    ],
}
MAPS = "/api/v1/namespaces/shop/configmaps"
ONE = f"{MAPS}/one"
REF = Ref(*kinds.CONFIG_MAP, "shop", "one")
BODY = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "shop", "managedFields": [{"manager": "x"}]},
}


@pytest.fixture
def server():
    found = ApiServer()
    found.answers["/api/v1"] = [Answer(CORE)]
    found.answers["/apis"] = [Answer({"kind": "APIGroupList", "groups": []})]
    found.start()
    yield found
    found.stop()


@pytest.fixture
def cluster(server, tmp_path):
    return LiveCluster(server.api(tmp_path))


def sent(server):
    """The last request: method, path, query, body."""
    asked = server.asked[-1]
    return asked.method, asked.path, asked.query, json.loads(asked.body)


def test_a_patch_carries_the_version_inside_and_our_name_outside(server, cluster):
    server.answers[ONE] = [Answer(BODY)]
    patch = {"metadata": {"labels": {"a": None}}}

    answer = cluster.patch(REF, patch, version="7")

    named = {"metadata": {"labels": {"a": None}, "resourceVersion": "7"}}
    assert sent(server) == ("PATCH", ONE, {"fieldManager": "migrate"}, named)
    assert server.asked[-1].headers["content-type"] == "application/merge-patch+json"
    assert "managedFields" not in answer["metadata"]
    assert patch == {"metadata": {"labels": {"a": None}}}


def test_dry_runs_say_so(server, cluster):
    server.answers[ONE] = server.answers[MAPS] = [Answer(BODY)]
    dry = {"fieldManager": "migrate", "dryRun": "All"}

    cluster.patch(REF, {"data": {}}, dry_run=True)
    assert sent(server) == ("PATCH", ONE, dry, {"data": {}})
    cluster.create(BODY, dry_run=True)
    assert sent(server) == ("POST", MAPS, dry, BODY)
    cluster.delete(REF, dry_run=True)
    assert sent(server)[3]["dryRun"] == ["All"]


def test_a_delete_is_of_one_object_only(server, cluster):
    server.answers[ONE] = [Answer(BODY), Answer({"message": "gone"}, 404)]

    cluster.delete(REF, uid="u-1")

    method, path, _, options = sent(server)
    assert (method, path) == ("DELETE", ONE)
    assert options["preconditions"] == {"uid": "u-1"}
    assert options["propagationPolicy"] == "Background"
    cluster.delete(REF)
    assert "preconditions" not in sent(server)[3]


def test_a_list_that_expires_begins_anew(server, cluster):
    first = {"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "next"}}
    last = {"items": [{"metadata": {"name": "b"}}], "metadata": {}}
    server.answers[MAPS] = [
        Answer(first), Answer({"message": "too old"}, 410), Answer(first), Answer(last),
    ]  # fmt: skip

    found = cluster.list(kinds.CONFIG_MAP, "shop", {"a": "b", "c": "d"})

    assert [body["metadata"]["name"] for body in found] == ["a", "b"]
    assert all(body["kind"] == "ConfigMap" for body in found)
    asked = [one.query for one in server.asked if one.path == MAPS]
    assert [one.get("continue") for one in asked] == [None, "next", None, "next"]
    assert {one["labelSelector"] for one in asked} == {"a=b,c=d"}


def test_a_list_does_not_begin_anew_for_ever(server, cluster):
    server.answers[MAPS] = [Answer({"message": "too old"}, 410)]

    with pytest.raises(ClusterError, match="expired"):
        cluster.list(kinds.CONFIG_MAP, "shop")


def test_a_kind_that_is_not_served_is_asked_for_again(server, cluster):
    assert cluster.get(Ref(*kinds.GATEWAY, "shop", "waypoint")) is None
    with pytest.raises(ClusterError, match="does not serve"):
        cluster.patch(Ref(*kinds.GATEWAY, "shop", "waypoint"), {})

    assert [one.path for one in server.asked].count("/apis") == 2


def test_what_may_be_done_is_asked_about_the_resource(server, cluster):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    server.answers[path] = [Answer({"status": {"allowed": True}}), Answer({"status": {}})]

    assert cluster.may("patch", GroupKind("apps", "Deployment"), "shop")
    attributes = {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": "shop"}
    assert sent(server)[3]["spec"] == {"resourceAttributes": attributes}
    assert not cluster.may("list", kinds.NODE)
    assert "namespace" not in sent(server)[3]["spec"]["resourceAttributes"]


@pytest.mark.parametrize("code", [500, 503, 504])
def test_a_server_that_fails_in_a_change_may_have_made_it(server, cluster, code):
    server.answers[ONE] = [Answer({"message": "etcdserver: request timed out"}, code)]

    with pytest.raises(UnknownOutcomeError, match="whether it was made is not known"):
        cluster.patch(REF, {"data": {}})
    assert [one.method for one in server.asked].count("PATCH") == 1


def test_what_a_webhook_did_not_let_through_was_not_made(server, cluster):
    says = 'Internal error occurred: failed calling webhook "a": connection refused'
    server.answers[ONE] = [Answer({"message": says}, 500)]

    with pytest.raises(ClusterError, match="cannot answer") as error:
        cluster.patch(REF, {"data": {}})
    assert type(error.value) is ClusterError


def test_a_conflict_is_one(server, cluster):
    server.answers[ONE] = [Answer({"message": "the object has been modified"}, 409)]

    with pytest.raises(ConflictError):
        cluster.patch(REF, {"data": {}}, version="1")
