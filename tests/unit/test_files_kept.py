"""What is kept of an object: what rules read, and nothing that a person may have to hide."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migrator.adapters import redact
from migrator.adapters.files import read_sources
from migrator.adapters.snapshot_file import dump
from migrator.errors import ManifestError
from migrator.model.resource import Resource

CANARY = "c4n4ry-hunter2"
POD_SPEC = f"""\
hostNetwork: true
serviceAccount: cart
imagePullSecrets: [{{name: {CANARY}}}]
containers:
- name: cart
  image: registry.example/cart:1
  command: [sh, -c, "login --password {CANARY}; curl -X POST localhost:15020/quitquitquit"]
  args: [--token={CANARY}, --config, proxy]
  env:
  - {{name: DATABASE_PASSWORD, value: {CANARY}}}
  - {{name: ISTIO_QUIT_API, value: "http://127.0.0.1:15020"}}
  - {{name: ISTIO_PASSWORD, value: {CANARY}}}
  - {{name: PILOT_REMOTE, value: "https://user:{CANARY}@pilot.example"}}
  - {{name: HEALTH, value: "http://{CANARY}@localhost:15021/healthz/ready"}}
  - {{name: FROM, valueFrom: {{secretKeyRef: {{name: {CANARY}, key: {CANARY}}}}}}}
  - {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
  envFrom: [{{secretRef: {{name: {CANARY}}}}}]
  ports: [{{containerPort: 8080, name: http}}]
  livenessProbe: {{httpGet: {{path: /, port: 8080, httpHeaders: [{{name: Authorization, value: {CANARY}}}]}}}}
  readinessProbe: {{exec: {{command: [psql, "password={CANARY}"]}}}}
  lifecycle: {{preStop: {{exec: {{command: [sh, -c, "pkill {CANARY} envoy"]}}}}}}
  volumeMounts:
  - {{name: kube-api-access-x7k2p, mountPath: /var/run}}
  - {{name: data, mountPath: /data}}
volumes:
- {{name: kube-api-access-x7k2p, projected: {{sources: []}}}}
- {{name: data, secret: {{secretName: {CANARY}}}}}
"""
ANNOTATIONS = f"""\
kubectl.kubernetes.io/last-applied-configuration: '{{"a": "{CANARY}"}}'
vault.example/token: {CANARY}
sidecar.istio.io/inject: "true"
proxy.istio.io/config: |
  holdApplicationUntilProxyStarts: true
  proxyMetadata: {{TOKEN: {CANARY}, ISTIO_META_DNS_CAPTURE: "true"}}
"""


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line + "\n" for line in text.splitlines())


METADATA = f"""\
metadata:
  name: cart
  namespace: shop
  uid: {CANARY}
  resourceVersion: "7"
  generation: 3
  creationTimestamp: 2024-01-01T00:00:00Z
  managedFields: [{{manager: {CANARY}}}]
  annotations:
{indented(ANNOTATIONS, 4)}"""
POD = f"apiVersion: v1\nkind: Pod\n{METADATA}spec:\n{indented(POD_SPEC, 2)}status: {{phase: Running, podIP: 10.0.0.1, conditions: [{{type: Ready, status: 'True'}}, {{type: Initialized, status: 'True'}}]}}\n"  # noqa: E501
DEPLOYMENT = (
    f"apiVersion: apps/v1\nkind: Deployment\n{METADATA}spec:\n  replicas: 1\n  template:\n"
    f"    metadata:\n      annotations:\n{indented(ANNOTATIONS, 8)}    spec:\n{indented(POD_SPEC, 6)}"
    "status: {readyReplicas: 1, collisionCount: 4}\n"
)
CONFIG_MAP = (
    f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app}}\ndata: {{password: {CANARY}}}\n"
)
MESH_CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n"
    f"  mesh: |\n    trustDomain: shop.example\n    defaultConfig:\n      proxyMetadata: {{T: {CANARY}}}\n"
)
OPERATOR = (
    "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: istio}\nspec:\n"
    "  meshConfig: {defaultConfig: {proxyMetadata: {A: " + CANARY + "}}}\n"
    "  components: {pilot: {k8s: {env: [{name: A, value: " + CANARY + "}]}}}\n"
    "  values: {pilot: {env: {A: " + CANARY + ", PILOT_ENABLE_AMBIENT: true}}}\n"
)
APPLICATION = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec:\n"
    f"  source: {{repoURL: 'https://u:{CANARY}@git.example', path: shop, helm: {{values: {CANARY}}}}}\n"
    f"  destination: {{namespace: shop}}\nstatus: {{history: [{CANARY}]}}\n"
)
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData: {{a: {CANARY}}}\n"
ALL = {
    "Pod": POD, "Deployment": DEPLOYMENT, "ConfigMap": CONFIG_MAP, "mesh configuration": MESH_CONFIG,
    "IstioOperator": OPERATOR, "Application": APPLICATION, "Secret": SECRET,
}  # fmt: skip


def kept_of(text: str, folder: Path) -> Resource:
    file = folder / "mesh.yaml"
    file.write_text(text)
    snapshot = read_sources([str(file)]).snapshot
    assert snapshot.unread == ()
    (resource,) = snapshot
    return resource


@pytest.mark.parametrize("text", ALL.values(), ids=ALL.keys())
def test_nothing_secret_is_in_a_snapshot(text: str, tmp_path: Path) -> None:
    """Not in its bodies, nor in the file that is made to be handed to others."""
    file = tmp_path / "mesh.yaml"
    file.write_text(text)
    assert CANARY in text

    snapshot = read_sources([str(file)]).snapshot

    bodies = b"".join(msgspec.json.encode(r.body) for r in snapshot)
    assert CANARY.encode() not in bodies
    assert CANARY.encode() not in gzip.decompress(dump(snapshot))


@pytest.mark.parametrize("text", [POD, DEPLOYMENT])
def test_what_rules_read_of_a_pod_is_kept(text: str, tmp_path: Path) -> None:
    body: Any = kept_of(text, tmp_path)
    spec = body.spec.get("template", body.body)["spec"]

    (container,) = spec["containers"]
    assert spec["hostNetwork"] is True
    assert spec["serviceAccountName"] == "cart"
    assert container["command"] == ["", "", "localhost:15020/quitquitquit"]
    assert container["args"] == ["", "", "proxy"]
    assert container["env"] == [
        {"name": "DATABASE_PASSWORD"},
        {"name": "ISTIO_QUIT_API", "value": "http://127.0.0.1:15020"},
        {"name": "ISTIO_PASSWORD"},
        {"name": "PILOT_REMOTE"},
        {"name": "HEALTH", "value": "localhost:15021/healthz/ready"},
        {"name": "FROM", "valueFrom": {"secretKeyRef": {}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    assert container["livenessProbe"]["httpGet"]["httpHeaders"] == [
        {"name": "Authorization", "value": ""}
    ]
    assert container["readinessProbe"] == {"exec": {"command": ["", ""]}}
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["", "", "pkill envoy"]
    assert [m["name"] for m in container["volumeMounts"]] == ["data"]
    assert spec["volumes"] == [{"name": "data", "secret": {}}]


def test_metadata_keeps_what_orders_and_owns(tmp_path: Path) -> None:
    """`creationTimestamp` decides between two policies; identifiers change with every apply."""
    metadata = kept_of(POD, tmp_path).metadata

    assert set(metadata) == {"name", "namespace", "generation", "creationTimestamp", "annotations"}
    assert set(metadata["annotations"]) == {"sidecar.istio.io/inject", "proxy.istio.io/config"}
    config = msgspec.json.decode(metadata["annotations"]["proxy.istio.io/config"])
    assert config == {
        "holdApplicationUntilProxyStarts": True,
        "proxyMetadata": {"TOKEN": "", "ISTIO_META_DNS_CAPTURE": "true"},
    }


def test_status_keeps_a_few_facts(tmp_path: Path) -> None:
    assert kept_of(POD, tmp_path).status == {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    assert kept_of(DEPLOYMENT, tmp_path).status == {"readyReplicas": 1}


def test_the_mesh_configuration_is_kept(tmp_path: Path) -> None:
    mesh = msgspec.json.decode(kept_of(MESH_CONFIG, tmp_path).body["data"]["mesh"])

    assert mesh["trustDomain"] == "shop.example"
    assert mesh["defaultConfig"] == {"proxyMetadata": {"T": ""}}
    assert "data" not in kept_of(CONFIG_MAP, tmp_path).body


def test_switches_of_a_chart_are_kept(tmp_path: Path) -> None:
    spec = kept_of(OPERATOR, tmp_path).spec

    assert spec["values"]["pilot"]["env"] == {"A": "", "PILOT_ENABLE_AMBIENT": "true"}
    assert spec["components"]["pilot"]["k8s"]["env"] == [{"name": "A"}]


FRAGMENTS = {
    "pilot-agent wait && exec /app/server": "pilot-agent exec",
    "curl http://localhost:15000/clusters?x=y": "localhost:15000/clusters",
    "curl http://localhost:8080/15000": "",
    "my-proxy --envoyed executor": "",
    "iptables -t nat": "iptables",
    "wget -qO- 127.0.0.1:15021/healthz/ready": "127.0.0.1:15021/healthz/ready",
    "until curl $HOST/healthz/ready; do sleep 1; done": "/healthz/ready",
}


@pytest.mark.parametrize(("text", "kept"), FRAGMENTS.items())
def test_commands_keep_only_what_rules_look_for(text: str, kept: str) -> None:
    assert redact.fragments(text) == kept


def test_equal_parts_of_pods_are_kept_once(tmp_path: Path) -> None:
    """A hundred thousand pods of a few thousand workloads fit into memory."""
    pods = "---\n".join(POD.replace("name: cart\n", f"name: cart-{i}\n", 1) for i in range(3))
    (tmp_path / "mesh.yaml").write_text(pods)

    first, *others = read_sources([str(tmp_path)]).snapshot

    assert {id(first.spec)} == {id(pod.spec) for pod in others}
    assert {id(first.annotations)} == {id(pod.annotations) for pod in others}


def test_a_port_without_its_number_is_said(tmp_path):
    """The API server refuses it; rules take the number for granted."""
    path = tmp_path / "cart.yaml"
    path.write_text(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart}, spec: {template: {spec: "
        "{containers: [{name: cart, image: a, ports: [{name: http}, {containerPort: 80}]}]}}}}"
    )

    with pytest.raises(ManifestError, match=r"ports\[0\]\.containerPort must be given"):
        read_sources([str(path)])
