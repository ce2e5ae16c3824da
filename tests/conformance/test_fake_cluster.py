"""The in-memory cluster keeps the port, and its simulated controllers do what real ones do."""

import pytest

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.model.snapshot import Snapshot

from .cluster_port import ClusterPort
from .controllers import Controllers
from .step_walk import StepWalk
from .world import World


@pytest.fixture
def world() -> World:
    """An ambient cluster, at rest, with a namespace that injects."""
    clock = FakeClock()
    cluster = FakeCluster.of(Snapshot(()), clock)
    space = {"name": "conformance", "labels": {"istio-injection": "enabled"}}
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": space})

    def eventually(look):
        for _ in range(60):
            if found := look():
                return found
            clock.sleep(1)
        return look()

    return World(cluster, "conformance", cluster.meddle, eventually)


class TestPort(ClusterPort):
    pass


class TestControllers(Controllers):
    pass


class TestSteps(StepWalk):
    pass
