"""What is made again of a mesh, and what is not."""

import pytest

from migrator.istio.mesh import Mesh
from migrator.rehearsal import standin
from migrator.rehearsal.recreate import Wish, recreate, ref_of
from tests.unit.manifests import snapshot

MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}, uid: abc}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {kubectl.kubernetes.io/last-applied-configuration: x}}
spec:
  clusterIP: 10.0.0.1
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: 8080, nodePort: 30080}
    - {name: tcp-admin, port: 9000}
    - {name: dns, port: 53, protocol: UDP}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, resourceVersion: "7"}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {proxy.istio.io/config: "a: b"}}
    spec:
      serviceAccountName: web
      nodeSelector: {disk: fast}
      volumes: [{name: data, emptyDir: {}}]
      initContainers: [{name: migrate-db, image: x}]
      containers:
        - name: web
          image: registry.example.com/web:1
          env: [{name: PASSWORD, value: hidden}]
          ports: [{containerPort: 8080, name: http-main}]
          volumeMounts: [{name: data, mountPath: /data}]
          readinessProbe: {exec: {command: [cat, /ready]}}
          livenessProbe: {httpGet: {path: /alive, port: 8081, scheme: HTTPS}}
status: {replicas: 5}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: job, image: y}]}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod}}
spec: {selector: {matchLabels: {app: istiod}}, template: {metadata: {labels: {app: istiod}}}}
---
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {maxReplicas: 9}
"""


def made():
    return recreate(Mesh(snapshot(MESH)), Wish("stand/in:1", 2))


def one(kind, name):
    (found,) = (m for m in made().manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def test_the_order_is_that_in_which_things_are_needed():
    assert [str(ref_of(m)) for m in made().manifests] == [
        "Namespace/shop", "ServiceAccount/shop/web", "Service/shop/web",
        "PeerAuthentication/istio-system/default", "Deployment/shop/web", "CronJob/shop/nightly",
    ]  # fmt: skip


def test_what_a_server_wrote_is_left_out():
    assert one("Namespace", "shop")["metadata"] == {
        "name": "shop", "labels": {"istio-injection": "enabled", "migrate/rehearsal": "true"},
    }  # fmt: skip
    service = one("Service", "web")
    assert service["metadata"] == {"name": "web", "namespace": "shop"}
    assert "clusterIP" not in service["spec"]
    assert service["spec"]["ports"][0] == {"name": "http", "port": 80, "targetPort": 8080}
    assert set(one("Deployment", "web")["metadata"]) == {"name", "namespace"}


def test_istios_older_versions_become_the_one_that_is_served_first():
    assert one("PeerAuthentication", "default")["apiVersion"] == "security.istio.io/v1"


def test_a_stand_in_listens_on_every_port_with_its_protocol():
    deployment = one("Deployment", "web")
    assert deployment["spec"]["replicas"] == 2
    spec = deployment["spec"]["template"]["spec"]
    assert spec.keys() == {"serviceAccountName", "containers"}
    (container,) = spec["containers"]
    assert container["image"] == "stand/in:1"
    assert container["command"] == [standin.PROGRAM, "serve", "8080/http", "8081/http", "9000/tcp"]
    assert container["readinessProbe"] == {"exec": {"command": [standin.PROGRAM, "ok"]}}
    assert container["livenessProbe"]["httpGet"] == {
        "path": "/alive",
        "port": 8081,
        "scheme": "HTTP",
    }
    assert container.keys().isdisjoint({"env", "volumeMounts", "resources"})


def test_a_job_ends():
    template = one("CronJob", "nightly")["spec"]["jobTemplate"]["spec"]["template"]
    assert template["spec"]["containers"][0]["command"] == [standin.PROGRAM, "once"]


def test_each_port_is_served_by_one_container():
    spec = {"containers": [
        {"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 2, "name": "grpc"}]},
        {"name": "b", "ports": [{"containerPort": 2}, {"containerPort": 3, "protocol": "UDP"}]},
        {"name": "istio-proxy", "image": "auto", "args": ["proxy"]},
    ]}  # fmt: skip
    found = standin.pod_spec(spec, {4: "http"}, "i", ends=False)["containers"]
    assert found[0]["command"][2:] == ["1/tcp", "2/grpc", "4/http"]
    assert found[1]["command"][2:] == []
    assert found[2] == {"name": "istio-proxy", "image": "auto", "imagePullPolicy": "IfNotPresent"}


@pytest.mark.parametrize(
    ("probe", "services", "served"),
    [
        ({"httpGet": {"port": "health"}}, {}, "9/http"),
        ({"httpGet": {"port": 9}}, {}, "9/http"),
        ({"httpGet": {"port": 9}}, {9: "tcp"}, "9/http"),
        ({"grpc": {"port": 9}}, {}, "9/grpc"),
        ({"httpGet": {"port": 9}}, {9: "grpc"}, "9/grpc"),  # which answers HTTP too
        ({"tcpSocket": {"port": "health"}}, {}, "9/tcp"),
        ({"tcpSocket": {"port": 9}}, {9: "http"}, "9/http"),
        ({"httpGet": {"port": "another"}}, {}, "9/tcp"),
    ],
)
def test_a_port_speaks_what_its_probe_asks(probe, services, served):
    one = {"name": "a", "readinessProbe": probe}
    one["ports"] = [{"name": "health", "containerPort": 9}]
    (found,) = standin.pod_spec({"containers": [one]}, services, "i", ends=False)["containers"]
    assert found["command"][2:] == [served]


def test_a_probe_of_a_port_that_nothing_declares_is_answered():
    one = {"name": "a", "livenessProbe": {"tcpSocket": {"port": 7}}}
    (found,) = standin.pod_spec({"containers": [one]}, {}, "i", ends=False)["containers"]
    assert found["command"][2:] == ["7/tcp"]


def test_what_is_left_out_is_said():
    said = " ".join(made().left_out)
    assert "HorizontalPodAutoscaler" in said
    assert "Secrets" in said


def test_namespaces_say_which_rehearsal_made_them():
    made = recreate(Mesh(snapshot(MESH)), Wish(owner="a-1-b")).manifests
    (labels,) = (m["metadata"]["labels"] for m in made if m["kind"] == "Namespace")
    assert labels["migrate/rehearsal-owner"] == "a-1-b"


def test_a_gateway_of_an_older_version_is_made_in_the_one_that_is_served():
    text = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: Gateway
metadata: {name: door, namespace: shop}
spec: {gatewayClassName: istio, listeners: []}
"""
    (made,) = (
        m for m in recreate(Mesh(snapshot(text)), Wish()).manifests if m["kind"] == "Gateway"
    )
    assert made["apiVersion"] == "gateway.networking.k8s.io/v1"
