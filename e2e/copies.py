"""Fill a control plane faster than its controllers do: for meshes of ten thousands of pods.

One Deployment is made by the real controllers and its pod injected by the real webhook. All other pods
are simulated: copies of that pod, created directly, bound to the node, with ReplicaSets and statuses as
the controllers would have left them. The controller manager is ended for good, because it would undo that.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from bench.generate import Size, manifests
from migrator.adapters.kube.client import Api

from .controlplane import ControlPlane
from .fill import accounts, create, made_by_controllers, wait_for_pods

_AT_ONCE = 12
_APPS = "/apis/apps/v1/namespaces/{}"
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generateName")
Object = dict[str, Any]


def fill_with_copies(plane: ControlPlane, api: Api, size: Size) -> None:
    """The objects that `fill` makes, and their pods, all Ready in the end."""
    found = [one for one in manifests(size) if not made_by_controllers(one)]
    spaces = [one for one in found if one["kind"] == "Namespace"]
    first, *others = (one for one in found if one["kind"] == "Deployment")
    model = first["metadata"]
    # a namespace without its labels injects nothing: the copies bear their proxies already
    bare = [{**s, "metadata": {"name": s["metadata"]["name"]}} for s in spaces]
    create(api, [s for s in spaces if s["metadata"]["name"] == model["namespace"]])
    create(api, bare)
    create(api, accounts(found))
    create(api, [one for one in found if one["kind"] not in {"Namespace", "Deployment"}])
    create(api, [first])
    if not wait_for_pods(api, size.pods, 60):
        raise TimeoutError("the model of all copies did not become Ready")
    copier = Copier(api, model["namespace"], model["name"])
    plane.kill("kube-controller-manager")
    plane.children.remove(plane.child("kube-controller-manager"))
    plane.kubectl("label", "namespace", model["namespace"], "istio-injection-")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(copier.make, one) for one in others]:
            done.result()
    for space in spaces:
        path = f"/api/v1/namespaces/{space['metadata']['name']}"
        patch = {"metadata": {"labels": space["metadata"].get("labels")}}
        api.request("PATCH", path, body=patch, content_type="application/merge-patch+json")
    _wait_until_all_run(api)


class Copier:
    """Makes a Deployment with its ReplicaSet and pods after one that is there."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._names = (namespace, name)
        self._set = self._first(_APPS.format(namespace) + "/replicasets", name)
        self._pod = self._first(f"/api/v1/namespaces/{namespace}/pods", name)

    def _first(self, path: str, name: str) -> bytes:
        query = [("labelSelector", f"app={name}")]
        body = msgspec.json.decode(self._api.request("GET", path, query=query))["items"][0]
        for key in _OF_THE_SERVER:
            body["metadata"].pop(key, None)
        body.pop("status", None)
        return msgspec.json.encode(body)

    def make(self, deployment: Object) -> None:
        meta, count = deployment["metadata"], deployment["spec"]["replicas"]
        apps = _APPS.format(meta["namespace"])
        made = self._post(f"{apps}/deployments", deployment)
        controller = self._copy(self._set, meta)
        controller["metadata"]["ownerReferences"][0]["uid"] = made["metadata"]["uid"]
        controller["spec"]["replicas"] = count
        of_pods = self._post(f"{apps}/replicasets", controller)["metadata"]
        for pod in self._pods(meta, of_pods, count):
            self._post(f"/api/v1/namespaces/{meta['namespace']}/pods", pod)
        ready = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), count)
        ready["observedGeneration"] = 1
        self._status(f"{apps}/replicasets/{of_pods['name']}", ready)
        self._status(f"{apps}/deployments/{meta['name']}", {**ready, "updatedReplicas": count})

    def _pods(self, meta: Object, of_pods: Object, count: int) -> Iterator[Object]:
        for number in range(count):
            pod = self._copy(self._pod, meta)
            pod["metadata"]["name"] = f"{of_pods['name']}-{number:05}"
            owner = pod["metadata"]["ownerReferences"][0]
            owner |= {"name": of_pods["name"], "uid": of_pods["uid"]}
            yield pod

    def _copy(self, model: bytes, meta: Object) -> Object:
        space, name = self._names
        text = model.replace(name.encode(), meta["name"].encode())
        return dict(msgspec.json.decode(text.replace(space.encode(), meta["namespace"].encode())))

    def _post(self, path: str, body: Object) -> Object:
        return dict(msgspec.json.decode(self._api.request("POST", path, body=body, timeout=60)))

    def _status(self, path: str, status: Object) -> None:
        self._api.request(
            "PATCH", f"{path}/status", body={"status": status},
            content_type="application/merge-patch+json", timeout=60,
        )  # fmt: skip


def _wait_until_all_run(api: Api, seconds: float = 600) -> None:
    query = [("fieldSelector", "status.phase=Pending"), ("limit", "1")]
    deadline = time.monotonic() + seconds
    while msgspec.json.decode(api.request("GET", "/api/v1/pods", query=query))["items"]:
        if time.monotonic() > deadline:
            raise TimeoutError("pods are still Pending")
        time.sleep(1)
