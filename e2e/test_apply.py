"""Whole meshes migrated, verified and rolled back by the command line, on a real control plane.

Real: API server, controllers, admission, injection, istiod's conditions, every command. Simulated: pods
are Ready without running (kwok), and istio-cni's annotation is written by a stand-in.
"""

from pathlib import Path

import pytest
import yaml

from .api import Api
from .applying import image, installed, migrate, planned
from .cni_standin import CniStandIn
from .controlplane import ControlPlane
from .meshes import EXAMPLES, documents, eventually

BOOKINFO = Path(__file__).parent / "manifests" / "bookinfo"
CRDS = Path(__file__).parent / "manifests" / "crds"


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        running.install_istio("ambient")
        running.kubectl("apply", "--server-side", "-f", str(CRDS))
        with CniStandIn(running):
            yield running


def objects_of(mesh):
    if mesh != "bookinfo":
        return documents(mesh)
    texts = [file.read_text() for file in sorted(BOOKINFO.glob("*.yaml"))]
    return [o for text in texts for o in yaml.safe_load_all(text) if o]


def data_planes(plane, namespaces):
    """Of every pod: the workload it is of (by its labels), and what takes care of its traffic."""
    found = set()
    for pod in Api(plane).items("/api/v1/pods"):
        meta = pod["metadata"]
        if meta["namespace"] in namespaces and "deletionTimestamp" not in meta:
            annotations = meta.get("annotations") or {}
            sidecar = "sidecar.istio.io/status" in annotations
            ambient = annotations.get("ambient.istio.io/redirection") == "enabled"
            owner = (meta.get("ownerReferences") or [{"name": meta["name"]}])[0]["name"]
            hashed = (meta.get("labels") or {}).get("pod-template-hash", "")
            name = owner.removesuffix(hashed).rstrip("-")
            found.add((meta["namespace"], name, sidecar, ambient))
    return found


@pytest.mark.parametrize("mesh", ["shop", "bank", "platform", "bookinfo"])
def test_a_mesh_is_migrated_verified_and_rolled_back_byte_by_byte(plane, mesh, tmp_path):
    objects = objects_of(mesh)
    calls = EXAMPLES / mesh / "calls.yaml"
    with installed(plane, objects) as names:
        before, served = image(plane, names), data_planes(plane, names)
        plan = planned(plane, tmp_path, names, *(["--calls", str(calls)] if calls.exists() else ()))
        applied = migrate(plane, "apply", str(plan), "--yes")
        assert applied.returncode == 0, applied.stderr
        moved = {
            (scope["namespace"], workload.partition("/")[2])
            for scope in yaml.safe_load(plan.read_text())["scope"]
            for workload in scope["workloads"]
        }
        now = {(space, name, side, amb) for space, name, side, amb in data_planes(plane, names)}
        assert moved
        assert {(s, a) for space, name, s, a in now if (space, name) in moved} == {(False, True)}
        for command in ("verify", "status"):
            looked = migrate(plane, command, str(plan))
            assert looked.returncode == 0, looked.stdout
            assert "next: nothing, the plan is done" in looked.stdout
            assert "no drift" in looked.stdout
        back = migrate(plane, "rollback", str(plan), "--yes")
        assert back.returncode == 0, back.stderr
        # what a waypoint owned is collected a moment after it is gone
        eventually(lambda: (image(plane, names), data_planes(plane, names)) == (before, served), 60)
        assert image(plane, names).splitlines() == before.splitlines()
        assert data_planes(plane, names) == served
