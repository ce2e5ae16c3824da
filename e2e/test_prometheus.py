"""`migrate plan --prometheus`, and the error rate of gates, on a real Prometheus with a written history."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from migrator.adapters.prometheus import ErrorRates, Prometheus
from migrator.adapters.prometheus.address import parse_address
from migrator.istio import kinds
from migrator.model.resource import Ref

from .prometheus import Series, Server

ROOT = Path(__file__).parents[1]
MESH = "plans/examples/shop/mesh"
REQUESTS = "istio_requests_total"
OPENED = "istio_tcp_connections_opened_total"
HOUR = 3600
DAY = 24 * HOUR
# `reader` with the password `canary-9431`; a user of a server that lives for one test
READER = "$2b$05$91eAy17Dys7O2Kyg8otZAupmrW9y9pTcoSHBTNCRMGPPaYmTdKUnK"


def labels(source: str, server: str, **more: str) -> dict[str, str]:
    """The labels of Istio's standard metrics; names as `namespace/name`."""
    from_namespace, _, from_name = source.partition("/")
    to_namespace, _, to_name = server.partition("/")
    return {
        "reporter": "destination",
        "source_workload": from_name or "unknown",
        "source_workload_namespace": from_namespace,
        "destination_workload": to_name,
        "destination_workload_namespace": to_namespace,
        "destination_service": f"{to_name}.{to_namespace}.svc.cluster.local",
        "destination_service_name": to_name,
        "destination_service_namespace": to_namespace,
        "connection_security_policy": "mutual_tls" if from_name else "none",
        "response_code": "200",
        "response_flags": "-",
    } | more


def growing(until: int, since: int, step: int, each: float) -> dict[int, float]:
    """Values by age: a counter that grows by `each` at every step."""
    ages = range(since, until - 1, -step)
    return {age: each * (i + 1) for i, age in enumerate(ages)}


STEADY = growing(0, 3 * HOUR, 15, 5)
GATEWAY = "shop-ingress/storefront-gateway"
HISTORY = [
    *(
        Series(REQUESTS, labels(source, server, reporter=reporter), STEADY)
        for reporter in ("source", "destination")
        for source, server in [(GATEWAY, "shop/web"), ("shop/web", "shop/catalog")]
    ),
    # once, four and a half days ago: it never increased
    Series(REQUESTS, labels("shop/cart", "warehouse/stock"), {4 * DAY + 12 * HOUR: 1}),
    Series(OPENED, labels("warehouse/stock", "warehouse/stock-db", response_code=""), STEADY),
    # nobody vouches for these, and nobody knows that one
    Series(REQUESTS, labels("", "shop/web"), STEADY),
    Series(REQUESTS, labels("shop/retired", "shop/web"), STEADY),
    # beyond the window
    Series(REQUESTS, labels("shop/catalog", "shop/web"), {9 * DAY: 7}),
    # catalog: one in ten fails, as the caller saw it; and pods that are a minute old
    Series(
        REQUESTS,
        labels("shop/web", "shop/catalog", reporter="source", response_code="503"),
        growing(0, 3 * HOUR, 15, 0.5),
    ),
    Series(
        REQUESTS,
        labels("shop/web", "shop/catalog", reporter="source", response_code="500"),
        dict.fromkeys((60, 45, 30, 15, 0), 40),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(HISTORY) as running:
        yield running


def migrate(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


def text_of(file: Path) -> str:
    """What stands in it; snapshots are compressed."""
    data = file.read_bytes()
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()


def test_a_plan_with_measured_calls(server, tmp_path):
    """As a user would; what is saved reads back to the same plan."""
    calls, first, second = (tmp_path / name for name in ("calls.yaml", "a.yaml", "b.yaml"))
    url = f"http://{server.place}"
    done = migrate("plan", MESH, "--prometheus", url, "--save-calls", str(calls), "-o", str(first))
    again = migrate("plan", MESH, "--calls", str(calls), "-o", str(second))

    assert (done.returncode, again.returncode) == (0, 0), done.stderr + again.stderr
    graph = yaml.safe_load(calls.read_text())
    assert graph["complete"] is False
    assert [(call["from"], call["to"]) for call in graph["calls"]] == [
        ({"namespace": "shop", "name": "web"}, {"namespace": "shop", "service": "catalog"}),
        ({"gateway": GATEWAY}, {"namespace": "shop", "service": "web"}),
        ({"namespace": "shop", "name": "cart"}, {"namespace": "warehouse", "service": "stock"}),
        (
            {"namespace": "warehouse", "name": "stock"},
            {"namespace": "warehouse", "service": "stock-db"},
        ),
    ]
    measured = graph["measured"]
    assert measured["at"] == url
    assert measured["outside"] == [{"namespace": "shop", "service": "web"}]
    assert measured["unplaced"] == ["caller shop/retired"]
    assert measured["gaps"] == ["5 of 7 days hold no series at all"]
    plan = yaml.safe_load(first.read_text())
    assert plan["header"]["calls"] == "partial"
    assert any("they add callers" in line for line in plan["assumptions"])
    assert first.read_text() == second.read_text()


def test_a_shorter_window_sees_less(server, tmp_path):
    calls = tmp_path / "calls.yaml"
    done = migrate(
        "plan", MESH, "--prometheus", f"http://{server.place}", "--prometheus-window", "2h",
        "--save-calls", str(calls),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "cart" not in calls.read_text()


def test_the_error_rate_counts_each_request_once_and_what_new_pods_counted(server):
    """In 5 minutes 20 steps: 100 good ones, 10 that failed, and 40 of the new pods, seen by the caller."""
    probe = ErrorRates(Prometheus(parse_address(f"http://{server.place}")))
    rate = probe.error_rate([Ref(*kinds.SERVICE, "shop", "catalog")], 300)

    assert rate is not None
    assert rate.requests == pytest.approx(150, rel=0.1)
    assert rate.errors == pytest.approx(50, rel=0.1)
    assert probe.error_rate([Ref(*kinds.SERVICE, "shop", "nowhere")], 300) is None


def test_a_mesh_that_this_prometheus_does_not_know():
    with Server([Series("up", {"job": "other"}, STEADY)]) as other:
        done = migrate("plan", MESH, "--prometheus", f"http://{other.place}")

    assert done.returncode == 1
    assert "no series of Istio's calls" in done.stderr
    assert done.stdout == ""


def test_a_password_is_asked_for_used_and_written_nowhere(tmp_path):
    with Server(HISTORY, {"reader": READER}) as guarded:
        url = f"http://reader:{{}}@{guarded.place}"
        wrong = migrate("plan", MESH, "--prometheus", url.format("wrong-5527"))
        without = migrate("plan", MESH, "--prometheus", f"http://{guarded.place}")
        right = migrate(
            "plan", MESH, "--prometheus", url.format("canary-9431"),
            "--save-calls", str(tmp_path / "calls.yaml"), "-o", str(tmp_path / "plan.yaml"),
        )  # fmt: skip

    for refused in (wrong, without):
        assert refused.returncode == 1
        assert "refuses this user" in refused.stderr
    assert "wrong-5527" not in wrong.stderr
    assert right.returncode == 0, right.stderr
    written = [text_of(file) for file in tmp_path.iterdir()]
    assert not [t for t in (right.stderr, right.stdout, *written) if "canary-9431" in t]
