"""How Prometheus reaches metrics today, and which queries ask for Istio's."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.extensions.metric_queries import HTTP, queries
from migrator.istio.mesh import Mesh
from migrator.istio.pods.scraping import Scrape, is_scraper, merged_scrape
from migrator.istio.workloads import Workload
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

PORT, SCRAPE = "prometheus.io/port", "prometheus.io/scrape"


def mesh_of(annotations: dict[str, str], image: str = "cart:1", merge: str = "") -> Mesh:
    ports = [
        {"containerPort": 8080},
        {"containerPort": 53, "protocol": "UDP"},
        {"containerPort": 9091},
    ]
    template = {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": image, "ports": ports}]},
    }
    made = [
        Resource(Ref(*kinds.DEPLOYMENT, "shop", "cart"), {"spec": {"template": template}}),
        Resource(Ref(*kinds.CONFIG_MAP, "istio-system", "istio"), {"data": {"mesh": merge}}),
    ]
    return Mesh(Snapshot(made))


def only(mesh: Mesh) -> Workload:
    (workload,) = mesh.workloads
    return workload


@pytest.mark.parametrize(
    ("annotations", "scrape"),
    [
        ({}, None),
        ({SCRAPE: "true"}, Scrape((8080, 9091), SCRAPE)),
        ({SCRAPE: "true", PORT: "9090"}, Scrape((9090,), PORT)),
        ({SCRAPE: "false", PORT: "9090"}, None),
        ({SCRAPE: "true", PORT: "metrics"}, None),
        ({SCRAPE: "true", "prometheus.istio.io/merge-metrics": "false"}, None),
    ],
)
def test_annotations_that_the_injector_merges(
    annotations: dict[str, str], scrape: Scrape | None
) -> None:
    mesh = mesh_of(annotations)

    assert merged_scrape(mesh, only(mesh)) == scrape


def test_merging_can_be_off_in_the_mesh() -> None:
    mesh = mesh_of({SCRAPE: "true"}, merge="enablePrometheusMerge: false")

    assert merged_scrape(mesh, only(mesh)) is None


@pytest.mark.parametrize(
    ("image", "scraper"),
    [
        ("prom/prometheus:v3.1.0", True),
        ("registry.example/prometheus@sha256:abc", True),
        ("prometheus", True),
        ("registry.example/prometheus-exporter:1", False),
        ("registry.example/cart:1", False),
    ],
)
def test_who_scrapes(image: str, scraper: bool) -> None:  # noqa: FBT001
    assert is_scraper(only(mesh_of({}, image))) is scraper


def found_in(kind: GroupKind, spec: dict[str, Any]) -> list[tuple[str, str]]:
    made = Resource(Ref(*kind, "shop", "q"), {"spec": spec})
    return [(q.path, metric) for q in queries(made) if (metric := q.asks_for(HTTP))]


def test_queries_of_each_kind() -> None:
    asks = "rate(istio_requests_total[1m])"

    assert found_in(kinds.PROMETHEUS_RULE, {"groups": [{"rules": [{"expr": asks}]}]}) == [
        ("spec.groups[0].rules[0].expr", "istio_requests_total")
    ]
    by_query = {"metrics": [{"provider": {"prometheus": {"query": asks}}}]}
    assert found_in(kinds.ANALYSIS_TEMPLATE, by_query) == [
        ("spec.metrics[0].provider.prometheus.query", "istio_requests_total")
    ]
    assert found_in(kinds.SCALED_OBJECT, {"triggers": [{"metadata": {"query": asks}}]}) == [
        ("spec.triggers[0].metadata.query", "istio_requests_total")
    ]
    external = {"metrics": [{"external": {"metric": {"name": "istio_requests_total"}}}]}
    assert found_in(kinds.HPA, external) == [
        ("spec.metrics[0].external.metric.name", "istio_requests_total")
    ]
    builtin = {"analysis": {"metrics": [{"name": "other"}, {"name": "request-duration"}]}}
    assert found_in(kinds.FLAGGER_CANARY, builtin) == [
        ("spec.analysis.metrics[1]", "istio_requests_total")
    ]
    assert found_in(kinds.FLAGGER_CANARY, {**builtin, "provider": "linkerd"}) == []


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        (
            "istio_request_duration_milliseconds_bucket",
            "istio_request_duration_milliseconds_bucket",
        ),
        ("istio_tcp_sent_bytes_total", ""),
        ("my_istio_requests_total", ""),
        ('istio_requests_total{source_workload=~"istio-ingressgateway.*"}', ""),
        ('istio_requests_total{destination_workload="gateway-api"}', "istio_requests_total"),
    ],
)
def test_metrics_that_sidecars_report(text: str, metric: str) -> None:
    spec = {"groups": [{"rules": [{"expr": text}]}]}

    assert [found for _, found in found_in(kinds.PROMETHEUS_RULE, spec)] == [metric] * bool(metric)
