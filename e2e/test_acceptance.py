"""What a migration must get right whatever tool does it, each case under its number in the design.

Real: API server, controllers, admission, injection, istiod with its conditions and every command.
Simulated: pods are Ready without running (kwok), istio-cni writes annotations only (`cni_standin`), and
where a test says so, Prometheus.
"""

import json
import re

import pytest
import yaml

from . import applying, scenes
from .controlplane import ControlPlane
from .errors_server import ErrorsServer
from .istio import point_at_istiod
from .matrix_revisions import set_tag
from .meshes import eventually
from .processes import free_port
from .scenes import said

POLICY = "authorizationpolicies.security.istio.io"
REFUSES_WAYPOINT_PODS = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}
  validations:
    - expression: >-
        !has(object.metadata.labels) ||
        !('gateway.networking.k8s.io/gateway-name' in object.metadata.labels)
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME}
spec:
  policyName: NAME
  validationActions: [Deny]
  matchResources:
    namespaceSelector:
      matchLabels: {kubernetes.io/metadata.name: NAME}
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """One control plane; a mesh called `old` got its sidecars before ambient was switched on."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        running.install_istio("default")
        applying.install(running, scenes.objects_of("guarded", "old"))
        running.install_istio("ambient")
        yield running


def test_t17_sidecars_that_do_not_receive_hbone_are_restarted_in_a_phase_before(
    plane, cni, tmp_path
):
    """T17, real: these pods were injected before ambient was switched on.

    It comes first: every plan restarts such servers, whichever namespaces it moves.
    """
    cni.prompt()
    with scenes.staged(plane, tmp_path, scenes.objects_of("guarded", "old")) as mesh:
        assert not any(
            "networking.istio.io/tunnel" in p["metadata"]["labels"] for p in mesh.pods("orders")
        )
        mesh.make_plan()
        found = [
            (p["name"], s["id"])
            for p in mesh.data()["phases"]
            for w in p["waves"]
            for s in w["steps"]
        ]
        assert ("prepare", "hbone.old.deployment.orders") in found
        last = next(
            w["name"]
            for p in mesh.data()["phases"]
            if p["name"] == "prepare"
            for w in p["waves"][-1:]
        )
        done = mesh.migrate("apply", "--to", last)
        assert done.returncode == 0, said(done)
        assert mesh.modes("orders") == {"sidecar"}
        assert {
            p["metadata"]["labels"].get("networking.istio.io/tunnel") for p in mesh.pods("orders")
        } == {"http"}
        assert mesh.migrate("apply").returncode == 0
        assert mesh.modes("orders") == {"ambient"}
        assert mesh.migrate("rollback").returncode == 0
        assert mesh.image_is(mesh.before)


@pytest.mark.parametrize("scenario", ["denied", "custom"])
def test_t04_t05_without_a_waypoint_an_http_rule_keeps_its_sidecar(scene, scenario):
    """T4 and T5, real: no Service leads to the workload, so no waypoint can stand in front of it. It is not
    moved, and its caller is.
    """
    mesh = scene(scenario, without=("Service",))
    assert [e["target"]["name"] for e in mesh.data()["exclusions"]] == ["orders"]
    assert "waypoint" in mesh.data()["exclusions"][0]["reason"]
    assert mesh.migrate("apply").returncode == 0
    assert mesh.modes("orders") == {"sidecar"}
    assert mesh.modes("caller") == {"ambient"}


@pytest.mark.parametrize("scenario", ["denied", "custom"])
def test_t04_t05_a_plan_whose_waypoint_was_edited_away_is_refused(scene, scenario):
    """T4 and T5, real: the reviewer deleted the steps of the waypoint; nothing is changed."""
    mesh = scene(scenario)
    mesh.without_steps(lambda name: name.startswith(("prepare.", "move.", "flip.")))
    done = mesh.migrate("apply")
    assert done.returncode == 3
    assert f"{mesh.name}/orders needs a waypoint" in said(done)
    assert mesh.image() == mesh.before


def test_t06_labels_are_not_touched_while_the_waypoint_is_not_programmed(scene):
    """T6. Real: a ValidatingAdmissionPolicy refuses the waypoint's pods, so that istiod never programs its
    Gateway. No namespace, Service or workload gets a label.
    """
    mesh = scene("guarded")
    mesh.plane.kubectl("apply", "-f", "-", stdin=REFUSES_WAYPOINT_PODS.replace("NAME", mesh.name))
    assert eventually(lambda: _refused_as_waypoint(mesh), 30)
    mesh.hurry("waypoint-ready", 4)
    done = mesh.migrate("apply")
    assert done.returncode == 5, said(done)
    assert "waypoint-ready" in said(done)
    before, now = json.loads(mesh.before), json.loads(mesh.image())
    assert {key: now[key] for key in before} == before
    assert mesh.modes() == {"sidecar"}
    mesh.plane.kubectl(
        "delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", mesh.name
    )
    assert mesh.migrate("rollback").returncode == 0
    assert mesh.image_is(mesh.before)


def test_t07_a_deny_stays_a_deny_at_the_right_services(scene):
    """T7, real: as the API server holds it after the run, and as istiod accepts it."""
    mesh = scene("denied")
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)
    policies = {p["metadata"]["name"]: p for p in mesh.plane.get(POLICY, "-n", mesh.name)["items"]}
    twin = policies["orders-no-writes-waypoint"]
    (original,) = (o for o in mesh.objects if o["kind"] == "AuthorizationPolicy")
    assert twin["spec"]["action"] == "DENY"
    assert twin["spec"]["rules"] == original["spec"]["rules"]
    assert "selector" not in twin["spec"]
    assert sorted((r["kind"], r["name"]) for r in twin["spec"]["targetRefs"]) == [
        ("Service", "orders"), ("Service", "orders-internal"),
    ]  # fmt: skip
    bound = {
        s["metadata"]["name"]: s["metadata"].get("labels", {}).get("istio.io/use-waypoint")
        for s in mesh.plane.get("services", "-n", mesh.name)["items"]
    }
    assert (bound["orders"], bound["orders-internal"], bound["caller"]) == (
        "waypoint",
        "waypoint",
        None,
    )


def test_t08_pods_without_sidecar_and_of_the_host_are_named_and_left_alone(scene):
    """T8, real injection; that istio-cni ignores the host's network is the stand-in's own rule."""
    mesh = scene("left_out")
    report = mesh.plan.with_suffix(".md").read_text()
    assert "DaemonSet/" + mesh.name + "/agent" in report
    assert "node's network" in report
    assert f"keep-out.{mesh.name}.pod.probe" in report
    before = {p["metadata"]["uid"] for app in ("probe", "agent") for p in mesh.pods(app)}
    assert len(before) == 2
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)
    assert {p["metadata"]["uid"] for app in ("probe", "agent") for p in mesh.pods(app)} == before
    assert mesh.modes("probe") | mesh.modes("agent") == {"none"}
    assert mesh.modes("echo") == {"ambient"}


def test_t11_killed_at_every_step_it_goes_on_and_repeats_no_restart(scene):
    """T11, real: SIGKILL when a step is verified; restarts are counted by the Deployment's own numbers."""
    mesh = scene("guarded")
    kills = 0
    while (run := mesh.start("apply")).until("✓ verified"):
        run.process.kill()
        run.end()
        kills += 1
    assert run.end() == 0, run.words()
    assert kills >= len(mesh.steps()) - 2
    assert {name: mesh.revisions()[name] for name in ("caller", "orders")} == {
        "caller": 2, "orders": 2,
    }  # fmt: skip
    assert mesh.migrate("verify").returncode == 0
    assert mesh.migrate("rollback").returncode == 0
    assert mesh.image_is(mesh.before)


def test_t12_what_changed_since_the_plan_is_named_and_nothing_is_done(scene):
    """T12, real: one change after the other, each named with object and field, and taken back."""
    mesh = scene("guarded")
    verbs = {"spec": {"rules": [{"to": [{"operation": {"methods": ["GET", "POST"]}}]}]}}
    edits = [
        (POLICY, "orders-reading", verbs, "spec.rules"),
        ("namespace", mesh.name, labels("istio-injection", "disabled"), "istio-injection"),
        ("service", "orders", {"spec": {"selector": {"app": "caller"}}}, "spec.selector.app"),
        (
            "deployment", "orders",
            {"spec": {"template": labels("sidecar.istio.io/inject", "false")}},
            "sidecar.istio.io/inject",
        ),
    ]  # fmt: skip
    for kind, name, patch, field in edits:
        original = mesh.get(kind, name)
        mesh.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(patch))
        edited = mesh.image()
        done = mesh.migrate("apply")
        assert done.returncode == 4, said(done)
        assert "stale" in said(done)
        assert field in said(done), (field, said(done))
        assert re.search(rf"{original['kind']}/\S*{name}", said(done)), said(done)
        assert mesh.image() == edited
        mesh.kubectl("patch", kind, name, "--type=merge", "-p", _back(original, patch))
    assert eventually(lambda: applying.is_settled(mesh.plane, mesh.names))
    assert mesh.migrate("apply", "--dry-run").returncode == 0


def test_t13_a_gate_that_fails_takes_each_wave_back(scene):
    """T13. Real: every wave fails once and is rolled back, then passes. Simulated: Prometheus tells of 503s;
    waves without traffic of their own fail by a check that the reviewer added.
    """
    mesh = scene("guarded")
    applying.edit_plan(mesh.plan, lambda data: _add_stops(data, mesh.name))
    measured = 0
    with ErrorsServer(mesh.name, ["caller", "orders"]) as prometheus:
        for wave in mesh.waves():
            before = mesh.image()
            stop = () if _is_measured(mesh, wave) else (f"stop-{wave}",)
            options = ("--to", wave, "--prometheus", prometheus.url, "--on-failure", "rollback")
            for name in stop:
                mesh.kubectl("create", "configmap", name)
            prometheus.errors = 0 if stop else 9
            failed = mesh.migrate("apply", *options)
            for name in stop:
                mesh.kubectl("delete", "configmap", name)
            assert failed.returncode == 6, said(failed)
            assert "rolled back" in said(failed)
            measured += "above the baseline" in said(failed)
            assert mesh.image_is(before), wave
            prometheus.errors = 0
            passed = mesh.migrate("apply", *options)
            assert passed.returncode == 0, said(passed)
    assert measured >= 2
    assert mesh.migrate("verify").returncode == 0
    assert mesh.migrate("rollback").returncode == 0
    assert mesh.image_is(mesh.before)


def test_t14_no_answer_is_an_error_and_no_all_clear(scene, tmp_path):
    """T14, real: nobody listens where the API server should be."""
    mesh = scene("plain")
    nowhere = _kubeconfig(mesh, tmp_path, server=f"https://127.0.0.1:{free_port()}")
    looking = (["status"], ["apply", "--yes"], ["diff", "--server"])
    for command, *options in looking:
        done = applying.migrate(mesh.plane, command, str(mesh.plan), *options, *nowhere)
        assert (done.returncode, "does not answer" in said(done)) == (1, True), command
        assert "no drift" not in said(done)
    assert mesh.image() == mesh.before


def test_t14_no_right_is_an_error_and_no_all_clear(scene, tmp_path):
    """T14, real RBAC: who may only read cannot apply, who may not list gets neither plan nor findings."""
    mesh = scene("plain")
    user = _kubeconfig(mesh, tmp_path, user=mesh.name)
    role = yaml.safe_load(applying.migrate(mesh.plane, "permissions", "scan").stdout)
    mesh.plane.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    binding = ("clusterrolebinding", mesh.name)
    named = role["metadata"]["name"]
    mesh.plane.kubectl("create", *binding, f"--clusterrole={named}", f"--user={mesh.name}")
    assert eventually(lambda: applying.migrate(mesh.plane, "scan", *user).returncode == 0, 20)

    done = applying.migrate(mesh.plane, "apply", str(mesh.plan), "--yes", *user)
    assert (done.returncode, "leases" in said(done).lower()) == (1, True), said(done)
    assert mesh.image() == mesh.before

    mesh.plane.kubectl("delete", *binding)
    assert eventually(lambda: applying.migrate(mesh.plane, "scan", *user).returncode == 1, 20)
    plan = tmp_path / "new-plan.yaml"
    for arguments in (["plan", "-o", str(plan)], ["check"]):
        refused = applying.migrate(mesh.plane, *arguments, *user)
        assert (refused.returncode, "list" in said(refused)) == (1, True), said(refused)
    assert not list(tmp_path.glob("new-plan*"))


def test_t14_the_printed_rights_are_enough_for_a_plan_there_and_back(scene, tmp_path):
    """T14, real RBAC: with what `migrate permissions apply` prints, and nothing else."""
    mesh = scene("guarded")
    user = _kubeconfig(mesh, tmp_path, user=mesh.name)
    role = yaml.safe_load(applying.migrate(mesh.plane, "permissions", "apply").stdout)
    mesh.plane.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    named = role["metadata"]["name"]
    binding = ("clusterrolebinding", f"{mesh.name}-apply")
    mesh.plane.kubectl("create", *binding, f"--clusterrole={named}", f"--user={mesh.name}")
    assert eventually(lambda: applying.migrate(mesh.plane, "scan", *user).returncode == 0, 20)
    for command in ("apply", "verify", "rollback"):
        done = mesh.migrate(command, *user)
        assert done.returncode == 0, said(done)
        assert "not looked at" not in said(done)
    assert mesh.image_is(mesh.before)
    mesh.plane.kubectl("delete", *binding)


def test_t15_every_way_to_ask_for_a_sidecar_is_recognised(scene, plane):
    """T15, real: the tag is set by istioctl; the injector decided who has a sidecar."""
    set_tag(plane, "stable", "default")
    point_at_istiod(plane, "mutatingwebhookconfiguration", "istio-revision-tag-stable")
    mesh = scene("labelled")
    apps = ("by-revision", "by-tag", "by-pod")
    assert [mesh.modes(app) for app in apps] == [{"sidecar"}] * 3
    scope = {s["namespace"]: s["workloads"] for s in mesh.data()["scope"]}
    assert sorted(w for workloads in scope.values() for w in workloads) == [
        "Deployment/by-pod", "Deployment/by-revision", "Deployment/by-tag",
    ]  # fmt: skip
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)
    assert [mesh.modes(app) for app in apps] == [{"ambient"}] * 3
    back = mesh.migrate("rollback")
    assert back.returncode == 0, said(back)
    assert mesh.image() == mesh.before
    assert [mesh.modes(app) for app in apps] == [{"sidecar"}] * 3


def test_t16_of_two_applies_one_works_and_the_other_says_who_has_the_lock(scene, cni):
    """T16, real: the first one waits for istio-cni while the second one comes."""
    mesh = scene("plain")
    cni.never()
    first = mesh.start("apply")
    assert first.until("ambient.istio.io/redirection is absent")
    second = mesh.migrate("apply")
    assert second.returncode == 8, said(second)
    assert "Another run has the lock" in said(second)
    cni.prompt()
    assert first.end() == 0, first.words()
    assert mesh.revisions() == {"caller": 2, "echo": 2}


def labels(key, value):
    return {"metadata": {"labels": {key: value}}}


def _kubeconfig(mesh, folder, server="", user=""):
    """Options for another server, or for another user of the same one."""
    config = json.loads(mesh.plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = server or mesh.plane.server
    if user:
        config["users"][0]["user"]["as"] = user
    file = folder / "other-kubeconfig"
    file.write_text(json.dumps(config))
    return ("--kubeconfig", str(file))


def _refused_as_waypoint(mesh):
    """Whether the policy has reached the API server's admission."""
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "try", "labels": {"gateway.networking.k8s.io/gateway-name": "try"}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/try:1"}]},
    }  # fmt: skip
    try:
        mesh.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    except Exception as error:  # noqa: BLE001  whatever kubectl says of it
        return "ValidatingAdmissionPolicy" in str(error)
    return False


def _back(original, patch):
    """The merge patch that takes `patch` back."""
    found = {}
    for key, value in patch.items():
        before = original.get(key)
        is_deeper = isinstance(value, dict) and isinstance(before, dict)
        found[key] = json.loads(_back(before, value)) if is_deeper else before
    return json.dumps(found)


def _add_stops(data, namespace):
    """A last check of each wave: a ConfigMap called after it is absent."""
    for phase in data["phases"]:
        for wave in phase["waves"]:
            about = {
                "group": "",
                "kind": "ConfigMap",
                "namespace": namespace,
                "name": f"stop-{wave['name']}",
            }
            check = {
                "predicate": "absent",
                "about": about,
                "says": "nobody objects",
                "timeout_seconds": 1,
            }
            wave["steps"][-1].setdefault("after", []).append(check)


def _is_measured(mesh, wave):
    return any(
        gate["kind"] == "error-rate"
        for phase in mesh.data()["phases"]
        for found in phase["waves"]
        if found["name"] == wave
        for gate in found["gates"]
    )
