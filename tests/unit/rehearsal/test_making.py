"""A mesh that does not get ready on the throw-away cluster, in words that help."""

import pytest

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from migrator.rehearsal import making

WEB = Ref(*kinds.DEPLOYMENT, "shop", "web")
PULLING = {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}


class Told(FakeCluster):
    """The statuses of the pods are these, whatever the simulation says."""

    statuses: dict[str, object]

    def list(self, kind, namespace="", labels=None):
        found = super().list(kind, namespace, labels)
        if kind != kinds.POD:
            return found
        return tuple({**body, "status": self.statuses} for body in found)


def cluster(statuses):
    clock = FakeClock()
    made = Told.of(Snapshot(()), clock, ambient=False)
    made.statuses = statuses
    labels = {"app": "web"}
    made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    made.faults.unready.add(WEB)
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "web", "namespace": "shop"}
    made.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    return made, clock


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        (
            {"containerStatuses": [{"name": "web", "state": PULLING}]},
            "web: ErrImagePull no such host",
        ),
        (
            {
                "initContainerStatuses": [
                    {"name": "istio-init", "state": {"terminated": {"exitCode": 0}}},
                    {"name": "istio-proxy", "ready": True, "state": {"running": {}}},
                ],
                "containerStatuses": [{"name": "web", "ready": False, "state": {"running": {}}}],
            },
            "web runs and does not get ready",
        ),
        ({}, "no pod says why"),
    ],
)
def test_who_is_not_ready_is_named_with_what_its_pods_say(statuses, why):
    made, clock = cluster(statuses)
    assert making.wait(made, clock, ["shop"], 30) == f"{WEB} ({why})"


def test_a_mesh_that_runs_is_not_waited_for():
    made, clock = cluster({})
    assert making.wait(made, clock, ["elsewhere"], 30) == ""
