"""`migrate rehearse --provider kind` as a user runs it, with images of our own instead of a registry's.

Real: the cluster, sidecars, the waypoint, probes, restarts, enrolment, the calls. Simulated: ztunnel, which
refuses what istiod's policies refuse by a decision that is written down here.
"""

import contextlib
import copy
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.applying import ROOT, edit_plan, run_migrate

from .binaries import ISTIO, binary
from .calling import soon
from .cluster import KindCluster, node_image
from .istio_images import HUB, STANDIN, images
from .mesh import gateway_api
from .moving import is_ambient, pods

MESH = Path(__file__).parent / "manifests" / "guarded.yaml"
FAULTS = {"waypoint-never-ready", "pods-never-enrol", "image-cannot-start", "service-answers-503"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PATH with the programs that a rehearsal asks for, before everything else."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("kind", "kubectl"):
        (folder / name).symlink_to(binary(name))
    wrapper = folder / "istioctl"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -m e2e.kind.stock_istioctl "$@"\n')
    wrapper.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def command(cluster: KindCluster, *arguments: str) -> list[str]:
    loaded = [f"--load-image={image.archive()}" for image in images()]
    return [
        sys.executable, "-m", "migrator", "rehearse", "--provider", "kind",
        "--node-image", node_image(cluster.engine), "--image", STANDIN, "--hub", HUB, "--tag", ISTIO,
        "--gateway-api", str(gateway_api()), *loaded, *arguments,
    ]  # fmt: skip


def environment(cluster: KindCluster, path: str) -> dict[str, str]:
    return {**cluster.engine.environment, "PATH": path, "PYTHONPATH": str(ROOT)}


def rehearse(
    cluster: KindCluster, path: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    with cluster.engine.entered():
        return subprocess.run(
            command(cluster, *arguments), check=False, capture_output=True, text=True, cwd=ROOT,
            env=environment(cluster, path), timeout=1500,
        )  # fmt: skip


@contextlib.contextmanager
def running(cluster: KindCluster, path: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A rehearsal whose cluster is there; it is killed in the end unless it has ended."""
    with cluster.engine.entered():
        process = subprocess.Popen(
            command(cluster, *arguments), cwd=ROOT, env=environment(cluster, path), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        assert soon(lambda: kubeconfigs(process.pid), 180)
        yield process
    finally:
        process.kill()
        process.communicate()


def kubeconfigs(pid: int) -> list[Path]:
    """Written when the cluster of that process is there."""
    return [*Path(tempfile.gettempdir()).glob(f"kubeconfig-of-*-{pid}-*/kubeconfig")]


def test_one_that_runs_is_left_alone_and_what_a_killed_one_leaves_is_deleted(
    cluster: KindCluster, path: str
) -> None:
    with running(cluster, path, str(MESH), "--istio-version", ISTIO) as process:
        (made,) = {*cluster.kind("get", "clusters").split()} - {cluster.name}
        left = rehearse(cluster, path, "--clean")
        assert made in cluster.kind("get", "clusters").split()
    cleaned = rehearse(cluster, path, "--clean")

    assert f"left alone {made}: the rehearsal of process {process.pid}" in left.stderr
    assert f"deleted {made}" in cleaned.stderr
    assert cluster.kind("get", "clusters").split() == [cluster.name]
    assert not kubeconfigs(process.pid)


def everybody_may_write(plan: dict[str, Any]) -> None:
    """What the waypoint allows without its rules, as somebody writes it to make things work."""
    for phase in plan["phases"]:
        for step in (s for wave in phase["waves"] for s in wave["steps"]):
            if step["id"].startswith("expand.copy.") and "action" not in step["manifest"]["spec"]:
                step["manifest"]["spec"]["rules"] = [{}]


def test_it_fails_by_every_call_that_got_through_past_ztunnel_or_a_waypoint(
    cluster: KindCluster, path: str, tmp_path: Path
) -> None:
    """The plan opens the book at the waypoint; somebody opens the door, once it is ambient."""
    plan = tmp_path / "plan.yaml"
    written = run_migrate(
        "plan", str(MESH), "--istio-version", ISTIO, "-o", str(plan), "--soak", "0"
    )
    assert written.returncode in {0, 3}, written.stderr  # 3: something is still to be accepted
    edit_plan(plan, everybody_may_write)
    with running(cluster, path, str(plan), "--fault", "none", "-o", "json") as process:
        rehearsed = copy.copy(cluster)
        (rehearsed.kubeconfig,) = kubeconfigs(process.pid)
        assert soon(lambda: door_is_ambient(rehearsed), 400)
        rehearsed.kubectl("-n", "vault", "delete", "authorizationpolicy", "door-opens")
        report = json.loads(process.communicate(timeout=900)[0])

    assert (process.returncode, report["verdict"]) == (5, "failed"), report["reasons"]
    opened = [one for one in report["incidents"] if one["kind"] == "opened"]
    assert {one["service"] for one in opened} == {"Service/vault/book", "Service/vault/door"}
    assert not any(one["simulated"] or one["expected"] for one in opened)


def door_is_ambient(cluster: KindCluster) -> bool:
    found = [pod for name, pod in pods(cluster, "vault").items() if name.startswith("door-")]
    return bool(found) and all(is_ambient(pod) for pod in found)


def test_with_every_failure_it_passes_what_is_denied_stays_so_and_the_cluster_is_gone(
    cluster: KindCluster, path: str
) -> None:
    done = rehearse(cluster, path, str(MESH), "--istio-version", ISTIO, "-o", "json")
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)

    assert {one["fault"] for one in report["faults"]} == FAULTS
    for one in report["faults"]:
        assert (one["stopped"], one["rolled_back"], one["differs"]) == (True, True, []), one
    assert [one for one in report["incidents"] if not one["expected"]] == []
    assert "opened" not in {one["kind"] for one in report["incidents"]}
    assert (done.returncode, report["verdict"]) == (0, "passed"), report["reasons"]
    assert min(report["baseline"]["allowed"], report["baseline"]["denied"]) > 0
    assert report["simulated_samples"] == 0
    assert cluster.kind("get", "clusters").split() == [cluster.name]
