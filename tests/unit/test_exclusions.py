"""What annotations keep out of a sidecar, and what they only seem to."""

import pytest

from migrator.istio.pods.exclusions import Exclusion, exclusions
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot

PREFIX = "traffic.sidecar.istio.io/"


def deployment(**annotations: str) -> Workload:
    """A Deployment with TCP ports 8080 and 9090, and UDP port 53."""
    ports = [
        {"containerPort": 8080},
        {"containerPort": 9090},
        {"containerPort": 53, "protocol": "UDP"},
    ]
    template = {
        "metadata": {"annotations": {PREFIX + key: value for key, value in annotations.items()}},
        "spec": {"containers": [{"name": "app", "ports": ports}]},
    }
    resource = Resource(Ref("apps", "Deployment", "shop", "cart"), {"spec": {"template": template}})
    return collect(Snapshot([resource]))[0]


def inbound(name: str, value: str, *ports: int) -> Exclusion:
    return Exclusion(PREFIX + name, value, inbound=True, ports=ports)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, (), id="nothing said"),
        pytest.param(
            {"excludeInboundPorts": "9090, 15020"},
            (inbound("excludeInboundPorts", "9090, 15020", 9090),),
            id="a port beside the sidecar's own",
        ),
        pytest.param({"excludeInboundPorts": "15020,15021,15090"}, (), id="the sidecar's own"),
        pytest.param({"excludeInboundPorts": ""}, (), id="none"),
        pytest.param({"includeInboundPorts": "*"}, (), id="all, the default"),
        pytest.param(
            {"includeInboundPorts": "8080"},
            (inbound("includeInboundPorts", "8080", 9090),),
            id="one of two",
        ),
        pytest.param({"includeInboundPorts": "8080,9090"}, (), id="both"),
        pytest.param(
            {"includeInboundPorts": ""}, (inbound("includeInboundPorts", ""),), id="no port at all"
        ),
        pytest.param(
            {"excludeOutboundPorts": "3306"},
            (Exclusion(PREFIX + "excludeOutboundPorts", "3306", inbound=False),),
            id="an outbound port",
        ),
        pytest.param({"includeOutboundPorts": "9093"}, (), id="it adds, and excludes nothing"),
        pytest.param({"includeOutboundIPRanges": "*"}, (), id="all ranges, the default"),
        pytest.param(
            {"includeOutboundIPRanges": ""},
            (Exclusion(PREFIX + "includeOutboundIPRanges", "", inbound=False),),
            id="no range at all",
        ),
    ],
)
def test_exclusions(annotations: dict[str, str], expected: tuple[Exclusion, ...]) -> None:
    assert exclusions(deployment(**annotations)) == expected
