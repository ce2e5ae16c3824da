"""Requests: which are repeated, what the API server's refusals become, and how a login is found."""

import json
import sys
from types import SimpleNamespace

import pytest
from kubernetes.client import Configuration

from migrator.adapters.kube import login
from migrator.adapters.kube.answers import ExpiredError
from migrator.adapters.kube.client import connect
from migrator.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)

from .kube_server import Answer, ApiServer

DENIED = 'admission webhook "validation.istio.io" denied the request: no such field'
RBAC = (
    'pods is forbidden: User "me" cannot list resource "pods" in API group "" at the cluster scope'
)


@pytest.fixture
def server():
    found = ApiServer()
    found.start()
    yield found
    found.stop()


def status(code, message="words", **headers):
    return Answer({"kind": "Status", "message": message}, code, headers)


def test_a_request_carries_the_token_and_gives_the_raw_bytes(server, tmp_path):
    server.answers["/a"] = [Answer({"x": 1})]

    found = server.api(tmp_path).request("GET", "/a", query=[("limit", "5")], accept="text/x")

    assert json.loads(found) == {"x": 1}
    assert server.asked[0].query == {"limit": "5"}
    assert server.asked[0].headers["authorization"] == "Bearer t0"
    assert server.asked[0].headers["accept"] == "text/x"


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_get_is_repeated(server, tmp_path, code):
    server.answers["/a"] = [status(code), status(code), Answer({"x": 1})]

    assert json.loads(server.api(tmp_path).request("GET", "/a")) == {"x": 1}
    assert len(server.asked) == 3
    assert 0 < server.slept[0] < server.slept[1]


def test_the_server_says_how_long_to_wait(server, tmp_path):
    server.answers["/a"] = [status(429, **{"Retry-After": "7"}), Answer()]

    server.api(tmp_path).request("GET", "/a")

    assert server.slept == [7]


def test_a_get_is_not_repeated_for_ever(server, tmp_path):
    server.answers["/a"] = [status(503, "no leader")]

    with pytest.raises(ClusterError, match="cannot answer") as error:
        server.api(tmp_path).request("GET", "/a")

    assert "no leader" in error.value.detail
    assert len(server.asked) == 5


def test_a_get_survives_a_broken_connection(server, tmp_path):
    server.broken = 2
    server.answers["/a"] = [Answer({"x": 1})]

    assert json.loads(server.api(tmp_path).request("GET", "/a")) == {"x": 1}


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_is_repeated_only_when_the_server_did_not_act(server, tmp_path, method):
    api = server.api(tmp_path)
    server.answers["/busy"] = [status(429), Answer({"x": 1})]
    server.answers["/broken"] = [status(500)]

    assert json.loads(api.request(method, "/busy", body={"a": 1})) == {"x": 1}
    assert server.asked[-1].body == b'{"a":1}'
    with pytest.raises(ClusterError):
        api.request(method, "/broken")
    assert [one.path for one in server.asked] == ["/busy", "/busy", "/broken"]


def test_a_write_whose_connection_breaks_is_not_known_to_be_made(server, tmp_path):
    server.broken = 1

    with pytest.raises(ClusterError, match="whether it was made is not known"):
        server.api(tmp_path).request("PATCH", "/a", body={})

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (status(403, RBAC), ForbiddenError),
        (status(403, DENIED), InvalidError),
        (status(403, 'pods "a" is forbidden: exceeded quota: q'), InvalidError),
        (status(400, DENIED), InvalidError),
        (status(422), InvalidError),
        (status(409), ConflictError),
        (status(404), NotFoundError),
        (status(410), ExpiredError),
    ],
)
def test_refusals(server, tmp_path, answer, kind):
    server.answers["/a"] = [answer]

    with pytest.raises(kind) as error:
        server.api(tmp_path).request("POST", "/a", body={})

    assert type(error.value) is kind
    assert error.value.detail == answer.body["message"]


def test_an_expired_login_is_renewed_once_and_then_said(server, tmp_path):
    server.answers["/a"] = [status(401), Answer({"x": 1})]
    server.answers["/b"] = [status(401, "Unauthorized")]
    api = server.api(tmp_path)

    assert json.loads(api.request("GET", "/a")) == {"x": 1}
    with pytest.raises(ClusterError, match="missing or expired"):
        api.request("GET", "/b")
    assert [one.path for one in server.asked] == ["/a", "/a", "/b", "/b"]


def test_nobody_answers(tmp_path):
    gone = ApiServer()
    gone.start()
    gone.stop()

    with pytest.raises(ClusterError, match="does not answer") as error:
        gone.api(tmp_path).request("GET", "/a")

    assert "refused" in error.value.detail
    assert "object at" not in error.value.detail


def test_no_tls_where_tls_is_expected(server, tmp_path):
    with pytest.raises(ClusterError, match="no TLS"):
        server.api(tmp_path, scheme="https").request("GET", "/a")


def test_what_a_server_says_moves_no_cursor(server, tmp_path):
    server.answers["/a"] = [status(409, "a\x1b[2Jb")]

    with pytest.raises(ConflictError) as error:
        server.api(tmp_path).request("POST", "/a")

    assert "\x1b" not in error.value.detail


def test_the_context_is_the_current_one_or_the_one_that_is_named(server, tmp_path):
    file = str(server.kubeconfig(tmp_path))

    assert connect(file).context == "here"
    assert connect(file, "there").context == "there"
    assert connect(file).server == f"http://{server.address}"


def test_a_wrong_context_names_those_that_there_are(server, tmp_path):
    with pytest.raises(ClusterError, match='context "nowhere" does not exist') as error:
        connect(str(server.kubeconfig(tmp_path)), "nowhere")

    assert "here, there" in error.value.detail


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "clusters: 5\ncontexts: 6\n", "\x00"])
def test_a_kubeconfig_that_is_none(tmp_path, text):
    file = tmp_path / "config"
    file.write_text(text)

    with pytest.raises(ClusterError):
        connect(str(file))


def test_no_cluster_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(ClusterError, match="no cluster is configured"):
        connect()
    with pytest.raises(ClusterError, match="no kubeconfig"):
        connect(str(tmp_path / "absent"))


def test_a_user_that_acts_as_another_does_so_here_too(server, tmp_path):
    server.answers["/a"] = [Answer()]

    server.api(tmp_path, **{"token": "t", "as": "viewer"}).request("GET", "/a")

    assert server.asked[0].headers["impersonate-user"] == "viewer"
    with pytest.raises(ClusterError, match="not supported"):
        server.api(tmp_path, **{"token": "t", "as": "viewer", "as-groups": ["g"]})


def plugin(code):
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-c", code],
            "interactiveMode": "Never",
        }
    }


def test_an_exec_plugin_gives_the_token(server, tmp_path):
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    server.answers["/a"] = [Answer()]

    server.api(tmp_path, **plugin(f"print({json.dumps(answer)!r})")).request("GET", "/a")

    assert server.asked[0].headers["authorization"] == "Bearer from-plugin"


def test_an_exec_plugin_that_fails_is_the_error_and_not_a_request_without_login(
    server, tmp_path, capfd
):
    failing = plugin("import sys; sys.exit('run: cloud login')")

    with pytest.raises(ClusterError, match='login of context "here" failed') as error:
        server.api(tmp_path, **failing)

    assert "run: cloud login" in error.value.detail
    assert capfd.readouterr().err == ""
    assert server.asked == []


def test_credentials_are_asked_for_again_and_again_but_not_with_each_request(monkeypatch):
    configuration, now = Configuration(), [100.0]
    tokens = iter(("one", "two"))
    setting = {"in": "header", "key": "authorization"}
    configuration.auth_settings = lambda: {"token": {**setting, "value": next(tokens)}}
    monkeypatch.setattr(login, "time", SimpleNamespace(monotonic=lambda: now[0]))
    user = login.Login(configuration, "here")

    found = []
    for later in (0, 4, 2, 1):
        now[0] += later
        found.append(user.credentials()["authorization"])

    assert found == ["one", "one", "two", "two"]
