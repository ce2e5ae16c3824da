"""The port over a real API server, by the same tests as the in-memory cluster.

Real: API server, controllers, istiod and its webhook. Simulated: pods are Ready without running (kwok).
"""

import json
from itertools import count

import pytest
import yaml

from migrator.adapters.kube.client import connect
from migrator.adapters.kube.resources import resource_name
from migrator.adapters.kube.writer import LiveCluster
from migrator.istio import kinds
from migrator.model.resource import Ref
from tests.conformance.cluster_port import ClusterPort
from tests.conformance.controllers import Controllers
from tests.conformance.step_walk import StepWalk
from tests.conformance.world import World

from .meshes import eventually

NUMBER = count(1)


@pytest.fixture
def world(plane):
    """A namespace of its own for each test, with sidecar injection."""
    namespace = f"port-{next(NUMBER)}"
    labels = {"istio-injection": "enabled"}
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": labels},
    }
    plane.kubectl("create", "-f", "-", stdin=yaml.safe_dump(body))

    def other(ref, patch):
        where = ("-n", ref.namespace) if ref.namespace else ()
        plane.kubectl(
            *where, "patch", f"{resource_name(ref.group_kind)}/{ref.name}", "--type=merge",
            "--field-manager=other", "-p", json.dumps(patch),
        )  # fmt: skip

    yield World(LiveCluster(connect(str(plane.kubeconfig))), namespace, other, eventually)
    plane.kubectl("delete", "namespace", namespace, "--wait=false")


class TestPort(ClusterPort):
    def test_a_list_of_many_pages_is_one_list(self, world, monkeypatch):
        monkeypatch.setattr("migrator.adapters.kube.writer._PAGE", 2)
        for number in range(5):
            name = {"name": f"page-{number}", "namespace": world.namespace, "labels": {"a": "b"}}
            world.cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name})

        found = world.cluster.list(kinds.CONFIG_MAP, world.namespace, {"a": "b"})

        assert [body["metadata"]["name"] for body in found] == [f"page-{n}" for n in range(5)]

    def test_what_is_released_goes_when_its_other_manager_leaves_it_out(self, plane, world):
        name = {"name": "shared", "namespace": world.namespace}
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": name,
            "data": {"a": "1", "b": "2"},
        }
        ref = Ref("", "ConfigMap", world.namespace, "shared")
        world.cluster.create(body)

        def applied(**data):
            text = json.dumps({**body, "data": data})
            plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
            return world.cluster.get(ref)["data"]

        assert applied(a="1", b="2") == {"a": "1", "b": "2"}
        assert applied(a="1") == {"a": "1", "b": "2"}  # still ours
        applied(a="1", b="2")
        world.cluster.release(ref)
        assert applied(a="1") == {"a": "1"}

    def test_what_is_written_bears_our_name(self, plane, world, settings):
        world.cluster.patch(settings, {"data": {"one": "ours"}})

        shown = json.loads(
            plane.kubectl(
                "-n", world.namespace, "get", "configmap", "settings", "-o", "json",
                "--show-managed-fields",
            )
        )  # fmt: skip
        managers = {one["manager"] for one in shown["metadata"]["managedFields"]}
        assert managers == {"migrate"}


class TestControllers(Controllers):
    pass


class TestSteps(StepWalk):
    pass
