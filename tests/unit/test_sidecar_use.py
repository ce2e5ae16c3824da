"""What counts as use of a sidecar: the reader's fragments, and the whole texts that they come from."""

from typing import Any

import pytest

from migrator.istio.pods.sidecar_use import admin_uses, exec_uses
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot

AT = "spec.template.spec.containers[0]"


def deployment(name: str = "app", **container: Any) -> Workload:
    template = {"spec": {"containers": [{"name": name, **container}]}}
    resource = Resource(Ref("apps", "Deployment", "shop", "cart"), {"spec": {"template": template}})
    return collect(Snapshot([resource]))[0]


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("curl localhost:15000/config_dump", "localhost:15000/config_dump"),
        (
            "until wget -q 127.0.0.1:15021/healthz/ready; do sleep 1; done",
            "127.0.0.1:15021/healthz/ready",
        ),
        ("pilot-agent request POST quitquitquit", "pilot-agent"),
        ("curl -X POST $PROXY/quitquitquit", "/quitquitquit"),
        ("curl -X POST http://proxy:15020/quitquitquit", ":15020/quitquitquit"),
        ("curl -X POST localhost:9091/quitquitquit", ""),
        ("curl localhost:150000", ""),
        ("curl localhost:8080/healthz/ready", ""),
        ("curl reviews:15000", ""),
        ("kubectl exec deploy/cart -c istio-proxy -- pilot-agent request GET stats", ""),
    ],
)
@pytest.mark.parametrize("key", ["command", "args"])
def test_admin_calls_in_commands(key: str, script: str, shown: str) -> None:
    found = admin_uses(deployment(**{key: ["sh", "-c", script]}))

    assert found == (((shown, f"{AT}.{key}"),) if shown else ())


@pytest.mark.parametrize(
    ("container", "paths"),
    [
        pytest.param(
            {"lifecycle": {"preStop": {"exec": {"command": ["pilot-agent", "wait"]}}}},
            [f"{AT}.lifecycle.preStop.exec.command"],
            id="hook",
        ),
        pytest.param(
            {"lifecycle": {"preStop": {"httpGet": {"port": 15020, "path": "/drain"}}}},
            [f"{AT}.lifecycle.preStop.httpGet"],
            id="hook by HTTP",
        ),
        pytest.param(
            {"lifecycle": {"preStop": {"httpGet": {"port": 8080}}}}, [], id="hook of its own"
        ),
        pytest.param(
            {"livenessProbe": {"exec": {"command": ["curl", "localhost:15000/ready"]}}},
            [f"{AT}.livenessProbe.exec.command"],
            id="exec probe",
        ),
        pytest.param(
            {"env": [{"name": "PORT"}, {"name": "ISTIO_QUIT_API"}]}, [f"{AT}.env[1]"], id="wrapper"
        ),
        pytest.param({"command": ["scuttle", "/app"]}, [], id="a wrapper that is told nothing"),
    ],
)
def test_admin_calls_elsewhere(container: dict[str, Any], paths: list[str]) -> None:
    assert [use.path for use in admin_uses(deployment(**container))] == paths


def test_the_sidecar_may_use_itself() -> None:
    assert admin_uses(deployment("istio-proxy", args=["pilot-agent"])) == ()


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("kubectl exec deploy/cart -c istio-proxy -- ls", True),
        ("pkill -TERM envoy", True),
        ("kubectl exec deploy/cart -c cart -- ls", False),
        ("kubectl logs deploy/cart -c istio-proxy", False),
        ("echo envoy; pkill nginx", False),
    ],
)
def test_exec(script: str, found: bool) -> None:  # noqa: FBT001
    assert bool(exec_uses(deployment(args=["sh", "-c", script]))) is found
