"""What the simulated controllers do: rollouts of every kind, Jobs, istio-cni, waypoints."""

import pytest
import yaml

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.engine.predicates import observe
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.model.verdict import State
from migrator.steps import Check, Person, Target

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
SPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""
TEMPLATE = "{metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: 'web:1'}]}}"
WEB = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec: {{replicas: 4, selector: {{matchLabels: {{app: web}}}}, template: {TEMPLATE}}}
"""
DB = f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db, namespace: shop}}
spec: {{replicas: 3, serviceName: db, selector: {{matchLabels: {{app: web}}}}, template: {TEMPLATE}}}
"""
ROLLOUT = f"""
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: api, namespace: shop}}
spec: {{replicas: 2, selector: {{matchLabels: {{app: web}}}}, template: {TEMPLATE}}}
"""
JOB = f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: once, namespace: shop}}
spec: {{parallelism: 2, template: {TEMPLATE}}}
"""
BARE = """
apiVersion: v1
kind: Pod
metadata: {name: tool, namespace: shop, labels: {app: tool}}
spec: {containers: [{name: app, image: "tool:1"}]}
"""
WEB_REF = Ref(*kinds.DEPLOYMENT, "shop", "web")
DB_REF = Ref(*kinds.STATEFUL_SET, "shop", "db")
SHOP = Ref(*kinds.NAMESPACE, "", "shop")
FLIP = {"metadata": {"labels": {"istio-injection": None, "istio.io/dataplane-mode": "ambient"}}}


def snapshot(*texts):
    bodies = [yaml.safe_load(text) for text in texts]
    return Snapshot(Resource(_ref(body), body) for body in bodies)


def _ref(body):
    group = body["apiVersion"].rpartition("/")[0]
    return Ref(group, body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])


def cluster_of(*texts, **options):
    return FakeCluster.of(snapshot(SPACE, *texts), FakeClock(), **options)


def look(cluster, predicate, ref):
    target = Target.of(ref)
    step = Person(id="p", target=target, why="", title="", instruction="")
    return observe(Check(predicate=predicate, about=target, says=""), step, cluster).state


def pods(cluster, app="web"):
    return list(cluster.list(kinds.POD, "shop", {"app": app}))


def restart(cluster, ref, stamp="1"):
    annotations = {"kubectl.kubernetes.io/restartedAt": stamp}
    cluster.patch(ref, {"spec": {"template": {"metadata": {"annotations": annotations}}}})


def test_a_cluster_of_manifests_is_at_rest_with_the_pods_that_the_model_predicts():
    source = snapshot(SPACE, WEB, DB, ROLLOUT, BARE)
    cluster = FakeCluster.of(source, FakeClock())

    live = Mesh(Snapshot(Resource(_ref(body), body) for body in cluster.everything()))

    for workload in Mesh(source).workloads:
        found = live.workload(workload.ref)
        assert (len(found.pods) or 1) == (workload.replicas or 1)
        assert live.state(found).seen
        assert live.has_sidecar(found)


@pytest.mark.parametrize(("text", "kind"), [(WEB, kinds.DEPLOYMENT), (ROLLOUT, kinds.ROLLOUT)])
def test_a_rollout_goes_step_by_step_and_never_below_what_must_be_available(text, kind):
    cluster = cluster_of(text)
    ref = Ref(*kind, "shop", yaml.safe_load(text)["metadata"]["name"])
    replicas = len(pods(cluster))
    restart(cluster, ref)
    ready = []

    while look(cluster, "rolled-out", ref) is not DONE:
        cluster.clock.sleep(0.1)
        ready.append(cluster.get(ref)["status"]["readyReplicas"])
        assert len(ready) < 200

    assert len(set(ready)) >= 1
    assert min(ready) >= replicas - replicas // 4
    assert len(ready) > 10


def test_going_back_to_the_old_template_finds_its_replica_set_again():
    cluster = cluster_of(WEB)
    before = cluster.list(kinds.REPLICA_SET, "shop")
    restart(cluster, WEB_REF)
    cluster.clock.settle()
    annotations = {"kubectl.kubernetes.io/restartedAt": None}
    cluster.patch(WEB_REF, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
    cluster.clock.settle()

    after = cluster.list(kinds.REPLICA_SET, "shop")
    sizes = {one["metadata"]["name"]: one["spec"]["replicas"] for one in after}
    assert len(after) == 2
    assert sizes[before[0]["metadata"]["name"]] == 4
    assert look(cluster, "rolled-out", WEB_REF) is DONE


def test_a_paused_deployment_does_not_roll():
    cluster = cluster_of(WEB)
    before = {pod["metadata"]["uid"] for pod in pods(cluster)}

    cluster.patch(WEB_REF, {"spec": {"paused": True}})
    restart(cluster, WEB_REF)
    cluster.clock.settle()

    assert {pod["metadata"]["uid"] for pod in pods(cluster)} == before
    assert look(cluster, "rolled-out", WEB_REF) is FAILED


def test_a_stateful_set_rolls_from_the_highest_down_to_its_partition():
    cluster = cluster_of(DB)
    by_partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    cluster.patch(DB_REF, {"spec": {"updateStrategy": by_partition}})
    old = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods(cluster)}

    restart(cluster, DB_REF)
    cluster.clock.settle()

    new = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods(cluster)}
    assert [name for name in sorted(new) if new[name] == old[name]] == ["db-0"]
    assert look(cluster, "rolled-out", DB_REF) is FAILED
    cluster.patch(DB_REF, {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    cluster.clock.settle()
    assert look(cluster, "rolled-out", DB_REF) is DONE


def test_on_delete_waits_for_whoever_deletes():
    cluster = cluster_of(DB)
    cluster.patch(DB_REF, {"spec": {"updateStrategy": {"type": "OnDelete"}}})
    restart(cluster, DB_REF)
    cluster.clock.settle()
    assert look(cluster, "rolled-out", DB_REF) is WAITING

    for pod in pods(cluster):
        cluster.meddle_delete(_ref(pod))
    cluster.clock.settle()

    assert look(cluster, "rolled-out", DB_REF) is DONE


def test_a_job_runs_for_a_while_with_its_sidecar_and_ends():
    cluster = cluster_of(JOB)
    ref = Ref(*kinds.JOB, "shop", "once")
    assert look(cluster, "jobs-done", ref) is WAITING
    assert len(pods(cluster)) == 2

    cluster.clock.sleep(600)

    assert look(cluster, "jobs-done", ref) is DONE
    assert cluster.get(ref)["status"]["succeeded"] == 2


def test_after_the_flip_pods_are_enrolled_when_they_are_new():
    cluster = cluster_of(WEB)
    cluster.patch(SHOP, FLIP)
    cluster.clock.settle()
    assert look(cluster, "pods-ambient", WEB_REF) is FAILED

    restart(cluster, WEB_REF)
    cluster.clock.settle()

    assert look(cluster, "pods-ambient", WEB_REF) is DONE


def test_pods_without_sidecar_come_and_go_with_the_label():
    plain = SPACE.replace("labels: {istio-injection: enabled}", "labels: {}")
    cluster = FakeCluster.of(snapshot(plain, WEB), FakeClock())
    assert look(cluster, "pods-uncaptured", WEB_REF) is DONE

    for value, holds in (("ambient", "pods-ambient"), (None, "pods-uncaptured")):
        cluster.patch(SHOP, {"metadata": {"labels": {"istio.io/dataplane-mode": value}}})
        cluster.clock.settle()
        assert look(cluster, holds, WEB_REF) is DONE
    pod = _ref(pods(cluster)[0])
    cluster.patch(pod, {"metadata": {"labels": {"istio.io/dataplane-mode": "ambient"}}})
    cluster.clock.settle()
    assert look(cluster, "pods-uncaptured", WEB_REF) is WAITING


@pytest.mark.parametrize(
    ("cni", "found"), [("enabled", "enabled"), ("pending", "pending"), ("never", None)]
)
def test_istio_cni_may_stall_or_do_nothing(cni, found):
    cluster = cluster_of(WEB)
    cluster.faults.cni = cni
    cluster.patch(SHOP, FLIP)
    restart(cluster, WEB_REF)
    cluster.clock.settle()

    marks = {(p["metadata"].get("annotations") or {}).get(names.REDIRECTION) for p in pods(cluster)}
    assert marks == {found}


def test_istio_cni_may_be_slow():
    cluster = cluster_of(WEB)
    cluster.faults.cni_seconds = 60
    cluster.patch(SHOP, FLIP)
    restart(cluster, WEB_REF)

    cluster.clock.sleep(30)
    assert look(cluster, "rolled-out", WEB_REF) is DONE
    assert look(cluster, "pods-ambient", WEB_REF) is WAITING
    cluster.clock.sleep(60)
    assert look(cluster, "pods-ambient", WEB_REF) is DONE


def test_pods_that_are_held_back_hold_their_rollout_and_nothing_is_lost():
    cluster = cluster_of(WEB)
    restart(cluster, WEB_REF)
    cluster.faults.unready.add(WEB_REF)
    cluster.clock.sleep(300)
    assert look(cluster, "rolled-out", WEB_REF) is WAITING
    assert cluster.get(WEB_REF)["status"]["availableReplicas"] >= 3

    cluster.let_go(WEB_REF)
    cluster.clock.settle()
    assert look(cluster, "rolled-out", WEB_REF) is DONE


def waypoint(cluster):
    spec = {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    }
    metadata = {"name": "waypoint", "namespace": "shop"}
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway"}
    cluster.create({**body, "metadata": metadata, "spec": spec})
    return Ref(*kinds.GATEWAY, "shop", "waypoint")


def test_a_waypoint_that_never_gets_a_pod_is_not_programmed():
    cluster = cluster_of()
    cluster.faults.unready.add(Ref(*kinds.DEPLOYMENT, "shop", "waypoint"))
    gateway = waypoint(cluster)
    cluster.clock.sleep(300)

    assert look(cluster, "waypoint-ready", gateway) is WAITING
    assert "addresses" not in cluster.get(gateway)["status"]


def test_a_waypoint_may_lose_its_pods_and_stays_programmed():
    cluster = cluster_of()
    gateway, made = waypoint(cluster), Ref(*kinds.DEPLOYMENT, "shop", "waypoint")
    cluster.clock.settle()
    assert look(cluster, "waypoint-ready", gateway) is DONE

    cluster.hold_back(made)
    cluster.clock.settle()
    assert look(cluster, "waypoint-ready", gateway) is WAITING
    assert cluster.get(made)["status"]["availableReplicas"] == 0
    cluster.let_go(made)
    cluster.clock.settle()
    assert look(cluster, "waypoint-ready", gateway) is DONE


def test_without_ambient_nothing_of_it_is_there_until_a_person_installs_it():
    cluster = cluster_of(WEB, ambient=False)
    everything = Ref(*kinds.NAMESPACE, "", "shop")
    checks = ("istiod-ambient", "nodes-ready", "gateway-api-present")
    assert {look(cluster, check, everything) for check in checks} == {WAITING}
    assert look(cluster, "pods-accept-hbone", WEB_REF) is FAILED

    cluster.install_ambient()

    assert {look(cluster, check, everything) for check in checks} == {DONE}
    restart(cluster, WEB_REF)
    cluster.clock.settle()
    assert look(cluster, "pods-accept-hbone", WEB_REF) is DONE


def test_the_same_calls_give_the_same_cluster():
    def walk():
        cluster = cluster_of(WEB, DB, JOB)
        cluster.patch(SHOP, FLIP)
        restart(cluster, WEB_REF)
        cluster.clock.sleep(2.5)
        return cluster.everything()

    assert walk() == walk()


def owner(kind, name, version="apps/v1"):
    return {"apiVersion": version, "kind": kind, "name": name, "controller": True}


def test_pods_of_a_live_snapshot_are_kept_as_they_were_read():
    """A live reading has metadata of pods only, and of ReplicaSets the names."""
    deployment = yaml.safe_load(WEB)
    metadata = {
        "namespace": "shop",
        "labels": {"app": "web", "pod-template-hash": "abc"},
        "annotations": {names.SIDECAR_STATUS: "{}"},
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "ownerReferences": [owner("ReplicaSet", "web-abc")],
    }
    read = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": f"web-abc-{n}"}}
        for n in range(4)
    ]
    bodies = [yaml.safe_load(SPACE), deployment, *read]
    cluster = FakeCluster.of(Snapshot(Resource(_ref(b), b) for b in bodies), FakeClock())

    found = pods(cluster)
    assert [pod["metadata"]["name"] for pod in found] == [f"web-abc-{n}" for n in range(4)]
    assert {names.TUNNEL in pod["metadata"]["labels"] for pod in found} == {False}
    assert found[0]["spec"]["containers"] == deployment["spec"]["template"]["spec"]["containers"]
    assert look(cluster, "rolled-out", WEB_REF) is DONE
    assert look(cluster, "pods-have-sidecar", WEB_REF) is DONE
    cluster.patch(SHOP, FLIP)
    restart(cluster, WEB_REF)
    cluster.clock.settle()
    assert look(cluster, "pods-ambient", WEB_REF) is DONE


def test_pods_of_a_live_stateful_set_are_of_the_revision_that_they_bear():
    metadata = {
        "namespace": "shop",
        "labels": {"app": "web", "controller-revision-hash": "db-7d"},
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "ownerReferences": [owner("StatefulSet", "db")],
    }
    read = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": f"db-{n}"}}
        for n in range(3)
    ]
    bodies = [yaml.safe_load(SPACE), yaml.safe_load(DB), *read]
    cluster = FakeCluster.of(Snapshot(Resource(_ref(b), b) for b in bodies), FakeClock())

    assert cluster.get(DB_REF)["status"]["updateRevision"] == "db-7d"
    assert {names.SIDECAR_STATUS in str(pod["metadata"]) for pod in pods(cluster)} == {False}
    assert look(cluster, "rolled-out", DB_REF) is DONE


def test_daemon_sets_run_on_nodes_that_they_fit():
    node = """
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/os: {os}, pool: {pool}}}}}
"""
    daemon = f"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: log, namespace: shop}}
spec: {{selector: {{matchLabels: {{app: web}}}}, template: {TEMPLATE}}}
"""
    nodes = [("a", "linux", "x"), ("b", "linux", "y"), ("c", "windows", "x")]
    cluster = cluster_of(
        daemon.replace("spec: {containers", "spec: {nodeSelector: {pool: x}, containers"),
        *(node.format(name=name, os=os, pool=pool) for name, os, pool in nodes),
    )

    assert [pod["spec"]["nodeName"] for pod in pods(cluster)] == ["a"]
    assert look(cluster, "nodes-ready", SHOP) is DONE
    ref = Ref(*kinds.DAEMON_SET, "shop", "log")
    restart(cluster, ref)
    assert look(cluster, "rolled-out", ref) is WAITING
    cluster.clock.settle()
    assert look(cluster, "rolled-out", ref) is DONE
