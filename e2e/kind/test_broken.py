"""An image that cannot start: the plan stops at its gate, the old pods serve on, and rollback works.

Real: the kubelet's failure to get the image, the Deployment that keeps its old pods, the sidecars.
Simulated: ztunnel, which is not reached here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.applying import edit_plan

from .archive import Image
from .binaries import binary
from .calling import ask, failures, soon
from .cluster import KindCluster
from .moving import CALLER, Traffic, has_sidecar, install, is_ambient, migrate, planned, pods

MESH = Path(__file__).parent / "manifests" / "broken.yaml"
URL = "http://fragile.broken/"
GONE = "migrate.local/gone:1"
PATIENCE = 20


@pytest.fixture(scope="module")
def fragile(mesh: KindCluster) -> Iterator[KindCluster]:
    mesh.load(Image(GONE, {"/echo": binary("echo")}, ["/echo"], user="1000").archive())
    install(mesh, MESH, ["broken deploy/fragile"])
    node = f"{mesh.name}-control-plane"
    mesh.engine.docker("exec", node, "ctr", "--namespace", "k8s.io", "images", "rm", GONE)
    assert soon(lambda: ask(mesh, CALLER, URL).status == 200)
    yield mesh
    mesh.kubectl("delete", "namespace", "broken", "--wait=false")


def shorten(plan: dict[str, Any]) -> None:
    """As a reviewer may: no check of the switch waits longer than PATIENCE."""
    for phase in plan["phases"]:
        if phase["name"] == "switch":
            for check in (
                c for w in phase["waves"] for s in w["steps"] for c in s.get("after", ())
            ):
                check["timeout_seconds"] = min(check["timeout_seconds"], PATIENCE)


def test_the_plan_stops_the_old_pod_serves_on_and_rollback_leads_back(
    fragile: KindCluster, tmp_path: Path
) -> None:
    plan = planned(fragile, tmp_path, "broken", "--strategy", "workload")
    edit_plan(plan, shorten)
    (old,) = (name for name in pods(fragile, "broken") if name.startswith("fragile-"))
    with Traffic(fragile, URL) as traffic:
        applied = migrate(fragile, "apply", str(plan), "--yes")
        stuck = pods(fragile, "broken")
        back = migrate(fragile, "rollback", str(plan), "--yes")

    assert applied.returncode == 5, applied.stdout + applied.stderr
    assert "Deployment/broken/fragile" in applied.stdout + applied.stderr
    assert old in stuck
    waiting = [
        status["state"]["waiting"]["reason"]
        for name, pod in stuck.items()
        if name.startswith("fragile-")
        for status in pod["status"].get("containerStatuses", ())
        if "waiting" in status["state"]
    ]
    assert set(waiting) & {"ErrImagePull", "ImagePullBackOff"}, stuck
    assert back.returncode == 0, back.stdout + back.stderr
    assert soon(lambda: [n for n in pods(fragile, "broken") if n.startswith("fragile-")] == [old])
    assert has_sidecar(pods(fragile, "broken")[old])
    assert not is_ambient(pods(fragile, "broken")[old])
    assert not failures("\n".join(traffic.lines))
