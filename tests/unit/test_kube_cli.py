"""The commands without SOURCE: the cluster of the kubeconfig, and exit code 1 for what may not be read."""

import json

import pytest
from typer.testing import CliRunner

from migrator.cli import app
from migrator.errors import ClusterError, ManifestError, StalePlanError

from .kube_server import Answer, ApiServer

ITEM = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}


@pytest.fixture
def server():
    found = ApiServer()
    resources = [{"name": "namespaces", "kind": "Namespace"}, {"name": "nodes", "kind": "Node"}]
    found.answers = {
        "/api/v1": [Answer({"kind": "APIResourceList", "resources": resources})],
        "/apis": [Answer({"kind": "APIGroupDiscoveryList", "items": []})],
        "/api/v1/namespaces": [Answer({"items": [ITEM]})],
        "/api/v1/nodes": [Answer({"items": []})],
    }
    found.start()
    yield found
    found.stop()


def run(file, *arguments):
    return CliRunner().invoke(app, [*arguments, "--kubeconfig", str(file)])


def test_a_cluster_is_read(server, tmp_path):
    done = run(server.kubeconfig(tmp_path), "scan")

    assert done.exit_code == 0
    assert "shop: istio-injection=enabled" in done.stdout


@pytest.mark.parametrize("command", ["scan", "check", "estimate"])
def test_what_may_not_be_read_makes_it_incomplete(server, tmp_path, command):
    server.answers["/api/v1/nodes"] = [Answer({"message": "User me cannot list"}, 403)]

    done = run(server.kubeconfig(tmp_path), command, "--context", "there")

    assert done.exit_code == 1
    assert "list nodes in the cluster: User me cannot list" in done.stdout


def test_no_plan_is_made_of_a_part(server, tmp_path):
    server.answers["/api/v1/nodes"] = [Answer({"message": "no"}, 403)]

    error = run(server.kubeconfig(tmp_path), "plan").exception

    assert isinstance(error, ManifestError)
    assert "list nodes" in error.detail
    assert error.hint == "migrate permissions"


def test_a_login_that_is_refused_stops(server, tmp_path):
    server.answers["/api/v1"] = [Answer({"message": "Unauthorized"}, 401)]

    assert isinstance(run(server.kubeconfig(tmp_path), "check").exception, ClusterError)


def test_namespaces_of_a_cluster_say_what_was_not_seen(server, tmp_path):
    server.answers["/api/v1/namespaces/shop"] = [Answer(ITEM)]
    server.answers["/api/v1/nodes"] = [Answer({"message": "no"}, 403)]

    done = run(server.kubeconfig(tmp_path), "scan", "--namespace", "shop")

    assert done.exit_code == 0
    assert "read only istio-system, shop" in done.stderr
    assert "not looked at, for this user may not: nodes" in done.stderr


def test_json_says_what_was_read_and_what_was_not(server, tmp_path):
    """Who reads the answer in a pipeline does not see stderr."""
    server.answers["/api/v1/namespaces/shop"] = [Answer(ITEM)]
    server.answers["/api/v1/nodes"] = [Answer({"message": "no"}, 403)]

    whole = run(server.kubeconfig(tmp_path), "check", "-o", "json")
    some = run(server.kubeconfig(tmp_path), "check", "-o", "json", "--namespace", "shop")

    assert json.loads(whole.stdout)["read"] == {"namespaces": [], "not_looked_at": []}
    assert json.loads(some.stdout)["read"] == {
        "namespaces": ["istio-system", "shop"],
        "not_looked_at": ["nodes"],
    }


@pytest.mark.parametrize("command", ["scan", "check"])
def test_a_namespace_that_may_not_be_read_is_named_as_that(server, tmp_path, command):
    server.answers["/api/v1/namespaces/shop"] = [Answer({"message": "no"}, 403)]

    done = run(server.kubeconfig(tmp_path), command, "--namespace", "shop")

    assert done.exit_code == 1
    assert "get namespaces shop: no" in done.stdout


def test_a_part_of_a_cluster_is_not_saved(server, tmp_path):
    done = run(server.kubeconfig(tmp_path), "scan", "-n", "shop", "--save", str(tmp_path / "part"))

    assert done.exit_code == 2
    assert not (tmp_path / "part").exists()


KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


@pytest.mark.parametrize(
    "command",
    [["apply", "--yes"], ["apply", "--dry-run"], ["rollback", "--yes"], ["status"], ["verify"]],
)
def test_a_plan_of_another_cluster_is_refused(server, tmp_path, command):
    server.answers[KUBE_SYSTEM] = [Answer({"metadata": {"name": "kube-system", "uid": "first"}})]
    file, plan = server.kubeconfig(tmp_path), tmp_path / "plan.yaml"
    assert run(file, "plan", "-o", str(plan)).exit_code == 0
    assert "cluster: first" in plan.read_text()
    name, *options = command

    server.answers[KUBE_SYSTEM] = [Answer({"metadata": {"name": "kube-system", "uid": "second"}})]
    error = run(file, name, str(plan), *options).exception

    assert isinstance(error, StalePlanError)
    assert error.exit_code == 4
    assert "made from first" in error.detail
    assert "leads to second" in error.detail
    assert {one.method for one in server.asked} == {"GET"}


def test_a_plan_goes_on_where_the_cluster_may_not_be_identified(server, tmp_path):
    server.answers[KUBE_SYSTEM] = [Answer({"metadata": {"name": "kube-system", "uid": "first"}})]
    file, plan = server.kubeconfig(tmp_path), tmp_path / "plan.yaml"
    run(file, "plan", "-o", str(plan))

    server.answers[KUBE_SYSTEM] = [Answer({"message": "no"}, 403)]

    assert run(file, "status", str(plan)).exit_code == 0
