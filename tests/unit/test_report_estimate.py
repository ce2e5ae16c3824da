"""What the estimate counts, and where it takes each number from."""

import json

import pytest

from migrator.adapters.files import read_sources
from migrator.istio.mesh import Mesh
from migrator.report.estimate import estimate
from migrator.report.estimate_text import lines

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {%s}}
    spec: {containers: [{name: app, image: web:1}%s]}
---
"""
AGENT = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: app, image: agent:1}]}
---
"""
NODES = """
apiVersion: v1
kind: Node
metadata: {name: one, labels: {kubernetes.io/os: linux}}
---
apiVersion: v1
kind: Node
metadata: {name: two}
---
apiVersion: v1
kind: Node
metadata: {name: three, labels: {kubernetes.io/os: windows}}
---
"""
ZTUNNEL = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ztunnel, namespace: istio-system}
spec:
  selector: {matchLabels: {app: ztunnel}}
  template:
    metadata: {labels: {app: ztunnel}}
    spec:
      containers:
      - {name: istio-proxy, image: ztunnel:1, resources: {requests: {cpu: 50m, memory: 64Mi}}}
status: {desiredNumberScheduled: 5, numberReady: 5}
---
"""
POD = """
apiVersion: v1
kind: Pod
metadata:
  name: %s
  namespace: shop
  labels: {app: web}
  annotations: {sidecar.istio.io/status: '{"revision":"default"}'}
spec:
  %s:
  - {name: istio-proxy, image: proxyv2:1.30.3, resources: {requests: {cpu: 250m, memory: 256Mi}}}
status: {phase: %s}
---
"""


def injector(values, name="istio-sidecar-injector"):
    return f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: istio-system}}
data:
  values: '{json.dumps({"global": values})}'
---
"""


@pytest.fixture
def of(tmp_path):
    """The estimate of manifests, read as the command reads them."""

    def read(*texts, nodes=0):
        file = tmp_path / "mesh.yaml"
        file.write_text("".join(texts))
        return estimate(Mesh(read_sources([str(file)]).snapshot), nodes)

    return read


def sidecars(found):
    return (found.sidecars.pods, round(found.sidecars.cpu * 1000), found.sidecars.memory)


def proxy(requests):
    return {"proxy": {"resources": requests}}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param((WEB % ("", ""),), (3, 300, 384), id="the chart's defaults"),
        pytest.param(
            (WEB % ("sidecar.istio.io/proxyCPU: 500m, sidecar.istio.io/proxyMemory: 1Gi", ""),),
            (3, 1500, 3072),
            id="annotations",
        ),
        pytest.param(
            (WEB % ("sidecar.istio.io/proxyCPU: 500m", ""),),
            (3, 1500, 0),
            id="one annotation leaves out the values, so memory has no request",
        ),
        pytest.param(
            (WEB % ("sidecar.istio.io/proxyMemoryLimit: 1Gi", ""),),
            (3, 0, 3072),
            id="Kubernetes takes a limit for the request",
        ),
        pytest.param(
            (WEB % ("", ", {name: istio-proxy, image: auto, resources: {requests: {cpu: 10m}}}"),),
            (3, 30, 384),
            id="the template's own istio-proxy goes before the values, key by key",
        ),
        pytest.param(
            (
                injector(proxy({"requests": {"cpu": "10m", "memory": "40Mi"}})),
                WEB % ("", ""),
            ),
            (3, 30, 120),
            id="the injector's values",
        ),
        pytest.param(
            (injector(proxy({"limits": {"cpu": 2}})), WEB % ("", "")),
            (3, 6000, 0),
            id="the injector's values are whole: no default beside them",
        ),
        pytest.param(
            (
                injector(proxy({"requests": {"cpu": "10m"}}), "istio-sidecar-injector-old"),
                injector(proxy({"requests": {"cpu": "20m"}})),
                WEB % ("", ""),
            ),
            (3, 60, 0),
            id="the values of its own revision",
        ),
        pytest.param((injector({"proxy": "nonsense"}), WEB % ("", "")), (3, 0, 0), id="no mapping"),
        pytest.param(
            (POD % ("a", "containers", "Running"), POD % ("b", "initContainers", "Running")),
            (2, 500, 512),
            id="running pods, native sidecars too",
        ),
        pytest.param(
            (POD % ("a", "containers", "Running"), POD % ("b", "containers", "Succeeded")),
            (1, 250, 256),
            id="pods that ended hold nothing",
        ),
        pytest.param((AGENT, NODES), (2, 200, 256), id="a DaemonSet runs on each Linux node"),
        pytest.param((AGENT, ZTUNNEL), (5, 500, 640), id="as many nodes as ztunnel has"),
    ],
)
def test_sidecars(of, texts, expected):
    """(pods, milli-CPU, MiB), by injection-template.yaml of Istio's chart."""
    assert sidecars(of(SHOP, *texts)) == expected


def test_an_installer_says_only_what_differs(of):
    """IstioOperator's values lie over the chart's."""
    operator = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: install, namespace: istio-system}
spec: {values: {global: {proxy: {resources: {requests: {cpu: 30m}}}}}}
---
"""
    assert sidecars(of(SHOP, operator, WEB % ("", ""))) == (3, 90, 384)


def test_ztunnel_by_its_own_daemon_set(of):
    found = of(SHOP, ZTUNNEL, WEB % ("", ""))

    assert (found.ztunnel.pods, found.ztunnel.cpu, found.ztunnel.memory) == (5, 0.25, 320)
    assert any("DaemonSet/istio-system/ztunnel" in said for said in found.assumptions)


def test_nodes_of_the_command_line_go_before_all(of):
    found = of(SHOP, ZTUNNEL, NODES, WEB % ("", ""), nodes=7)

    assert found.ztunnel.pods == 7
    assert not any("--nodes" in said for said in found.assumptions)


def test_an_assumed_node_is_said(of):
    """And that ambient can request more, in words."""
    found = of(SHOP, WEB % ("", ""))

    assert found.ztunnel.pods == 1
    assert any("one is assumed (--nodes)" in said for said in found.assumptions)
    text = "\n".join(line for line, _ in lines(found, 80))
    assert "Ambient requests 0.1 CPU less and 128 MiB of memory more." in text


def test_nothing_to_save_is_said(of):
    text = "\n".join(line for line, _ in lines(of(SHOP), 80))

    assert "there is nothing to save" in text


def test_saved_is_the_difference(of):
    found = of(SHOP, NODES, *(WEB.replace("web", f"web-{n}") % ("", "") for n in range(5)))

    assert found.saved.cpu == pytest.approx(
        found.sidecars.cpu - found.ztunnel.cpu - found.waypoints.cpu
    )
    assert found.saved.memory == found.sidecars.memory - found.ztunnel.memory
