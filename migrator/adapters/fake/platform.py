"""What ambient needs in a cluster, put there as a person does in the first phase: all of it simulated."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import ASSUMED_VERSION
from migrator.istio.meshconfig import DEFAULT_REVISION, ControlPlane, control_planes
from migrator.istio.yamltext import parse
from migrator.model.mergepatch import merged
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot

from .bodies import condition, ref_of, template_of
from .istiod import CONTROLLER
from .store import Object, Store

_CRDS = ("gatewayclasses", "gateways", "httproutes")
_AMBIENT = "PILOT_ENABLE_AMBIENT"
_AGENTS = {"istio-cni-node": {"k8s-app": "istio-cni-node"}, "ztunnel": {"app": "ztunnel"}}
_HBONE = {"defaultConfig": {"proxyMetadata": {"ISTIO_META_ENABLE_HBONE": "true"}}}


def install_nodes(store: Store) -> None:
    """Two, unless the source names some, itself or by its pods."""
    if store.of(kinds.NODE):
        return
    placed = {(pod.get("spec") or {}).get("nodeName") for pod in store.of(kinds.POD)}
    for name in sorted(filter(None, placed)) or ("node-1", "node-2"):
        ready = [condition("Ready", "True", "KubeletReady")]
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
        body = _body("v1", "Node", "", name, metadata={"labels": labels})
        _add(store, {**body, "spec": {}, "status": {"conditions": ready}})


def install_ambient(store: Store, namespace: str) -> None:
    """Istiod serves ambient on every revision; istio-cni, ztunnel and the Gateway API are there."""
    for body in (*_gateway_api(), *_cni(namespace)):
        _add(store, body)
    planes = _planes(store)
    if not planes:
        _add(store, _istiod(namespace))
        planes = _planes(store)
    for plane in planes:
        _serve_ambient(store, plane)
    config = Ref(*kinds.CONFIG_MAP, namespace, "istio-cni-config")
    for body in store.of(kinds.CONFIG_MAP):
        if body["metadata"]["name"] == config.name:
            store.change(ref_of(body), merged(body, {"data": {"AMBIENT_ENABLED": "true"}}))


def _planes(store: Store) -> tuple[ControlPlane, ...]:
    found = (Resource(ref_of(body), body) for body in store.of(kinds.DEPLOYMENT))
    return control_planes(Snapshot(found))


def _serve_ambient(store: Store, plane: ControlPlane) -> None:
    ref = plane.resource.ref
    body = store.get(ref)
    if body is not None and plane.ambient is not True:
        template = template_of(body, kinds.DEPLOYMENT)
        containers = list((template.get("spec") or {}).get("containers") or ())
        at = next((i for i, c in enumerate(containers) if c.get("name") == "discovery"), 0)
        kept = [one for one in containers[at].get("env") or () if one.get("name") != _AMBIENT]
        containers[at] = {**containers[at], "env": [*kept, {"name": _AMBIENT, "value": "true"}]}
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        body = store.change(ref, merged(body, patch))
    if body is not None and plane.resource.labels.get("app") != "istiod":
        store.change(ref, merged(body, {"metadata": {"labels": {"app": "istiod"}}}))
    _tell_sidecars(store, plane)


def _tell_sidecars(store: Store, plane: ControlPlane) -> None:
    name = "istio" if plane.revision == DEFAULT_REVISION else f"istio-{plane.revision}"
    ref = Ref(*kinds.CONFIG_MAP, plane.namespace, name)
    _add(store, _body("v1", "ConfigMap", ref.namespace, ref.name, data={}))
    body = store.get(ref) or {}
    text = (body.get("data") or {}).get("mesh", "")
    settings = parse(text) if text else {}
    mesh = yaml.safe_dump(merged(settings if isinstance(settings, Mapping) else {}, _HBONE))
    store.change(ref, merged(body, {"data": {"mesh": mesh}}))


def _gateway_api() -> Iterator[Object]:
    for plural in _CRDS:
        name = f"{plural}.{kinds.GATEWAY.group}"
        body = _body("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name)
        established = [condition("Established", "True", "InitialNamesAccepted")]
        spec = {"group": kinds.GATEWAY.group, "versions": [{"name": "v1", "served": True}]}
        yield {**body, "spec": spec, "status": {"conditions": established}}
    body = _body("gateway.networking.k8s.io/v1", "GatewayClass", "", names.WAYPOINT_CLASS)
    accepted = [condition("Accepted", "True", "Accepted", observedGeneration=1)]
    yield {**body, "spec": {"controllerName": CONTROLLER}, "status": {"conditions": accepted}}


def _cni(namespace: str) -> Iterator[Object]:
    data = {"AMBIENT_ENABLED": "true"}
    yield _body("v1", "ConfigMap", namespace, "istio-cni-config", data=data)
    for name, labels in _AGENTS.items():
        container = {"name": name, "image": f"istio/{name}:simulated"}
        of_pods = {**labels, names.INJECT: "false", names.DATAPLANE_MODE: "none"}
        spec = {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": of_pods}, "spec": {"containers": [container]}},
        }
        body = _body("apps/v1", "DaemonSet", namespace, name, metadata={"labels": labels})
        yield {**body, "spec": spec}


def _istiod(namespace: str) -> Object:
    labels = {"app": "istiod"}
    container = {
        "name": "discovery",
        "image": f"istio/pilot:{ASSUMED_VERSION}",
        "env": [{"name": _AMBIENT, "value": "true"}],
    }
    of_pods = {**labels, names.INJECT: "false", names.DATAPLANE_MODE: "none"}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": of_pods}, "spec": {"containers": [container]}},
    }
    return {
        **_body("apps/v1", "Deployment", namespace, "istiod", metadata={"labels": labels}),
        "spec": spec,
    }


def _add(store: Store, body: Object) -> None:
    """Unless it is there already; an agent under another name is there too."""
    ref = ref_of(body)
    labels = (template_of(body, ref.group_kind).get("metadata") or {}).get("labels") or {}
    agent = _AGENTS.get(ref.name) if ref.group_kind == kinds.DAEMON_SET else None
    if agent is not None and labels.items() >= agent.items() and _has_agent(store, agent):
        return
    if store.get(ref) is None:
        store.add(ref, body)


def _has_agent(store: Store, agent: Mapping[str, str]) -> bool:
    for body in store.of(kinds.DAEMON_SET):
        labels = (template_of(body, kinds.DAEMON_SET).get("metadata") or {}).get("labels") or {}
        if labels.items() >= agent.items():
            return True
    return False


def _body(  # noqa: PLR0913  what an object has
    version: str, kind: str, namespace: str, name: str, *, metadata: Any = None, data: Any = None
) -> Object:
    where = {"namespace": namespace} if namespace else {}
    body = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, **where, **(metadata or {})},
    }
    return body if data is None else {**body, "data": data}
