"""Probes by kind, phase and port."""

from typing import Any

import pytest

from migrator.istio.pods.probes import Probe, ProbeKind, probes
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot


def deployment(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = ()) -> Workload:
    spec = {"containers": list(containers), "initContainers": list(init)}
    body = {"spec": {"template": {"spec": spec}}}
    resource = Resource(Ref("apps", "Deployment", "shop", "cart"), body)
    return collect(Snapshot([resource]))[0]


AT = "spec.template.spec.containers[0]"


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param(
            {"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}},
            Probe(
                ProbeKind.HTTP, "readiness", "app", 8080, "/ready", f"{AT}.readinessProbe.httpGet"
            ),
            id="http",
        ),
        pytest.param(
            {"livenessProbe": {"httpGet": {"port": "8080"}}},
            Probe(ProbeKind.HTTP, "liveness", "app", 8080, "/", f"{AT}.livenessProbe.httpGet"),
            id="http without path, port as text",
        ),
        pytest.param(
            {
                "ports": [{"name": "admin", "containerPort": 9000}],
                "startupProbe": {"tcpSocket": {"port": "admin"}},
            },
            Probe(ProbeKind.TCP, "startup", "app", 9000, "", f"{AT}.startupProbe.tcpSocket"),
            id="tcp on a named port",
        ),
        pytest.param(
            {"livenessProbe": {"tcpSocket": {"port": "nowhere"}}},
            Probe(ProbeKind.TCP, "liveness", "app", None, "", f"{AT}.livenessProbe.tcpSocket"),
            id="a name that no port has",
        ),
        pytest.param(
            {"livenessProbe": {"grpc": {"port": 50051, "service": "liveness"}}},
            Probe(ProbeKind.GRPC, "liveness", "app", 50051, "", f"{AT}.livenessProbe.grpc"),
            id="grpc",
        ),
        pytest.param(
            {"livenessProbe": {"exec": {"command": ["true"]}}},
            Probe(ProbeKind.EXEC, "liveness", "app", None, "", f"{AT}.livenessProbe.exec"),
            id="exec",
        ),
    ],
)
def test_reads_each_kind(container: dict[str, Any], expected: Probe) -> None:
    assert probes(deployment({"name": "app", **container})) == (expected,)


def test_only_exec_stays_off_the_network() -> None:
    found = probes(
        deployment(
            {
                "name": "app",
                "startupProbe": {"tcpSocket": {"port": 1}},
                "readinessProbe": {"httpGet": {"port": 1}},
                "livenessProbe": {"exec": {"command": ["true"]}},
            }
        )
    )

    assert [(p.phase, p.over_network) for p in found] == [
        ("startup", True),
        ("readiness", True),
        ("liveness", False),
    ]


def test_sidecar_probes_are_not_the_applications() -> None:
    proxy = {"name": "istio-proxy", "readinessProbe": {"httpGet": {"port": 15021}}}

    assert probes(deployment({"name": "app"}, proxy, init=(proxy,))) == ()


def test_native_sidecar_containers_have_probes_too() -> None:
    cache = {
        "name": "cache",
        "restartPolicy": "Always",
        "startupProbe": {"tcpSocket": {"port": 6379}},
    }

    (probe,) = probes(deployment({"name": "app"}, init=(cache,)))

    assert (probe.container, probe.field_path) == (
        "cache",
        "spec.template.spec.initContainers[0].startupProbe.tcpSocket",
    )
