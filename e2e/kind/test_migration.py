"""A mesh with a workload of every kind, migrated and rolled back by the command line, with traffic.

Real: kubelets, probes, restarts, sidecars, the waypoint's Envoy, istio-cni's enrolment, every command.
Simulated: ztunnel, as e2e/README.md says. The caller is outside the mesh, so the mesh is PERMISSIVE, and its
calls go past the waypoint.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .calling import ask, failures, soon
from .cluster import KindCluster
from .moving import CALLER, Traffic, has_sidecar, install, is_ambient, migrate, planned, pods

MESH = Path(__file__).parent / "manifests" / "moving.yaml"
WEB = "http://web.moving/"
READY = [f"moving {one}" for one in ("deploy/web", "deploy/caller", "sts/store", "ds/agent")]
MOVED = ("agent-", "caller-", "store-", "web-")


class Moved(NamedTuple):
    """The mesh after `migrate apply`, and what was seen meanwhile."""

    cluster: KindCluster
    plan: Path
    bare: str  # the uid of the pod that had no sidecar
    calls: list[str]


@pytest.fixture(scope="module")
def moved(mesh: KindCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    install(mesh, MESH, READY)
    assert soon(lambda: ask(mesh, CALLER, WEB).status == 200)
    running = pods(mesh, "moving")
    assert all(has_sidecar(pod) for name, pod in running.items() if name.startswith(MOVED))
    plan = planned(mesh, tmp_path_factory.mktemp("plan"), "moving")
    with Traffic(mesh, WEB) as traffic:
        applied = migrate(mesh, "apply", str(plan), "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    yield Moved(mesh, plan, running["bare"]["metadata"]["uid"], traffic.lines)
    mesh.kubectl("delete", "namespace", "moving", "--wait=false")


def test_no_call_is_lost_while_everything_restarts(moved: Moved) -> None:
    assert len(moved.calls) >= 100
    assert not failures("\n".join(moved.calls))


def test_workloads_of_every_kind_are_enrolled_and_have_no_sidecar(moved: Moved) -> None:
    found = {n: p for n, p in pods(moved.cluster, "moving").items() if n.startswith(MOVED)}

    assert len(found) == 6
    assert all(is_ambient(pod) and not has_sidecar(pod) for pod in found.values())


def test_probes_of_enrolled_pods_pass(moved: Moved) -> None:
    """HTTP, TCP and gRPC from the kubelet, past the redirection."""
    statuses = [
        status
        for name, pod in pods(moved.cluster, "moving").items()
        if name.startswith(MOVED)
        for status in pod["status"]["containerStatuses"]
    ]

    assert all(one["ready"] and one["restartCount"] == 0 for one in statuses)


def test_the_pod_without_sidecar_was_kept_out_and_not_restarted(moved: Moved) -> None:
    bare = pods(moved.cluster, "moving")["bare"]

    assert bare["metadata"]["uid"] == moved.bare
    assert not is_ambient(bare)


def test_the_next_run_of_a_cronjob_has_no_sidecar_and_succeeds(moved: Moved) -> None:
    def succeeded() -> bool:
        return any(
            name.startswith("minutely-")
            and not has_sidecar(pod)
            and pod["status"]["phase"] == "Succeeded"
            for name, pod in pods(moved.cluster, "moving").items()
        )

    assert soon(succeeded, 90)


def test_the_waypoint_runs_and_its_service_is_bound_to_it(moved: Moved) -> None:
    """Nothing goes through it: who calls is outside the mesh."""
    waypoint = moved.cluster.get("deploy", "waypoint", "-n", "moving")
    conditions = moved.cluster.get("service", "web", "-n", "moving")["status"]["conditions"]

    assert waypoint["status"]["readyReplicas"] >= 1
    assert {c["type"]: c["status"] for c in conditions}["istio.io/WaypointBound"] == "True"


def test_the_label_of_a_namespace_enrols_a_running_pod_that_has_no_sidecar(moved: Moved) -> None:
    """At once, and without a restart: therefore the plan keeps such pods out."""
    cluster = moved.cluster
    before = pods(cluster, "callers")["outsider"]["metadata"]["uid"]
    cluster.kubectl("label", "namespace", "callers", "istio.io/dataplane-mode=ambient")

    assert soon(lambda: is_ambient(pods(cluster, "callers")["outsider"]))
    assert pods(cluster, "callers")["outsider"]["metadata"]["uid"] == before
    assert soon(lambda: ask(cluster, CALLER, WEB).status == 200)

    cluster.kubectl("label", "namespace", "callers", "istio.io/dataplane-mode-")
    assert soon(lambda: not is_ambient(pods(cluster, "callers")["outsider"]))


def test_a_look_afterwards_finds_it_done(moved: Moved) -> None:
    looked = migrate(moved.cluster, "verify", str(moved.plan))

    assert looked.returncode == 0, looked.stdout
    assert "no drift" in looked.stdout


def test_rolled_back_everything_has_its_sidecar_again_and_no_call_is_lost(moved: Moved) -> None:
    with Traffic(moved.cluster, WEB) as traffic:
        back = migrate(moved.cluster, "rollback", str(moved.plan), "--yes")

    found = {n: p for n, p in pods(moved.cluster, "moving").items() if n.startswith(MOVED)}
    assert back.returncode == 0, back.stdout + back.stderr
    assert len(found) == 6
    assert all(has_sidecar(pod) and not is_ambient(pod) for pod in found.values())
    assert len(traffic.lines) >= 100
    assert not failures("\n".join(traffic.lines))
