"""Readiness by kind. The bodies are those of a real API server (1.34) and its controllers, shortened."""

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State

from .seen import changed, cluster, is_so, look

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, generation: 4, annotations: {deployment.kubernetes.io/revision: "3"}}
spec: {replicas: 2, template: {metadata: {labels: {app: cart}}}}
status:
  observedGeneration: 4
  replicas: 2
  updatedReplicas: 2
  readyReplicas: 2
  availableReplicas: 2
  conditions:
  - {type: Available, status: "True", reason: MinimumReplicasAvailable}
  - {type: Progressing, status: "True", reason: NewReplicaSetAvailable}
"""
STATEFUL_SET = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: cart, namespace: shop, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status:
  observedGeneration: 2
  replicas: 3
  currentReplicas: 3
  updatedReplicas: 3
  readyReplicas: 3
  availableReplicas: 3
  currentRevision: cart-7767c95855
  updateRevision: cart-7767c95855
"""
DAEMON_SET = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cart, namespace: shop, generation: 2}
spec: {updateStrategy: {type: RollingUpdate}}
status: {observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3}
"""
ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: cart, namespace: shop, generation: 5}
spec: {replicas: 2}
status: {observedGeneration: "5", phase: Healthy, stableRS: 6b9f, currentPodHash: 6b9f}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: cart, namespace: shop}
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: cart, namespace: shop}
status: {active: 1}
"""
CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: cart, namespace: shop}
"""
REPLICA_SET = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: cart, namespace: shop, generation: 1}
spec: {replicas: 1}
status: {observedGeneration: 1, replicas: 1, availableReplicas: 1}
"""
EXCEEDED = [
    {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": 'ReplicaSet "cart-1" has timed out progressing.',
    }
]
REFUSED = [
    {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "exceeded quota: small",
    }
]
BY_PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
JOB_FAILED = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
NOT_READY = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]

CASES = {
    "deployment": (DEPLOYMENT, {}, DONE, ["2 of 2 replicas"]),
    "deployment, generation first": (
        DEPLOYMENT, {"metadata__generation": 5}, WAITING, ["observedGeneration is 4", "5 is awaited"],
    ),
    "deployment, a deadline of the template before": (
        DEPLOYMENT, {"metadata__generation": 5, "status__conditions": EXCEEDED}, WAITING, ["5 is awaited"],
    ),
    "deployment, never observed": (
        DEPLOYMENT, {"status": None}, WAITING, ["observedGeneration is 0"],
    ),
    "deployment, paused": (DEPLOYMENT, {"spec__paused": True}, FAILED, ["spec.paused is true"]),
    "deployment, deadline": (
        DEPLOYMENT, {"status__conditions": EXCEEDED}, FAILED, ["ProgressDeadlineExceeded", "timed out"],
    ),
    "deployment, quota": (
        DEPLOYMENT, {"status__conditions": REFUSED, "status__updatedReplicas": 0}, WAITING,
        ["exceeded quota: small"],
    ),
    "deployment, not updated": (
        DEPLOYMENT, {"status__updatedReplicas": 1}, WAITING, ["updatedReplicas is 1; 2 is awaited"],
    ),
    "deployment, old ones left": (
        DEPLOYMENT, {"status__replicas": 3}, WAITING, ["old template that are left: 1"],
    ),
    "deployment, not available": (
        DEPLOYMENT, {"status__availableReplicas": None}, WAITING, ["availableReplicas is 0; 2"],
    ),
    "deployment, none wanted": (
        DEPLOYMENT, {"spec__replicas": 0, "status": {"observedGeneration": 4}}, DONE, ["replicas is 0"],
    ),
    "deployment, one by default": (
        DEPLOYMENT,
        {
            "spec__replicas": None,
            "status": {
                "observedGeneration": 4, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
            },
        },
        DONE, ["1 of 1"],
    ),
    "deployment, ending": (
        DEPLOYMENT, {"metadata__deletionTimestamp": "2026-01-01T00:00:00Z"}, FAILED, ["being deleted"],
    ),
    "stateful set": (STATEFUL_SET, {}, DONE, ["3 of 3"]),
    "stateful set, generation first": (
        STATEFUL_SET, {"status__observedGeneration": 1}, WAITING, ["observedGeneration is 1; 2"],
    ),
    "stateful set, rolling": (
        STATEFUL_SET, {"status__updateRevision": "cart-2", "status__updatedReplicas": 1}, WAITING,
        ["updatedReplicas is 1; 3"],
    ),
    "stateful set, revision not settled": (
        STATEFUL_SET, {"status__updateRevision": "cart-2"}, WAITING,
        ["currentRevision is cart-7767c95855; cart-2"],
    ),
    "stateful set, not available": (
        STATEFUL_SET, {"status__availableReplicas": 2}, WAITING, ["availableReplicas is 2; 3"],
    ),
    "stateful set, partition": (
        STATEFUL_SET,
        {
            "spec__updateStrategy": BY_PARTITION, "status__updateRevision": "cart-2",
            "status__updatedReplicas": 1,
        },
        FAILED, ["partition is 2", "set it to 0"],
    ),
    "stateful set, partition without effect": (
        STATEFUL_SET, {"spec__updateStrategy": BY_PARTITION}, DONE, ["3 of 3"],
    ),
    "stateful set, on delete": (
        STATEFUL_SET,
        {
            "spec__updateStrategy": {"type": "OnDelete"}, "status__updateRevision": "cart-2",
            "status__updatedReplicas": 1,
        },
        WAITING, ["OnDelete", "1 of 3", "a person must delete"],
    ),
    "stateful set, on delete, all deleted": (
        STATEFUL_SET,
        {"spec__updateStrategy": {"type": "OnDelete"}, "status__updateRevision": "cart-2"},
        DONE, ["3 of 3"],
    ),
    "daemon set": (DAEMON_SET, {}, DONE, ["3 of 3"]),
    "daemon set, generation first": (
        DAEMON_SET, {"metadata__generation": 3}, WAITING, ["observedGeneration is 2; 3"],
    ),
    "daemon set, rolling": (
        DAEMON_SET, {"status__updatedNumberScheduled": 2}, WAITING, ["updatedNumberScheduled is 2; 3"],
    ),
    "daemon set, not available": (
        DAEMON_SET, {"status__numberAvailable": 2}, WAITING, ["numberAvailable is 2; 3"],
    ),
    "daemon set, on delete": (
        DAEMON_SET,
        {"spec__updateStrategy": {"type": "OnDelete"}, "status__updatedNumberScheduled": 0},
        WAITING, ["OnDelete", "0 of 3"],
    ),
    "daemon set, no node": (
        DAEMON_SET, {"status": {"observedGeneration": 2, "desiredNumberScheduled": 0}}, DONE, ["0 of 0"],
    ),
    "rollout": (ROLLOUT, {}, DONE, ["Healthy"]),
    "rollout, number": (ROLLOUT, {"status__observedGeneration": 5}, DONE, ["Healthy"]),
    "rollout, hash of an old version": (
        ROLLOUT, {"status__observedGeneration": "6f9c8d7b"}, DONE, ["Healthy"],
    ),
    "rollout, generation first": (
        ROLLOUT, {"status__observedGeneration": "4"}, WAITING, ["observedGeneration is 4; 5"],
    ),
    "rollout, progressing": (
        ROLLOUT, {"status__phase": "Progressing", "status__message": "more replicas need to be updated"},
        WAITING, ["Progressing (more replicas", "Healthy is awaited"],
    ),
    "rollout, at a pause": (
        ROLLOUT, {"status__phase": "Paused", "status__message": "CanaryPauseStep"}, WAITING,
        ["CanaryPauseStep", "must promote"],
    ),
    "rollout, degraded": (ROLLOUT, {"status__phase": "Degraded"}, FAILED, ["Degraded", "aborted"]),
    "rollout, aborted": (
        ROLLOUT, {"status__abort": True, "status__phase": "Progressing"}, FAILED, ["aborted"],
    ),
    "rollout, paused for good": (ROLLOUT, {"spec__paused": True}, FAILED, ["spec.paused is true"]),
    "rollout, not stable": (
        ROLLOUT, {"status__currentPodHash": "77aa"}, WAITING, ["stableRS is 6b9f; 77aa"],
    ),
    "rollout, no status": (ROLLOUT, {"status": None}, WAITING, ["observedGeneration is 0"]),
    "pod": (POD, {}, DONE, ["Ready is True"]),
    "pod, not ready": (POD, {"status__conditions": NOT_READY}, WAITING, ["ContainersNotReady"]),
    "pod, failed": (POD, {"status__phase": "Failed"}, FAILED, ["status.phase is Failed"]),
    "job": (JOB, {}, DONE, ["nothing to roll"]),
    "job, failed": (JOB, {"status__conditions": JOB_FAILED}, FAILED, ["BackoffLimitExceeded"]),
    "cron job": (CRON_JOB, {}, DONE, ["nothing to roll"]),
    "replica set": (REPLICA_SET, {}, DONE, ["1 of 1"]),
    "replica set, short": (
        REPLICA_SET, {"spec__replicas": 2}, WAITING, ["availableReplicas is 1; 2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fields", "state", "says"), CASES.values(), ids=CASES)
def test_readiness(text, fields, state, says):
    body = changed(text, **fields)
    group = body["apiVersion"].rpartition("/")[0]
    ref = Ref(group, body["kind"], "shop", "cart")

    is_so(look("rolled-out", ref, cluster(body)), state, str(ref), *says)


def test_a_workload_that_is_gone_does_not_come_back():
    ref = Ref(*kinds.DEPLOYMENT, "shop", "cart")

    is_so(look("rolled-out", ref, cluster()), FAILED, "Deployment/shop/cart", "was deleted")


def test_a_kind_that_nobody_knows_is_not_called_ready():
    body = {"apiVersion": "acme.example/v1", "kind": "Broker", "metadata": {"name": "b"}}

    is_so(
        look("rolled-out", Ref("acme.example", "Broker", "", "b"), cluster(body)), FAILED, "Broker"
    )
