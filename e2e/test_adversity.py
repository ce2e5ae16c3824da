"""What happens in the middle of a run: every time the right verdict, nothing lost, no field that is not
the plan's.

Real: API server, controllers, admission, injection, istiod with its conditions and every command.
Simulated: pods are Ready without running (kwok) and lose that when a test says so; istio-cni writes
annotations only (`cni_standin`), and is slow, dead or without ztunnel when a test says so.
"""

import json
import signal

import pytest

from .controlplane import ControlPlane
from .meshes import eventually
from .scenes import said

POLICY = "authorizationpolicies.security.istio.io"
NEVER_READY = "e2e/never-ready"


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        running.install_istio("ambient")
        yield running


def test_a_slow_istio_cni_is_waited_for(scene, cni):
    mesh = scene("plain")
    cni.slow(5)
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)
    assert "ambient.istio.io/redirection is absent; enabled is awaited" in said(done)
    assert mesh.modes() == {"ambient"}


@pytest.mark.parametrize(
    ("manner", "seen"),
    [
        ("never", "redirection is absent"),
        ("pending", "redirection is pending, and no traffic passes"),
    ],
)
def test_an_istio_cni_that_does_not_enrol_stops_the_run_which_goes_on_later(
    scene, cni, manner, seen
):
    mesh = scene("plain")
    mesh.hurry("pods-ambient", 4)
    getattr(cni, manner)()
    stopped = mesh.migrate("apply")
    assert stopped.returncode == 5, said(stopped)
    assert "pods-ambient" in said(stopped)
    assert seen in said(stopped)
    assert mesh.foreign_changes() == []
    cni.prompt()
    assert mesh.migrate("apply").returncode == 0
    assert mesh.revisions() == {"caller": 2, "echo": 2}
    assert mesh.modes() == {"ambient"}


@pytest.mark.parametrize("manner", ["never", "pending"])
def test_an_istio_cni_that_does_not_enrol_is_taken_back_when_that_was_asked(scene, cni, manner):
    mesh = scene("plain")
    mesh.hurry("pods-ambient", 4)
    getattr(cni, manner)(only=lambda pod: "caller" in pod.name)
    done = mesh.migrate("apply", "--on-failure", "rollback")
    assert done.returncode == 6, said(done)
    assert mesh.image_is(mesh.before)
    assert mesh.modes() == {"sidecar"}


def test_a_waypoint_that_stops_serving_between_bind_and_restart_stops_the_run(scene):
    mesh = scene("guarded")
    bind = next(name for name in mesh.waves() if name.startswith("bind-"))
    assert mesh.migrate("apply", "--to", bind).returncode == 0
    bound = mesh.image()

    mesh.kubectl(
        "annotate", "pods", "-l", "gateway.networking.k8s.io/gateway-name", f"{NEVER_READY}=true"
    )
    assert eventually(lambda: not _available(mesh, "waypoint"), 30)
    stopped = mesh.migrate("apply")
    assert stopped.returncode == 5, said(stopped)
    assert "waypoint: status.availableReplicas is 0" in said(stopped)
    assert mesh.image() == bound
    assert mesh.modes("caller") | mesh.modes("orders") == {"sidecar"}

    mesh.kubectl(
        "annotate", "pods", "-l", "gateway.networking.k8s.io/gateway-name", f"{NEVER_READY}-"
    )
    assert eventually(lambda: _available(mesh, "waypoint"), 30)
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)


def test_drift_in_the_middle_of_a_wave_is_not_overwritten(scene, cni):
    """A person widens the policy that the wave has narrowed, while the wave waits for its pods."""
    mesh = scene("guarded")
    mesh.hurry("pods-ambient", 10)
    before, last = (wave for wave in mesh.waves() if wave.startswith("switch-"))
    assert mesh.migrate("apply", "--to", before).returncode == 0
    at_checkpoint = mesh.image()
    cni.never()
    run = mesh.start("apply", "--to", last, "--on-failure", "rollback")
    assert run.until("ambient.istio.io/redirection is absent")
    everybody = {"spec": {"selector": None, "rules": [{}]}}
    mesh.kubectl("patch", POLICY, "orders-reading", "--type=merge", "-p", json.dumps(everybody))
    assert run.end() == 7, run.words()
    assert "The rollback stands at narrow." in run.words()
    assert "Nothing was overwritten" in run.words()
    assert "rules" in run.words()
    assert mesh.get(POLICY, "orders-reading")["spec"]["rules"] == [{}]
    assert mesh.modes("orders") == {"sidecar"}
    status = mesh.migrate("status")
    assert "narrow." in said(status)

    (original,) = (o for o in mesh.objects if o["kind"] == "AuthorizationPolicy")
    mesh.kubectl(
        "patch",
        POLICY,
        "orders-reading",
        "--type=merge",
        "-p",
        json.dumps({"spec": original["spec"]}),
    )
    cni.prompt()
    again = mesh.migrate("rollback", "--to", before)
    assert again.returncode == 0, said(again)
    assert mesh.image_is(at_checkpoint)


def test_drift_of_a_field_that_a_later_step_is_about_stops_before_that_step(scene, cni):
    """While the caller moves, somebody writes a label that the step of its server would write."""
    mesh = scene("guarded")
    cni.slow(4)
    run = mesh.start("apply")
    assert run.until("ambient.istio.io/redirection is absent")
    template = {"metadata": {"labels": {"sidecar.istio.io/inject": "true"}}}
    _patch_template(mesh, template)
    assert run.end() == 4, run.words()
    assert "somebody else changed Deployment" in run.words()
    assert "sidecar.istio.io/inject is 'true'" in run.words()
    assert mesh.modes("caller") == {"ambient"}
    assert mesh.modes("orders") == {"sidecar"}

    cni.prompt()
    _patch_template(mesh, {"metadata": {"labels": {"sidecar.istio.io/inject": None}}})
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)


def _patch_template(mesh, template):
    patch = json.dumps({"spec": {"template": template}})
    mesh.kubectl("patch", "deployment", "orders", "--type=merge", "-p", patch)


def test_ctrl_c_stops_at_a_safe_point_and_the_same_command_goes_on(scene, cni):
    mesh = scene("plain")
    cni.never()
    run = mesh.start("apply")
    assert run.until("ambient.istio.io/redirection is absent")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 5, run.words()
    assert "migrate apply" in run.words()
    cni.prompt()
    done = mesh.migrate("apply")
    assert done.returncode == 0, said(done)
    assert mesh.revisions() == {"caller": 2, "echo": 2}


def _available(mesh, deployment):
    return mesh.get("deployment", deployment)["status"].get("availableReplicas", 0)
