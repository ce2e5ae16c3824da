"""What the harness simulates does what tests rely on: readiness, completion, rollouts, enrolment.

Real: API server, controllers, scheduler. Simulated, and the subject here: kubelets (kwok's stages) and
istio-cni. There is no Istio on this control plane but the ConfigMap of istio-cni.
"""

import time
from itertools import count

import pytest
import yaml

from .cni_standin import ENABLED, PENDING, REDIRECTION, CniStandIn
from .controlplane import ControlPlane
from .meshes import eventually

MODE = "istio.io/dataplane-mode"
# Our own words for the rule that Istio's chart installs
SELECTORS = """
- podSelector: {matchLabels: {istio.io/dataplane-mode: ambient}}
- podSelector: {matchExpressions: [{key: istio.io/dataplane-mode, operator: NotIn, values: [none]}]}
  namespaceSelector: {matchLabels: {istio.io/dataplane-mode: ambient}}
"""
NUMBER = count(1)


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("standins")) as running:
        running.kubectl("create", "namespace", "istio-system")
        settings(running, SELECTORS)
        yield running


@pytest.fixture(scope="module")
def cni(plane):
    with CniStandIn(plane) as running:
        yield running


@pytest.fixture
def space(plane, cni):
    """A namespace of one test; the stand-in behaves at its beginning."""
    cni.prompt()
    name = f"standins-{next(NUMBER)}"
    plane.kubectl("create", "namespace", name)
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")


def settings(plane, selectors, excluded="istio-system"):
    data = {"AMBIENT_ENABLEMENT_SELECTOR": selectors, "EXCLUDE_NAMESPACES": excluded}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio-cni-config", "namespace": "istio-system"},
        "data": data,
    }
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body))


def workload(kind, name, replicas=1, *, labels=None, annotations=None, **spec):
    selected = {"app": name}
    template = {
        "metadata": {"labels": {**selected, **(labels or {})}, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/app:1"}], **spec},
    }
    body = {"selector": {"matchLabels": selected}, "template": template}
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
        body = {"template": template}
    elif kind != "DaemonSet":
        body["replicas"] = replicas
    if kind == "StatefulSet":
        body["serviceName"] = name
    version = "batch/v1" if kind == "Job" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": body}


def create(plane, space, *bodies):
    plane.kubectl("-n", space, "apply", "-f", "-", stdin=yaml.safe_dump_all(bodies))


def pods(plane, space):
    return [
        pod
        for pod in plane.get("pods", "-n", space)["items"]
        if "deletionTimestamp" not in pod["metadata"]
    ]


def marks(plane, space):
    """The annotation of each pod, by the workload's name."""
    return {
        pod["metadata"]["labels"]["app"]: (pod["metadata"].get("annotations") or {}).get(
            REDIRECTION
        )
        for pod in pods(plane, space)
    }


def are_ready(plane, space, names):
    found = {
        pod["metadata"]["labels"]["app"]
        for pod in pods(plane, space)
        for one in pod.get("status", {}).get("conditions") or ()
        if (one["type"], one["status"]) == ("Ready", "True")
    }
    return found == set(names)


def become(plane, space, wanted):
    assert eventually(lambda: marks(plane, space) == wanted, 15), marks(plane, space)


def stay(plane, space, wanted, seconds=1.5):
    time.sleep(seconds)
    assert marks(plane, space) == wanted


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_rolling_restart_makes_every_pod_anew(plane, space, kind):
    create(plane, space, workload(kind, "app", 3))
    wanted = 1 if kind == "DaemonSet" else 3
    rollout = ("-n", space, "rollout")
    plane.kubectl(*rollout, "status", f"{kind}/app", "--timeout=60s")
    before = {pod["metadata"]["uid"] for pod in pods(plane, space)}

    plane.kubectl(*rollout, "restart", f"{kind}/app")
    plane.kubectl(*rollout, "status", f"{kind}/app", "--timeout=60s")

    assert eventually(lambda: len(pods(plane, space)) == wanted, 20)
    assert not before & {pod["metadata"]["uid"] for pod in pods(plane, space)}
    sets = plane.get("replicasets", "-n", space)["items"]
    assert len(sets) == (2 if kind == "Deployment" else 0)


def test_a_pod_is_not_ready_while_it_is_asked_not_to_be(plane, space):
    create(plane, space, workload("Deployment", "app", annotations={"e2e/never-ready": "true"}))

    def phase():
        return [pod.get("status", {}).get("phase") for pod in pods(plane, space)]

    def available():
        found = plane.get("deployment", "app", "-n", space)["status"]
        return found.get("availableReplicas", 0)

    assert eventually(lambda: phase() == ["Running"], 20)
    time.sleep(1)
    assert available() == 0

    for value, wanted in (("false", 1), ("true", 0), ("false", 1)):
        annotation = f"e2e/never-ready={value}"
        plane.kubectl("-n", space, "annotate", "pods", "--all", "--overwrite", annotation)
        assert eventually(lambda wanted=wanted: available() == wanted, 20), value


def test_a_job_completes_when_it_is_let(plane, space):
    held = workload("Job", "held", annotations={"e2e/complete": "false"})
    create(plane, space, workload("Job", "quick"), held)

    def completed():
        jobs = plane.get("jobs", "-n", space)["items"]
        return {j["metadata"]["name"] for j in jobs if j["status"].get("succeeded")}

    assert eventually(lambda: completed() == {"quick"}, 20)
    time.sleep(1)
    assert completed() == {"quick"}

    plane.kubectl(
        "-n", space, "annotate", "pods", "-l", "app=held", "--overwrite", "e2e/complete=true"
    )
    assert eventually(lambda: completed() == {"quick", "held"}, 20)


def test_enrolled_is_who_the_agent_would_take_and_let_go_when_labels_go(plane, space):
    injected = {"sidecar.istio.io/status": "{}"}
    create(
        plane, space,
        workload("Deployment", "plain"),
        workload("Deployment", "own", labels={MODE: "ambient"}),
        workload("Deployment", "out", labels={MODE: "none"}),
        workload("Deployment", "sidecar", labels={MODE: "ambient"}, annotations=injected),
        workload("Deployment", "host", labels={MODE: "ambient"}, hostNetwork=True),
    )  # fmt: skip
    nobody = dict.fromkeys(("plain", "out", "sidecar", "host"))
    become(plane, space, {**nobody, "own": ENABLED})

    plane.kubectl("label", "namespace", space, f"{MODE}=ambient")
    become(plane, space, {**nobody, "own": ENABLED, "plain": ENABLED})

    plane.kubectl("label", "namespace", space, f"{MODE}-")
    become(plane, space, {**nobody, "own": ENABLED})


def test_a_pod_that_gets_a_sidecar_mark_is_let_go(plane, space):
    create(plane, space, workload("Deployment", "app", labels={MODE: "ambient"}))
    become(plane, space, {"app": ENABLED})

    plane.kubectl("-n", space, "annotate", "pods", "--all", "sidecar.istio.io/status={}")

    become(plane, space, {"app": None})


def test_a_finished_pod_is_let_go(plane, space):
    held = {"e2e/complete": "false"}
    create(plane, space, workload("Job", "job", labels={MODE: "ambient"}, annotations=held))
    become(plane, space, {"job": ENABLED})

    plane.kubectl("-n", space, "annotate", "pods", "--all", "--overwrite", "e2e/complete=true")

    become(plane, space, {"job": None})


def test_the_agent_s_own_settings_decide_and_without_it_nobody_is_enrolled(plane, space):
    create(plane, space, workload("Deployment", "app", labels={MODE: "ambient"}))
    become(plane, space, {"app": ENABLED})
    try:
        settings(plane, SELECTORS, f" {space} ,istio-system")
        become(plane, space, {"app": None})
        settings(plane, "- podSelector: {matchExpressions: [{key: app, operator: Exists}]}")
        become(plane, space, {"app": ENABLED})
        settings(plane, "- podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}")
        become(plane, space, {"app": None})

        plane.kubectl("-n", "istio-system", "delete", "configmap", "istio-cni-config")
        time.sleep(3)
        create(plane, space, workload("Deployment", "more", labels={MODE: "ambient"}))
        stay(plane, space, {"app": None, "more": None})
    finally:
        settings(plane, SELECTORS)
    become(plane, space, {"app": ENABLED, "more": ENABLED})


def test_never_and_then_after_all(plane, space, cni):
    cni.never()
    create(plane, space, workload("Deployment", "app", labels={MODE: "ambient"}))
    assert eventually(lambda: are_ready(plane, space, ["app"]), 20)
    stay(plane, space, {"app": None})

    cni.prompt()
    become(plane, space, {"app": ENABLED})

    cni.never()
    plane.kubectl("-n", space, "label", "pods", "--all", "--overwrite", f"{MODE}=none")
    stay(plane, space, {"app": ENABLED})


def test_slow_both_ways(plane, space, cni):
    cni.slow(4)
    create(plane, space, workload("Deployment", "app", labels={MODE: "ambient"}))
    assert eventually(lambda: are_ready(plane, space, ["app"]), 20)
    stay(plane, space, {"app": None})
    become(plane, space, {"app": ENABLED})

    plane.kubectl("-n", space, "label", "pods", "--all", "--overwrite", f"{MODE}=none")
    stay(plane, space, {"app": ENABLED})
    become(plane, space, {"app": None})


def test_pending_until_a_ztunnel_answers(plane, space, cni):
    cni.pending(only=lambda pod: pod.labels["app"] == "waits")
    bodies = [workload("Deployment", name, labels={MODE: "ambient"}) for name in ("waits", "goes")]
    create(plane, space, *bodies)
    become(plane, space, {"waits": PENDING, "goes": ENABLED})

    cni.prompt()
    become(plane, space, {"waits": ENABLED, "goes": ENABLED})


def test_the_wrong_pod_in_another_s_stead(plane, space, cni):
    cni.never()
    create(
        plane, space,
        workload("Deployment", "right", labels={MODE: "ambient"}),
        workload("Deployment", "wrong", labels={MODE: "none"}),
    )  # fmt: skip
    assert eventually(lambda: are_ready(plane, space, ["right", "wrong"]), 20)
    (name,) = (
        pod["metadata"]["name"]
        for pod in pods(plane, space)
        if pod["metadata"]["labels"]["app"] == "wrong"
    )

    cni.wrong_pod(name)
    become(plane, space, {"right": None, "wrong": ENABLED})

    cni.prompt()
    become(plane, space, {"right": ENABLED, "wrong": None})
