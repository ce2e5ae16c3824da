"""`migrate rehearse --provider kind` as a user runs it, with images of our own instead of a registry's.

Real: the cluster, sidecars, probes, restarts, enrolment, the calls. Simulated: ztunnel.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.applying import ROOT

from .binaries import ISTIO, binary
from .cluster import KindCluster, node_image
from .istio_images import HUB, STANDIN, images
from .mesh import gateway_api

MESH = Path(__file__).parent / "manifests" / "rehearsed.yaml"


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


def rehearse(
    cluster: KindCluster, path: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    environment = {**cluster.engine.environment, "PATH": path, "PYTHONPATH": str(ROOT)}
    loaded = [f"--load-image={image.archive()}" for image in images()]
    with cluster.engine.entered():
        return subprocess.run(
            [sys.executable, "-m", "migrator", "rehearse", "--provider", "kind",
             "--node-image", node_image(cluster.engine), "--image", STANDIN, "--hub", HUB, "--tag", ISTIO,
             "--gateway-api", str(gateway_api()), *loaded, *arguments],
            check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=900,
        )  # fmt: skip


def test_a_mesh_is_rehearsed_on_a_cluster_that_is_gone_afterwards(
    cluster: KindCluster, path: str
) -> None:
    done = rehearse(cluster, path, str(MESH), "--fault", "none", "--istio-version", ISTIO)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "REHEARSAL PASSED" in done.stdout
    assert cluster.kind("get", "clusters").split() == [cluster.name]
