"""Every verdict that a real API server and a real istiod can be brought to give.

Real: controllers, injection, admission, statuses and conditions. Simulated: pods that are Ready without
running (kwok), and the annotation that istio-cni would write.
"""

import json
from itertools import count
from typing import Any

import pytest
import yaml

from migrator.adapters.kube.client import connect
from migrator.adapters.kube.permissions import roles
from migrator.adapters.kube.writer import LiveCluster
from migrator.engine.predicates import observe, triggers
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State
from migrator.steps import Check, Person, RestartWorkload, Target

from .controlplane import ControlPlane
from .meshes import eventually

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
NUMBER = count(1)

WORKLOADS = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: SPACE}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: SPACE}
spec: {selector: {app: other}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: SPACE}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: SPACE}
spec:
  replicas: 2
  serviceName: db
  updateStrategy: {type: OnDelete}
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: log, namespace: SPACE}
spec:
  selector: {matchLabels: {app: log}}
  template:
    metadata: {labels: {app: log}}
    spec: {containers: [{name: log, image: log}]}
"""
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: SPACE, labels: {istio.io/waypoint-for: service}}
spec:
  gatewayClassName: istio-waypoint
  listeners: [{name: mesh, port: 15008, protocol: HBONE}]
"""
QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: none, namespace: SPACE}
spec: {hard: {pods: "0"}}
"""


class Seen:
    """The plane with a namespace that is injected, and looks at it."""

    def __init__(self, plane: ControlPlane, reader: LiveCluster) -> None:
        self.plane = plane
        self.reader = reader
        self.space = f"predicates-{next(NUMBER)}"
        self.web = Ref(*kinds.DEPLOYMENT, self.space, "web")
        self.service = Ref(*kinds.SERVICE, self.space, "web")
        self.waypoint = Ref(*kinds.GATEWAY, self.space, "waypoint")

    def look(self, predicate: str, ref: Ref | None = None):
        about = Target.of(ref or Ref(*kinds.NAMESPACE, "", self.space))
        step = Person(id="p", target=about, why="", title="t", instruction="i")
        return observe(Check(predicate=predicate, about=about, says=""), step, self.reader)

    def becomes(self, state: State, predicate: str, ref: Ref | None, *says: str) -> str:
        """The verdict is this one within half a minute, in these words."""

        def so():
            verdict = self.look(predicate, ref)
            return verdict.state is state and all(part in verdict.says for part in says)

        assert eventually(so, 30), self.look(predicate, ref)
        return self.look(predicate, ref).says

    def apply(self, *texts: str) -> None:
        for text in texts:
            mine = text.replace("SPACE", self.space)
            self.plane.kubectl("apply", "--server-side", "-f", "-", stdin=mine)

    def here(self, *arguments: str) -> str:
        return self.plane.kubectl("-n", self.space, *arguments)

    def patch(self, what: str, patch: object, *options: str) -> None:
        self.here("patch", what, "--type=merge", "-p", json.dumps(patch), *options)

    def pods(self, app: str) -> list[dict[str, Any]]:
        return self.plane.get("pods", "-n", self.space, "-l", f"app={app}")["items"]


@pytest.fixture(scope="module")
def reader(plane):
    """The real client, as a user who may what `migrate permissions apply` prints, and no more."""
    (role,) = roles("apply")
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(role))
    plane.kubectl("create", "serviceaccount", "looker", "-n", "default")
    plane.kubectl(
        "create", "clusterrolebinding", "looker", "--serviceaccount=default:looker",
        f"--clusterrole={role['metadata']['name']}",
    )  # fmt: skip
    configuration = json.loads(plane.kubeconfig.read_text())
    token = plane.kubectl("create", "token", "looker", "-n", "default").strip()
    configuration["users"][0]["user"] = {"token": token}
    file = plane.folder / "kubeconfig-looker"
    file.write_text(json.dumps(configuration))
    yield LiveCluster(connect(str(file)))
    plane.kubectl(
        "delete",
        "clusterrolebinding,clusterrole",
        "looker",
        role["metadata"]["name"],
        "--ignore-not-found",
    )
    plane.kubectl("delete", "serviceaccount", "looker", "-n", "default")


@pytest.fixture
def seen(plane, reader):
    """A namespace with workloads that are ready and injected; gone afterwards."""
    found = Seen(plane, reader)
    labels = {"istio-injection": "enabled"}
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "SPACE", "labels": labels},
    }
    found.apply(yaml.safe_dump(space))
    found.apply(WORKLOADS)
    found.becomes(DONE, "rolled-out", found.web, "2 of 2")
    yield found
    plane.kubectl("delete", "namespace", found.space, "--wait=false")


def _template(**fields):
    return {"spec": {"template": {**fields}}}


def _label(key, value):
    return _template(metadata={"labels": {key: value}})


def test_a_deployment_that_rolls_that_cannot_and_that_is_paused(seen):
    seen.apply(QUOTA)
    seen.patch("deployment/web", _label("try", "quota"))
    seen.becomes(WAITING, "rolled-out", seen.web, "ReplicaFailure", "exceeded quota")
    seen.here("delete", "resourcequota", "none")
    seen.here("rollout", "restart", "deployment/web")
    seen.becomes(DONE, "rolled-out", seen.web)

    seen.patch("deployment/web", {"spec": {"progressDeadlineSeconds": 3}})
    seen.patch("deployment/web", _template(spec={"nodeSelector": {"nowhere": "true"}}))
    seen.becomes(WAITING, "rolled-out", seen.web, "is awaited")
    seen.becomes(
        FAILED, "rolled-out", seen.web, "ProgressDeadlineExceeded", "has timed out progressing"
    )
    seen.here("rollout", "undo", "deployment/web")
    seen.becomes(DONE, "rolled-out", seen.web)

    seen.here("rollout", "pause", "deployment/web")
    seen.becomes(FAILED, "rolled-out", seen.web, "spec.paused is true")
    seen.here("rollout", "resume", "deployment/web")
    seen.here("scale", "deployment/web", "--replicas=0")
    seen.becomes(DONE, "rolled-out", seen.web, "spec.replicas is 0")
    seen.here("delete", "deployment", "web")
    seen.becomes(FAILED, "rolled-out", seen.web, "was deleted")


def test_stateful_and_daemon_sets_by_their_strategies(seen):
    db, log = Ref(*kinds.STATEFUL_SET, seen.space, "db"), Ref(*kinds.DAEMON_SET, seen.space, "log")
    seen.becomes(DONE, "rolled-out", db)
    seen.becomes(DONE, "rolled-out", log, "1 of 1")

    seen.patch("statefulset/db", _label("try", "on-delete"))
    seen.becomes(WAITING, "rolled-out", db, "OnDelete, and 0 of 2 pods")
    seen.here("delete", "pod", "db-0", "db-1", "--wait=false")
    seen.becomes(DONE, "rolled-out", db, "2 of 2")

    by_partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    seen.patch("statefulset/db", {"spec": {"updateStrategy": by_partition}})
    seen.becomes(DONE, "rolled-out", db)
    seen.patch("statefulset/db", _label("try", "partition"))
    seen.becomes(FAILED, "rolled-out", db, "partition is 1")
    all_of_them = {"rollingUpdate": {"partition": 0}}
    seen.patch("statefulset/db", {"spec": {"updateStrategy": all_of_them}})
    seen.becomes(DONE, "rolled-out", db, "2 of 2")

    seen.patch("daemonset/log", {"spec": {"updateStrategy": {"type": "OnDelete"}}})
    seen.patch("daemonset/log", _label("try", "on-delete"))
    seen.becomes(WAITING, "rolled-out", log, "OnDelete, and 0 of 1")
    seen.here("delete", "pod", "-l", "app=log", "--wait=false")
    seen.becomes(DONE, "rolled-out", log)


def _enrol(seen, app, value="enabled"):
    """What istio-cni does last; here a stand-in does it."""
    for pod in seen.pods(app):
        name = pod["metadata"]["name"]
        key = "ambient.istio.io/redirection"
        seen.here("annotate", "--overwrite", "pod", name, f"{key}={value}")


@pytest.mark.parametrize("kind", [kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET])
def test_a_workload_on_its_way_to_ambient_and_back(seen, kind):
    name = {"Deployment": "web", "StatefulSet": "db", "DaemonSet": "log"}[kind.kind]
    ref = Ref(*kind, seen.space, name)
    if kind == kinds.STATEFUL_SET:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
        seen.patch("statefulset/db", {"spec": {"updateStrategy": rolling}})
    seen.becomes(DONE, "pods-have-sidecar", ref)
    seen.becomes(DONE, "pods-accept-hbone", ref)
    seen.becomes(FAILED, "pods-ambient", ref, "of the current template", "sidecar.istio.io/status")

    labels = {"istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false"}
    seen.patch(f"{kind.kind.lower()}/{name}", _template(metadata={"labels": labels}))
    seen.becomes(DONE, "rolled-out", ref)
    seen.becomes(WAITING, "pods-ambient", ref, "redirection is absent; enabled is awaited")
    _enrol(seen, name, "pending")
    seen.becomes(WAITING, "pods-ambient", ref, "redirection is pending", "no traffic passes")
    seen.becomes(WAITING, "pods-uncaptured", ref, "redirection is pending; its absence")
    _enrol(seen, name)
    seen.becomes(DONE, "pods-ambient", ref, "are ambient")
    seen.becomes(FAILED, "pods-have-sidecar", ref, "sidecar.istio.io/status is absent")

    back = dict.fromkeys(labels)
    seen.patch(f"{kind.kind.lower()}/{name}", _template(metadata={"labels": back}))
    seen.becomes(DONE, "rolled-out", ref)
    seen.becomes(DONE, "pods-have-sidecar", ref)
    seen.becomes(DONE, "pods-uncaptured", ref)


def test_a_job_whose_pod_has_ended(seen):
    seen.here("create", "job", "import", "--image=import")

    ref = Ref(*kinds.JOB, seen.space, "import")
    seen.becomes(DONE, "jobs-done", ref, "no pod of it")
    seen.becomes(DONE, "jobs-left-ambient", ref, "no ambient pod of it")


def test_a_waypoint_from_nothing_to_ready_and_out_of_order(seen):
    seen.becomes(FAILED, "waypoint-ready", seen.waypoint, "is not there")
    seen.apply(QUOTA, GATEWAY)
    seen.becomes(WAITING, "waypoint-ready", seen.waypoint)
    seen.here("delete", "resourcequota", "none")
    seen.here("rollout", "restart", "deployment/waypoint")
    seen.becomes(DONE, "waypoint-ready", seen.waypoint, "address 10.100.", "1 of 1")

    _unready(seen, "gateway.networking.k8s.io/gateway-name=waypoint")
    seen.becomes(WAITING, "waypoint-ready", seen.waypoint)


def test_gateways_that_do_not_become_waypoints(seen):
    lost, nobody = yaml.safe_load(GATEWAY), yaml.safe_load(GATEWAY)
    lost["spec"]["infrastructure"] = {
        "parametersRef": {"group": "", "kind": "ConfigMap", "name": "lost"}
    }
    nobody["metadata"]["name"] = "nobody"
    nobody["spec"]["gatewayClassName"] = "acme"
    seen.apply(yaml.safe_dump(lost), yaml.safe_dump(nobody))

    seen.becomes(
        FAILED, "waypoint-ready", seen.waypoint, "InvalidParameters", "lost does not exist"
    )
    seen.becomes(
        WAITING,
        "waypoint-ready",
        Ref(*kinds.GATEWAY, seen.space, "nobody"),
        "Waiting for controller",
    )
    seen.here("create", "configmap", "lost")
    seen.becomes(DONE, "waypoint-ready", seen.waypoint)


def _unready(seen, selector):
    """Pods stop being Ready, on request to kwok; the controllers and istiod see that for real."""
    seen.here("annotate", "pods", "-l", selector, "e2e/never-ready=true", "--overwrite")


def _use(seen, service, waypoint="waypoint", **labels):
    wanted = [
        f"istio.io/use-waypoint={waypoint}",
        *(f"istio.io/{k}={v}" for k, v in labels.items()),
    ]
    seen.here("label", "--overwrite", "service", service, *wanted)


def test_a_service_is_bound_or_not(seen):
    seen.becomes(WAITING, "service-bound", seen.service, "istio.io/use-waypoint is absent")
    _use(seen, "web")
    seen.becomes(
        WAITING, "service-bound", seen.service, "WaypointIsNotReady", f"{seen.space}/waypoint"
    )
    seen.apply(GATEWAY)
    seen.becomes(DONE, "service-bound", seen.service, "True (WaypointAccepted")

    pods_only = GATEWAY.replace("name: waypoint,", "name: pods,").replace(
        "for: service", "for: workload"
    )
    seen.apply(pods_only)
    _use(seen, "web", "pods")
    seen.becomes(
        FAILED, "service-bound", seen.service, "UnsupportedTrafficType", f"{seen.space}/pods"
    )
    _use(seen, "web")
    seen.becomes(DONE, "service-bound", seen.service)

    edge = f"{seen.space}-edge"
    seen.plane.kubectl("create", "namespace", edge)
    try:
        seen.apply(GATEWAY.replace("namespace: SPACE", "namespace: SPACE-edge"))
        _use(seen, "web", **{"use-waypoint-namespace": edge})
        seen.becomes(FAILED, "service-bound", seen.service, "AttachmentDenied", f"{edge}/waypoint")
    finally:
        seen.plane.kubectl("delete", "namespace", edge, "--wait=false")


def _policy(kind, name, spec):
    body = {
        "apiVersion": "security.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "SPACE"},
        "spec": spec,
    }
    return yaml.safe_dump(body)


def _services(*names):
    return {"targetRefs": [{"group": "", "kind": "Service", "name": name} for name in names]}


def test_policies_are_attached_when_their_services_are_bound(seen):
    one, both = (Ref(*kinds.AUTHORIZATION_POLICY, seen.space, name) for name in ("one", "both"))
    login = Ref(*kinds.REQUEST_AUTHENTICATION, seen.space, "login")
    seen.apply(
        _policy("AuthorizationPolicy", "one", _services("web")),
        _policy("AuthorizationPolicy", "both", _services("web", "other")),
        _policy("AuthorizationPolicy", "lost", _services("lost")),
        _policy("RequestAuthentication", "login", _services("web", "other")),
        GATEWAY,
    )
    seen.becomes(WAITING, "policy-attached", one, "AncestorNotBound", "is not bound to a waypoint")
    seen.becomes(WAITING, "policy-attached", both, "False (Invalid")
    seen.becomes(WAITING, "policy-attached", login, "istio.io/use-waypoint is absent")

    _use(seen, "web")
    seen.becomes(DONE, "policy-attached", one, f"True (Accepted: bound to {seen.space}/waypoint)")
    seen.becomes(WAITING, "policy-attached", both, "PartiallyInvalid", f"{seen.space}/other")
    seen.becomes(WAITING, "policy-attached", login, f"Service/{seen.space}/other")

    _use(seen, "other")
    seen.becomes(DONE, "policy-attached", both, "True (Accepted")
    seen.becomes(DONE, "policy-attached", login, "every target")

    seen.patch("authorizationpolicy/one", {"spec": {"action": "DENY", "rules": [{}]}})
    seen.becomes(DONE, "policy-attached", one)
    assert seen.reader.get(one)["metadata"]["generation"] == 2
    lost = Ref(*kinds.AUTHORIZATION_POLICY, seen.space, "lost")
    seen.becomes(FAILED, "policy-attached", lost, f"Service/{seen.space}/lost is not there")


def test_a_policy_for_all_waypoints_counts_in_the_root_namespace_only(seen):
    target = {
        "group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint",
    }  # fmt: skip
    seen.apply(_policy("AuthorizationPolicy", "mesh", {"targetRefs": [target]}))
    ref = Ref(*kinds.AUTHORIZATION_POLICY, seen.space, "mesh")

    seen.becomes(FAILED, "policy-attached", ref, "Invalid", "must be in the root namespace")


def test_an_object_that_a_finalizer_holds(seen):
    ref = Ref(*kinds.CONFIG_MAP, seen.space, "kept")
    seen.becomes(DONE, "absent", ref)
    seen.here("create", "configmap", "kept")
    seen.becomes(FAILED, "absent", ref, "nobody is deleting it")
    seen.patch("configmap/kept", {"metadata": {"finalizers": ["example.com/keep"]}})
    seen.here("delete", "configmap", "kept", "--wait=false")
    seen.becomes(WAITING, "absent", ref, "example.com/keep")
    seen.patch("configmap/kept", {"metadata": {"finalizers": None}})
    seen.becomes(DONE, "absent", ref)


def test_the_platform_and_a_node_that_is_cordoned(seen):
    seen.becomes(DONE, "nodes-ready", None, "each of 1 nodes")
    seen.becomes(DONE, "istiod-ambient", None, "Deployment/istio-system/istiod")
    seen.becomes(DONE, "gateway-api-present", None)
    seen.plane.kubectl("cordon", "kwok-0")
    try:
        seen.becomes(WAITING, "nodes-ready", None, "no schedulable Linux node")
    finally:
        seen.plane.kubectl("uncordon", "kwok-0")
    seen.becomes(DONE, "nodes-ready", None)


def test_what_ends_a_wave(seen):
    move = RestartWorkload(id="move", target=Target.of(seen.web), why="")
    seen.apply(GATEWAY)
    _use(seen, "web")
    seen.becomes(DONE, "waypoint-ready", seen.waypoint)
    seen.becomes(DONE, "service-bound", seen.service)
    assert triggers([move], seen.reader) == ()

    _unready(seen, "gateway.networking.k8s.io/gateway-name=waypoint")
    assert eventually(
        lambda: "availableReplicas is 0" in " ".join(triggers([move], seen.reader)), 30
    )

    seen.here("delete", "gateways.gateway.networking.k8s.io", "waypoint")
    assert eventually(
        lambda: "is False (WaypointIsNotReady" in " ".join(triggers([move], seen.reader)), 30
    )


def test_a_pod_that_istio_cni_does_not_let_start(seen):
    """The Event is simulated: no kubelet is there to write it."""
    move = RestartWorkload(id="move", target=Target.of(seen.web), why="")
    seen.patch("deployment/web", _template(spec={"nodeSelector": {"nowhere": "true"}}))
    assert eventually(
        lambda: [p for p in seen.pods("web") if p["status"]["phase"] == "Pending"], 30
    )
    assert triggers([move], seen.reader) == ()
    pod = next(p for p in seen.pods("web") if p["status"]["phase"] == "Pending")
    event = {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": "sandbox", "namespace": seen.space},
        "involvedObject": {
            "kind": "Pod", "namespace": seen.space, "name": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
        },
        "reason": "FailedCreatePodSandBox", "type": "Warning",
        "message": "istio-cni cmdAdd failed to contact node Istio CNI agent",
    }  # fmt: skip
    seen.apply(yaml.safe_dump(event))

    (says,) = triggers([move], seen.reader)
    assert f"{pod['metadata']['name']} cannot start: FailedCreatePodSandBox: istio-cni" in says
