"""The requests that an autoscaler's percentages are taken of."""

from typing import Any

import pytest

from migrator.istio.pods.autoscaling import requests_in_words
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot


def deployment(*requests: dict[str, Any], **annotations: str) -> Workload:
    containers = [{"name": f"c{i}", "resources": {"requests": r}} for i, r in enumerate(requests)]
    template = {
        "metadata": {"annotations": {f"sidecar.istio.io/{k}": v for k, v in annotations.items()}},
        "spec": {
            "containers": [*containers, {"name": "istio-proxy"}],
            "initContainers": [{"name": "init"}],
        },
    }
    resource = Resource(Ref("apps", "Deployment", "shop", "cart"), {"spec": {"template": template}})
    return collect(Snapshot([resource]))[0]


@pytest.mark.parametrize(
    ("workload", "resource", "words"),
    [
        (deployment({"cpu": "500m"}), "cpu", "600m requested with it, 500m without"),
        (deployment({"cpu": 1}, {"cpu": "250m"}), "cpu", "1350m requested with it, 1250m without"),
        (
            deployment({"cpu": "500m"}, proxyCPU="2"),
            "cpu",
            "2500m requested with it, 500m without",
        ),
        (deployment({"memory": "1Gi"}), "memory", "1152Mi requested with it, 1024Mi without"),
        (deployment({"cpu": "500m"}, {}), "cpu", ""),
        (deployment({"cpu": "500m"}), "memory", ""),
        (deployment({"cpu": "500m"}, proxyCPU="some"), "cpu", ""),
        (deployment({"storage": "1Gi"}), "storage", ""),
    ],
)
def test_requests(workload: Workload, resource: str, words: str) -> None:
    assert requests_in_words(workload, resource) == words
