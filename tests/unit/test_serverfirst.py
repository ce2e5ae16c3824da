"""Which ports are sniffed, and what says that the server speaks first."""

import json
from typing import Any

import pytest

from migrator.istio.traffic.serverfirst import hint, undeclared

from .manifests import mesh


@pytest.mark.parametrize(
    ("ports", "image", "expected"),
    [
        pytest.param([{"port": 22}], "r/app:1", ["22 is the port of SSH"], id="a known port"),
        pytest.param(
            [{"port": 80, "targetPort": 587}], "r/app:1", ["587 is the port of SMTP"], id="behind it"
        ),
        pytest.param(
            [{"port": 3307}], "r/library/mariadb:11", ["Deployment/shop/db runs mariadb"], id="image"
        ),
        pytest.param(
            [{"port": 3307}], "r/mysql@sha256:0", ["Deployment/shop/db runs mysql"], id="a digest"
        ),
        pytest.param([{"port": 3307}], "mysql.example:5000/app", [""], id="a registry's name"),
        pytest.param([{"port": 8080}], "r/mysqladmin:1", [""], id="a longer word"),
        pytest.param(
            [{"port": 3307}, {"port": 9104}], "r/mysql:8", ["", ""], id="which of two is not said"
        ),
        pytest.param([{"port": 3306}], "r/mysql:8", [], id="never sniffed"),
        pytest.param([{"port": 22, "appProtocol": "tcp"}], "r/app:1", [], id="declared"),
        pytest.param([{"port": 5900, "protocol": "UDP"}], "r/app:1", [], id="not TCP"),
    ],
)  # fmt: skip
def test_hint(ports: list[dict[str, Any]], image: str, expected: list[str]) -> None:
    meta = {"name": "db", "namespace": "shop"}
    pods = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": image}]},
    }
    front = {"selector": {"app": "db"}, "ports": ports}
    bodies = [
        {"kind": "Service", "metadata": meta, "spec": front},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"template": pods},
        },
    ]
    of = mesh("\n---\n".join(json.dumps(body) for body in bodies))
    (service,) = of.services.all

    assert [hint(of, service, port) for port in undeclared(service)] == expected
