"""Which account a workload runs as: policies name callers by it."""

from typing import Any

import pytest

from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref, Resource


def _workload(pod_spec: dict[str, Any]) -> Workload:
    ref = Ref("apps", "Deployment", "shop", "web")
    template = {"spec": pod_spec}
    resource = Resource(ref, {"spec": {"template": template}})
    return Workload(ref, resource, template, "spec.template", 1, (), Role.APP)


@pytest.mark.parametrize(
    ("pod_spec", "account"),
    [
        ({}, "default"),
        ({"serviceAccountName": ""}, "default"),
        ({"serviceAccountName": "web"}, "web"),
        ({"serviceAccount": "web"}, "web"),
        ({"serviceAccountName": "web", "serviceAccount": "old"}, "web"),
    ],
)
def test_account(pod_spec: dict[str, Any], account: str) -> None:
    assert _workload(pod_spec).service_account == account
