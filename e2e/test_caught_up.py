"""What istiod tells is of the cluster as it is, once it has been waited for."""

import json
import uuid

from .api import Api
from .caught_up import CaughtUp
from .meshes import eventually
from .oracle import Oracle

POD = {
    "metadata": {"name": "asked", "labels": {"app": "asked", "sidecar.istio.io/inject": "true"}},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}


def _policy(space, number):
    rule = {"from": [{"source": {"principals": [f"cluster.local/ns/x/sa/of-{number}"]}}]}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "changing", "namespace": space},
        "spec": {"rules": [rule]},
    }


def test_a_sidecar_is_told_what_was_written_last(sidecar_plane):
    space = f"test-{uuid.uuid4().hex[:8]}"
    sidecar_plane.kubectl("create", "namespace", space)
    pod = {"apiVersion": "v1", "kind": "Pod", **POD}
    sidecar_plane.kubectl("apply", "-n", space, "-f", "-", stdin=json.dumps(pod))
    path = f"/api/v1/namespaces/{space}/pods/asked"

    def running():
        return Api(sidecar_plane).get(path)["status"].get("phase") == "Running"

    assert eventually(running, 30)
    istiod = CaughtUp(sidecar_plane)
    with Oracle(sidecar_plane) as oracle:
        for number in range(10):
            sidecar_plane.kubectl(
                "apply", "--server-side", "-f", "-", stdin=json.dumps(_policy(space, number))
            )
            assert istiod.wait(20)
            told = json.dumps(oracle.envoy(Api(sidecar_plane).get(path)))
            assert f"sa/of-{number}" in told
    sidecar_plane.kubectl("delete", "namespace", space, "--wait=false")
