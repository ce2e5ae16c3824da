"""Fill a control plane with the benchmark's mesh: namespaces, workloads in each, pods of each.

Deployments are created and their pods come from the real controllers, through the real injector; only
their running is simulated (kwok).
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from bench.generate import Size, manifests
from migrator.adapters.kube.client import Api
from migrator.adapters.kube.resources import plural
from migrator.errors import ConflictError
from migrator.istio import kinds
from migrator.model.resource import GroupKind

_AT_ONCE = 8
_MADE_BY_OTHERS = {"Pod", "ConfigMap"}


def fill(api: Api, size: Size) -> None:
    """Create the objects; their pods follow (`wait_for_pods`)."""
    found = [one for one in manifests(size) if not made_by_controllers(one)]
    create(api, [one for one in found if one["kind"] == "Namespace"])
    create(api, [*accounts(found), *(one for one in found if one["kind"] != "Namespace")])


def made_by_controllers(one: dict[str, Any]) -> bool:
    """Whether an object of the generator comes by itself on a cluster."""
    return one["kind"] in _MADE_BY_OTHERS


def ready_pods(api: Api) -> int:
    """Replicas that are ready, of all Deployments: what is cheap to ask."""
    listed = msgspec.json.decode(api.request("GET", "/apis/apps/v1/deployments", timeout=120))
    return sum((one.get("status") or {}).get("readyReplicas", 0) for one in listed["items"])


def wait_for_pods(api: Api, pods: int, seconds: float) -> bool:
    """Whether so many are Ready in time."""
    deadline = time.monotonic() + seconds
    while (found := ready_pods(api)) < pods and time.monotonic() < deadline:
        print(f"  {found} of {pods} pods are Ready", flush=True)
        time.sleep(10)
    return found >= pods


def accounts(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The ServiceAccounts that pods run as; the generator leaves them out."""
    for one in found:
        if one["kind"] == "Deployment":
            meta = one["metadata"]
            yield {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
            }


def create(api: Api, objects: Iterable[dict[str, Any]]) -> None:
    """Create what is not there yet, several at once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(_one, api, body) for body in objects]:
            done.result()


def _one(api: Api, body: dict[str, Any]) -> None:
    group, _, version = body["apiVersion"].rpartition("/")
    kind = GroupKind(group, body["kind"])
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    namespace = body["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace and kind != kinds.NAMESPACE else ""
    try:
        api.request("POST", f"{root}{inside}/{plural(kind)}", body=body, timeout=60)
    except ConflictError:
        return  # it is there already: istio-system, its mesh configuration
