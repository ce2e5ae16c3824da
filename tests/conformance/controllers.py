"""What the engine waits for comes about: on the in-memory cluster as on real controllers and a real istiod.

On a real API server pods are Ready without running, and no istio-cni writes on them; so what istio-cni does
is not asked here.
"""

import pytest

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import Ref
from migrator.model.verdict import State

from .world import World

WORKLOADS = {
    kinds.DEPLOYMENT: """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: app, image: "example.com/web:1"}]}
""",
    kinds.STATEFUL_SET: """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 2
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: app, image: "example.com/web:1"}]}
""",
    kinds.DAEMON_SET: """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: app, image: "example.com/web:1"}]}
""",
}
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
"""
OPTIONS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: waypoint-options}
data:
  horizontalPodAutoscaler: |
    spec: {minReplicas: 2, maxReplicas: 3}
  podDisruptionBudget: |
    spec: {maxUnavailable: 1}
"""
WAYPOINT = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, labels: {istio.io/waypoint-for: service}}
spec:
  gatewayClassName: istio-waypoint
  infrastructure: {parametersRef: {group: "", kind: ConfigMap, name: waypoint-options}}
  listeners: [{name: mesh, port: 15008, protocol: HBONE}]
"""
POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: copy}
spec:
  targetRefs: [{group: "", kind: Service, name: web}]
  rules: [{to: [{operation: {methods: [GET]}}]}]
"""


def restart(stamp):
    annotations = {"kubectl.kubernetes.io/restartedAt": stamp}
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


def running(world, app="web"):
    pods = world.cluster.list(kinds.POD, world.namespace, {"app": app})
    return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def uids(world):
    return {pod["metadata"]["uid"] for pod in running(world)}


class Controllers:
    """Tests of what happens after a write; a subclass gives the fixture `world`."""

    @pytest.fixture(params=WORKLOADS, ids=str)
    def workload(self, world: World, request) -> Ref:
        world.make(WORKLOADS[request.param])
        return world.ref(request.param, "web")

    def test_a_workload_rolls_out_and_its_pods_are_injected(self, world, workload):
        world.becomes("rolled-out", workload)
        world.becomes("pods-have-sidecar", workload)

        assert {pod["metadata"]["labels"][names.TLS_MODE] for pod in running(world)} == {"istio"}

    def test_a_restart_replaces_every_pod_and_is_waited_for(self, world, workload):
        world.becomes("rolled-out", workload)
        before = uids(world)

        world.cluster.patch(workload, restart("2026-01-01T00:00:00Z"))

        assert world.look("rolled-out", workload).state is State.WAITING
        world.becomes("rolled-out", workload)
        assert world.eventually(lambda: len(running(world)) == len(before))
        assert not uids(world) & before

    def test_after_the_flip_of_the_namespace_new_pods_have_no_sidecar(self, world, workload):
        world.becomes("pods-have-sidecar", workload)
        world.label_namespace(injection=None, mode="ambient")
        assert world.look("pods-have-sidecar", workload).state is State.DONE

        world.cluster.patch(workload, restart("2026-01-01T00:00:01Z"))
        world.becomes("rolled-out", workload)
        world.becomes("pods-have-sidecar", workload, State.FAILED)

        world.label_namespace(injection="enabled", mode=None)
        world.cluster.patch(workload, restart("2026-01-01T00:00:02Z"))
        world.becomes("pods-have-sidecar", workload)

    def test_a_deleted_pod_is_made_again(self, world, workload):
        world.becomes("rolled-out", workload)
        pod = running(world)[0]["metadata"]

        world.cluster.delete(Ref(*kinds.POD, world.namespace, pod["name"]), uid=pod["uid"])

        assert world.eventually(lambda: pod["uid"] not in uids(world))
        world.becomes("rolled-out", workload)

    def test_no_pod_is_left_of_a_workload_that_is_deleted(self, world, workload):
        world.becomes("rolled-out", workload)

        world.cluster.delete(workload)

        assert world.eventually(lambda: not running(world))

    def test_of_a_waypoint_all_parts_come_and_go(self, world):
        world.make(OPTIONS)
        world.make(WAYPOINT)
        gateway = world.ref(kinds.GATEWAY, "waypoint")
        parts = [
            world.ref(kind, "waypoint")
            for kind in (
                kinds.DEPLOYMENT, kinds.SERVICE, kinds.SERVICE_ACCOUNT, kinds.HPA, kinds.PDB,
            )
        ]  # fmt: skip

        world.becomes("waypoint-ready", gateway)

        found = [world.cluster.get(ref) for ref in parts]
        assert all(found)
        own = {names.GATEWAY_NAME: "waypoint", names.GATEWAY_CLASS_NAME: "istio-waypoint"}
        for part in found:
            assert own.items() <= part["metadata"]["labels"].items()
        pods = world.cluster.list(kinds.POD, world.namespace, {names.GATEWAY_NAME: "waypoint"})
        assert pods
        assert all(names.SIDECAR_STATUS not in str(pod["metadata"]) for pod in pods)

        world.cluster.delete(gateway)
        assert world.eventually(lambda: not any(map(world.cluster.get, parts)))

    def test_a_service_is_bound_and_a_policy_attached_once_the_waypoint_is_there(self, world):
        service, policy = (
            world.ref(kinds.SERVICE, "web"),
            world.ref(kinds.AUTHORIZATION_POLICY, "copy"),
        )
        world.make(SERVICE)
        world.make(POLICY)
        world.cluster.patch(service, {"metadata": {"labels": {names.USE_WAYPOINT: "waypoint"}}})
        assert world.eventually(lambda: self._reason(world, service) == "WaypointIsNotReady")
        assert world.eventually(lambda: self._reason(world, policy) == "AncestorNotBound")

        world.make(OPTIONS)
        world.make(WAYPOINT)
        world.becomes("service-bound", service)
        world.becomes("policy-attached", policy)

        world.cluster.patch(service, {"metadata": {"labels": {names.USE_WAYPOINT: None}}})
        world.becomes("policy-attached", policy, State.WAITING)
        assert world.eventually(lambda: self._reason(world, service) is None)

    def test_what_ztunnel_makes_of_a_policy_is_said_at_its_generation(self, world):
        policy = world.ref(kinds.AUTHORIZATION_POLICY, "copy")
        l4, l7 = (
            [{"from": [{"source": {"namespaces": ["a"]}}]}],
            [{"to": [{"operation": {"methods": ["GET"]}}]}],
        )
        manifest = world.manifest(POLICY)
        manifest["spec"] = {"rules": l4}
        world.cluster.create(manifest)
        assert world.eventually(lambda: self._reason(world, policy) == "Accepted")

        world.cluster.patch(policy, {"spec": {"rules": l7}})

        assert world.eventually(lambda: self._reason(world, policy) == "UnsupportedValue")
        (condition,) = world.cluster.get(policy)["status"]["conditions"]
        assert (condition["type"], str(condition["observedGeneration"])) == ("ZtunnelAccepted", "2")

    def _reason(self, world: World, ref: Ref) -> str | None:
        """Of the only condition, which is True only when it is Accepted or attached."""
        conditions = (world.cluster.get(ref).get("status") or {}).get("conditions") or ()
        return conditions[0]["reason"] if conditions else None
