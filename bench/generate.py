"""A made-up mesh of any size: the same size gives the same objects, in the same order.

`manifests` yields them as an API server would take them (namespaces first); `write_yaml`, `write_json` and
`write_snapshot` put them on disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from migrator.adapters import snapshot_file
from migrator.adapters.files import read_sources

Object = dict[str, Any]
_PROXY = "docker.io/istio/proxyv2:1.30.3"


@dataclass(frozen=True)
class Size:
    """How many of each; a workload has about four objects beside its pods."""

    namespaces: int
    workloads: int  # in each namespace
    pods: int  # of each workload

    @property
    def objects(self) -> int:
        return sum(1 for _ in manifests(self))


def sized(objects: int) -> Size:
    """A mesh of about `objects`, five of six of them pods, 50 workloads a namespace."""
    workloads = max(1, objects // 24)
    namespaces = max(1, workloads // 50)
    return Size(namespaces, workloads // namespaces, 20)


def manifests(size: Size) -> Iterator[Object]:
    """Every object of the mesh."""
    yield _object("v1", "Namespace", "", "istio-system", labels={})
    yield _mesh_config()
    for n in range(size.namespaces):
        yield _object("v1", "Namespace", "", f"team-{n:03}", labels={"istio-injection": "enabled"})
    for n in range(size.namespaces):
        yield from _namespace(f"team-{n:03}", n, size)


def _object(api: str, kind: str, namespace: str, name: str, **rest: Any) -> Object:
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    for key in ("labels", "annotations", "ownerReferences"):
        if rest.get(key):
            metadata[key] = rest.pop(key)
        else:
            rest.pop(key, None)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def _mesh_config() -> Object:
    mesh = (
        "defaultConfig:\n  tracing: {}\nrootNamespace: istio-system\ntrustDomain: cluster.local\n"
    )
    return _object("v1", "ConfigMap", "istio-system", "istio", data={"mesh": mesh})


def _namespace(namespace: str, number: int, size: Size) -> Iterator[Object]:
    mode = "STRICT" if number % 2 else "PERMISSIVE"
    yield _object(
        "security.istio.io/v1", "PeerAuthentication", namespace, "default",
        spec={"mtls": {"mode": mode}},
    )  # fmt: skip
    if number % 5 == 0:
        yield _network_policy(namespace)
    for w in range(size.workloads):
        yield from _workload(namespace, w, size)


def _network_policy(namespace: str) -> Object:
    rule = {"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080, "protocol": "TCP"}]}
    return _object(
        "networking.k8s.io/v1", "NetworkPolicy", namespace, "from-the-mesh",
        spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]},
    )  # fmt: skip


def _workload(namespace: str, number: int, size: Size) -> Iterator[Object]:
    name = f"app-{number:03}"
    labels = {"app": name, "version": "v1"}
    spec = {"replicas": size.pods, "selector": {"matchLabels": labels}}
    spec["template"] = {"metadata": {"labels": labels}, "spec": _pod_spec(name, number)}
    yield _object("apps/v1", "Deployment", namespace, name, labels=labels, spec=spec)
    yield _service(namespace, name, number)
    yield _policy(namespace, name, number)
    if number % 2 == 0:
        yield _traffic(namespace, name, number)
    else:
        yield _object(
            "policy/v1", "PodDisruptionBudget", namespace, name,
            spec={"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
        )  # fmt: skip
    for p in range(size.pods):
        yield _pod(namespace, name, number, p)


def _service(namespace: str, name: str, number: int) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    if number % 10 == 0:
        ports = [{"name": "tcp-db", "port": 5432, "targetPort": 5432}]
    return _object(
        "v1", "Service", namespace, name, spec={"selector": {"app": name}, "ports": ports}
    )


def _policy(namespace: str, name: str, number: int) -> Object:
    caller = f"cluster.local/ns/{namespace}/sa/app-{(number + 1) % 50:03}"
    rule: Object = {"from": [{"source": {"principals": [caller]}}]}
    if number % 4 == 0:
        rule["to"] = [{"operation": {"methods": ["GET"], "paths": ["/api/*"]}}]
    return _object(
        "security.istio.io/v1", "AuthorizationPolicy", namespace, name,
        spec={"selector": {"matchLabels": {"app": name}}, "action": "ALLOW", "rules": [rule]},
    )  # fmt: skip


def _traffic(namespace: str, name: str, number: int) -> Object:
    if number % 4 == 0:
        route = [{"destination": {"host": name}, "weight": 100}]
        http = [{"route": route, "timeout": "5s", "retries": {"attempts": 3}}]
        return _object(
            "networking.istio.io/v1", "VirtualService", namespace, name,
            spec={"hosts": [name], "http": http},
        )  # fmt: skip
    policy = {"connectionPool": {"tcp": {"maxConnections": 100}}}
    return _object(
        "networking.istio.io/v1", "DestinationRule", namespace, name,
        spec={"host": name, "trafficPolicy": policy},
    )  # fmt: skip


def _pod_spec(name: str, number: int) -> Object:
    probe: Object = {"tcpSocket": {"port": 8080}}
    if number % 3:
        probe = {"httpGet": {"path": "/ready", "port": 8080}}
    container = {
        "name": name,
        "image": f"registry.example/{name}:1.{number}",
        "ports": [{"containerPort": 8080, "name": "http"}],
        "env": [{"name": "DATABASE_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "a"}],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    return {"serviceAccountName": name, "containers": [container]}


def _pod(namespace: str, name: str, number: int, index: int) -> Object:
    digest = f"{number * 7919 + 12345:08x}"
    suffix = f"{(number * 31 + index) * 1299709 % 0xFFFFF:05x}"
    spec = _pod_spec(name, number)
    token = {"name": f"kube-api-access-{suffix}", "mountPath": "/var/run/secrets/tokens"}
    for container in (*spec["containers"], proxy := _proxy()):
        container["volumeMounts"] = [token]
    spec["containers"].append(proxy)
    spec["nodeName"] = f"node-{(number * 20 + index) % 500:03}"
    spec["volumes"] = [{"name": token["name"], "projected": {"sources": []}}]
    owner = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-{digest}",
        "controller": True, "uid": f"00000000-0000-4000-8000-{number:012}",
    }  # fmt: skip
    return _object(
        "v1", "Pod", namespace, f"{name}-{digest}-{suffix}",
        labels={
            "app": name, "version": "v1", "pod-template-hash": digest,
            "security.istio.io/tlsMode": "istio",
        },
        annotations={
            "sidecar.istio.io/status": '{"initContainers":[],"containers":["istio-proxy"]}',
            "cni.example/ip": f"10.{number % 250}.{index}.7",
        },
        ownerReferences=[owner],
        spec=spec,
        status={
            "phase": "Running", "podIP": f"10.{number % 250}.{index}.7",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    )  # fmt: skip


def _proxy() -> Object:
    return {
        "name": "istio-proxy",
        "image": _PROXY,
        "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "env": [{"name": "ISTIO_META_ENABLE_HBONE", "value": "true"}],
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }


def _by_namespace(size: Size) -> Iterator[tuple[str, list[Object]]]:
    """Objects in groups that a person would save in one file."""
    here: list[Object] = []
    name = "cluster"
    for one in manifests(size):
        namespace = one["metadata"].get("namespace", "cluster")
        if namespace != name:
            yield name, here
            name, here = namespace, []
        here.append(one)
    yield name, here


def write_json(size: Size, folder: Path) -> None:
    """One `kind: List` a namespace, as `kubectl get -o json` gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, found) in enumerate(_by_namespace(size)):
        text = {"apiVersion": "v1", "kind": "List", "items": found}
        (folder / f"{number:03}-{name}.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(text), indent=1)
        )


def write_yaml(size: Size, folder: Path) -> None:
    """One stream of documents a namespace."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, found) in enumerate(_by_namespace(size)):
        text = "".join("---\n" + "\n".join(_block(one, 0)) + "\n" for one in found)
        (folder / f"{number:03}-{name}.yaml").write_text(text)


def _block(value: Any, depth: int) -> Iterator[str]:
    """Block style, a hundred times faster than a general emitter."""
    indent = "  " * depth
    pairs = value.items() if isinstance(value, dict) else (("-", one) for one in value)
    for key, one in pairs:
        head = f"{indent}- " if key == "-" else f"{indent}{key}: "
        if not isinstance(one, dict | list) or not one:
            yield head + msgspec.json.encode(one).decode()
        elif key == "-":
            first, *others = _block(one, depth + 1)
            yield head + first.lstrip()
            yield from others
        else:
            yield head.rstrip()
            yield from _block(one, depth + 1)


def write_snapshot(folder: Path, file: Path) -> None:
    """A saved snapshot of what `folder` holds."""
    snapshot_file.save(read_sources([str(folder)]).snapshot, file)
