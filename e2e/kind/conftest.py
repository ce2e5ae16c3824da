"""One kind cluster for the whole run. These tests run when this folder is named, not with all of `e2e`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import mesh as istio
from .cluster import KindCluster, running_cluster
from .needs import NOT_HERE, lacking

HERE = Path(__file__).parent
KEEP = "MIGRATE_E2E_KIND_KEEP"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    start = config.invocation_params.dir
    named = [(start / argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(HERE) for path in named) else True


@pytest.fixture(scope="session")
def cluster() -> Iterator[KindCluster]:
    """With nothing in it. It is deleted afterwards, unless MIGRATE_E2E_KIND_KEEP is 1."""
    if missing := lacking():
        pytest.exit("no kind cluster on this machine: " + "; ".join(missing), NOT_HERE)
    with running_cluster(keep=os.environ.get(KEEP) == "1") as running:
        yield running


@pytest.fixture(scope="session")
def mesh(cluster: KindCluster) -> KindCluster:
    """The cluster with Istio's ambient profile: istiod, istio-cni, and a stand-in for ztunnel."""
    if not cluster.kubectl("get", "namespace", istio.NAMESPACE, "--ignore-not-found"):
        istio.load_images(cluster)
        istio.install(cluster)
    return cluster
