"""The harness itself: what it starts it ends, also when it is killed, and it never meets another cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import cluster
from .controlplane import ControlPlane
from .external import DISPOSABLE, External
from .meshes import eventually
from .processes import StartError, free_port

ROOT = Path(__file__).parents[1]
_STARTS = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
from e2e.controlplane import ControlPlane
with ControlPlane(Path(sys.argv[1])) as plane:
    print(*(child.pid for child in plane.children), flush=True)
    time.sleep(300)
"""


def started(folder):
    """A process that runs a control plane, and the ids of what it started."""
    run = subprocess.Popen(
        [sys.executable, "-c", _STARTS, str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return run, [int(pid) for pid in run.stdout.readline().split()]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_a_run_that_is_ended(tmp_path, how):
    """A crash of the test run, Ctrl-C, and a CI that is cancelled."""
    run, pids = started(tmp_path)
    assert len(pids) == 5

    run.send_signal(how)
    run.wait(30)
    run.stdout.close()

    assert eventually(lambda: all(cluster.ticks(pid) == -1 for pid in pids), 20)


def test_two_control_planes_live_side_by_side(plane, tmp_path):
    """Ports are free ones, folders their own."""
    with ControlPlane(tmp_path) as other:
        other.kubectl("create", "namespace", "only-here")

        assert "only-here" not in plane.kubectl("get", "namespaces")


def test_a_kubeconfig_of_somebody_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "e2e/test_harness.py", "-k", "side"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "KUBECONFIG": "/nowhere/kubeconfig"},
    )  # fmt: skip

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "KUBECONFIG is set" in done.stdout + done.stderr


def test_an_external_cluster_must_be_called_disposable(plane):
    external = External(plane.kubeconfig)
    assert DISPOSABLE in external.refusal()

    plane.kubectl("label", "namespace", "default", f"{DISPOSABLE}=true")

    assert external.refusal() == ""


def test_the_profile_of_before_a_migration_has_no_ztunnel(sidecar_plane):
    sets = {
        d["metadata"]["name"]
        for d in sidecar_plane.get("daemonsets", "-n", "istio-system")["items"]
    }

    assert "ztunnel" not in sets


def test_a_cluster_of_ones_own_is_started_and_ended(tmp_path):
    """`make cluster`, twice, and `make cluster-stop`, twice; other processes each time."""
    home = tmp_path / "cluster"

    def run(what):
        script = f"""
from pathlib import Path
from e2e import cluster
cluster.HOME = Path({str(home)!r})
cluster.STATE = cluster.HOME / "state.json"
cluster.{what}
"""
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"export KUBECONFIG={home / 'kubeconfig'}" in run("start('ambient', '')")
    mine = [cluster.Started(*one) for one in json.loads((home / "state.json").read_text())]
    assert "runs already" in run("start('ambient', '')")
    assert len(mine) == 7
    assert all(cluster.alive(one) for one in mine)

    run("stop()")
    run("stop()")

    assert not any(cluster.alive(one) for one in mine)


def test_a_process_id_that_is_anothers_by_now_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "HOME", tmp_path)
    monkeypatch.setattr(cluster, "STATE", tmp_path / "state.json")
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "state.json").write_text(json.dumps([["etcd", other.pid, 12345]]))

    cluster.stop()
    time.sleep(0.2)

    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_namespace_of_ones_own(plane, space):
    assert space in plane.kubectl("get", "namespaces", "-o", "name")


def test_an_api_server_that_crashes_comes_back_with_its_port_and_its_data(tmp_path):
    with ControlPlane(tmp_path) as own:
        own.kubectl("create", "deployment", "before", "--image=registry.example.com/app:1")
        own.kill("kube-apiserver")
        with pytest.raises(StartError):
            own.kubectl("get", "deployments")

        own.restart("kube-apiserver")

        own.kubectl("create", "deployment", "after", "--image=registry.example.com/app:1")
        for name in ("before", "after"):  # controllers, scheduler and kwok have found it again
            own.kubectl("rollout", "status", f"deployment/{name}", "--timeout=90s")


def test_ports_are_asked_for_once_and_none_is_for_outgoing_connections():
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = [free_port() for _ in range(200)]

    assert len(set(found)) == 200
    assert max(found) < first
