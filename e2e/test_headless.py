"""What sidecars are told of a headless Service, one of whose pods takes no mutual TLS.

A sidecar that begins is told to send none, to any of them. One that runs is told the same if the Service has
a port that is not HTTP; of one with only HTTP ports it is told nothing (`migrator.exposure.sending`).
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from .meshes import eventually
from .oracle import Oracle

SERVICES = {"of-http": "http", "of-tcp": "tcp"}
_BEGINS, _STAY = 5.0, 45.0  # seconds, also where much else goes on


def _pod(name, app, inject):
    labels = {"app": app, "sidecar.istio.io/inject": inject}
    spec = {"containers": [{"name": "app", "image": "app"}]}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec,
    }  # fmt: skip


def _service(name, port):
    ports = [{"name": port, "port": 80, "targetPort": 8080}]
    spec = {"clusterIP": "None", "selector": {"app": name}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _apply(plane, space, *objects):
    text = "\n---\n".join(map(json.dumps, objects))
    plane.kubectl("apply", "-n", space, "-f", "-", stdin=text)


def _secured(clusters, space):
    """The Services of which a sidecar sends mutual TLS to all endpoints."""
    names = {name: f"outbound|80||{name}.{space}.svc.cluster.local" for name in SERVICES}
    return {name for name, key in names.items() if "transportSocket" in clusters.get(key, {})}


def test_only_sidecars_that_begin_are_told_of_an_http_endpoint_without_mutual_tls(plane, space):
    _apply(plane, space, *(_service(name, port) for name, port in SERVICES.items()))
    _apply(plane, space, *(_pod(f"{name}-one", name, "true") for name in SERVICES))
    with Oracle(plane) as begins, Oracle(plane) as runs, ThreadPoolExecutor(1) as pool:

        def told():
            return _secured(begins.clusters(), space)

        assert eventually(lambda: told() == {*SERVICES}, 30)
        running = pool.submit(runs.clusters, stay=_STAY)
        time.sleep(_BEGINS)  # it is told first what the other was
        _apply(plane, space, *(_pod(f"{name}-two", name, "false") for name in SERVICES))
        assert eventually(lambda: told() == set(), _STAY - 2 * _BEGINS)

        assert _secured(running.result(), space) == {"of-http"}
