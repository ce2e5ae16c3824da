"""Many questions to the API server at once: dry runs over raw HTTP, and the model's answer beside."""

import http.client
import itertools
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from migrator.adapters.files import read_sources
from migrator.istio.mesh import Mesh

from .controlplane import TOKEN, ControlPlane

_CONNECTIONS = 4
_PLURALS = {"Pod": "pods", "Service": "services", "ServiceEntry": "serviceentries"}
STATUS = "sidecar.istio.io/status"

Object = dict[str, Any]


def combinations(**dimensions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of every dimension, by name."""
    for values in itertools.product(*dimensions.values()):
        yield dict(zip(dimensions, values, strict=True))


def present(labels: Mapping[str, str | None]) -> dict[str, str]:
    """Those that have a value: None stands for a label that is not there."""
    return {key: value for key, value in labels.items() if value is not None}


def namespace(name: str, labels: Mapping[str, str | None]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": present(labels)},
    }


def admitted(plane: ControlPlane, pods: list[Object]) -> list[Object]:
    """Each pod as the whole admission chain would have it, webhooks included; none is created."""
    return _post(plane, [(_collection(pod) + "?dryRun=All", pod) for pod in pods])


def create(plane: ControlPlane, objects: list[Object]) -> list[Object]:
    """Create namespaced objects, all of one kind or of several, as quickly as the server takes them."""
    return _post(plane, [(_collection(one), one) for one in objects])


def _collection(found: Object) -> str:
    group = found["apiVersion"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    return f"{root}/namespaces/{found['metadata']['namespace']}/{_PLURALS[found['kind']]}"


def _post(plane: ControlPlane, requests: list[tuple[str, Object]]) -> list[Object]:
    shares = [range(first, len(requests), _CONNECTIONS) for first in range(_CONNECTIONS)]

    def ask(share: range) -> list[tuple[int, Object]]:
        with _Connection(plane) as connection:
            return [(number, connection.post(*requests[number])) for number in share]

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        answers = dict(itertools.chain.from_iterable(pool.map(ask, shares)))
    return [answers[number] for number in range(len(requests))]


def mesh_of(folder: Path, objects: Iterable[Object]) -> Mesh:
    """The model over these objects, read as a user's file would be."""
    file = folder / "mesh.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    reading = read_sources([str(file)])
    assert reading.snapshot.unread == ()
    return Mesh(reading.snapshot)


class _Connection:
    """One kept open to the API server, as its administrator."""

    def __init__(self, plane: ControlPlane) -> None:
        trusted = ssl.create_default_context(cafile=str(plane.authority.ca.cert))
        self._http = http.client.HTTPSConnection(
            "127.0.0.1", plane.ports.api, context=trusted, timeout=30
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, where: str, body: Object) -> Object:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self._http.request("POST", where, json.dumps(body), headers)
        reply = self._http.getresponse()
        found = json.loads(reply.read())
        assert reply.status == http.HTTPStatus.CREATED, found
        return dict(found)
