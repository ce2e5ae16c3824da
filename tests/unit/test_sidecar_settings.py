"""What a template asks of its sidecar."""

from typing import Any

import pytest

from migrator.istio.meshconfig import MeshConfig
from migrator.istio.pods.sidecar_settings import (
    is_injected_pod,
    proxy_config,
    proxy_metadata,
    templates,
)
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot


def deployment(**annotations: str) -> Workload:
    body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    return collect(Snapshot([Resource(Ref("apps", "Deployment", "shop", "cart"), body)]))[0]


def pod(**annotations: str) -> Workload:
    body = {"metadata": {"annotations": annotations}}
    return collect(Snapshot([Resource(Ref("", "Pod", "shop", "cart"), body)]))[0]


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("concurrency: 2", {"concurrency": 2}),
        ('{"holdApplicationUntilProxyStarts": true}', {"holdApplicationUntilProxyStarts": True}),
        ("", {}),
        ("just words", {}),
        ("a: [", {}),
        ("a: 2026-99-99", {}),
        ("[" * 5000, {}),
    ],
)
def test_reads_the_annotation_as_yaml(text: str, config: dict[str, Any]) -> None:
    assert proxy_config(deployment(**{"proxy.istio.io/config": text})) == config


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        pytest.param("", {"A": "mesh", "ON": "true"}, id="the mesh's"),
        pytest.param(
            "proxyMetadata: {A: own, N: 1, B: true}",
            {"A": "own", "ON": "true", "N": "1", "B": "true"},
            id="overlaid, as text",
        ),
        pytest.param("proxyMetadata: [A]", {"A": "mesh", "ON": "true"}, id="not a map"),
    ],
)
def test_own_metadata_lies_over_the_meshs(text: str, metadata: dict[str, str]) -> None:
    mesh = MeshConfig(values={"defaultConfig": {"proxyMetadata": {"A": "mesh", "ON": True}}})

    assert proxy_metadata(deployment(**{"proxy.istio.io/config": text}), mesh) == metadata


def test_template_names() -> None:
    assert templates(deployment(**{"inject.istio.io/templates": "sidecar, spire"})) == (
        "sidecar",
        "spire",
    )
    assert templates(deployment()) == ()


def test_only_a_pod_that_the_webhook_changed_is_an_injected_pod() -> None:
    status = {"sidecar.istio.io/status": "{}"}

    assert is_injected_pod(pod(**status))
    assert not is_injected_pod(pod())
    assert not is_injected_pod(deployment(**status))
