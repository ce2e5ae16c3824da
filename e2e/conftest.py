"""One control plane for the whole run; refused when a kubeconfig could mean somebody's cluster."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from . import scenes
from .cni_standin import CniStandIn
from .controlplane import ControlPlane, Kubectl
from .external import VARIABLE, asked_for


def pytest_configure() -> None:
    """Before anything is started, and by whoever hands out the tests."""
    if os.environ.get("KUBECONFIG"):
        message = (
            "KUBECONFIG is set: these tests start a control plane of their own; unset it, or name a "
            f"disposable cluster in {VARIABLE}"
        )
        raise pytest.UsageError(message)
    external = asked_for()
    if external is not None and (reason := external.refusal()):
        raise pytest.UsageError(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest goes first, so that no process waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_rehearse.py")


@pytest.fixture(scope="session")
def plane() -> Iterator[Kubectl]:
    """A control plane with Istio's ambient profile and its webhooks, ended by process id.

    MIGRATE_E2E_KUBECONFIG names a disposable cluster to use instead.
    """
    external = asked_for()
    if external is not None:
        yield external
        return
    with _running("ambient") as running:
        yield running


@pytest.fixture(scope="session")
def sidecar_plane() -> Iterator[ControlPlane]:
    """One as it is before a migration: Istio's default profile, no ztunnel, no istio-cni."""
    with _running("default") as running:
        yield running


@pytest.fixture(scope="module")
def cni(plane: ControlPlane) -> Iterator[CniStandIn]:
    """The stand-in for istio-cni beside a module's own control plane."""
    with CniStandIn(plane) as standin:
        yield standin


@pytest.fixture
def scene(plane: ControlPlane, cni: CniStandIn, tmp_path: Path) -> Iterator[scenes.Stage]:
    """Puts a scene of `scenarios/` on a module's own control plane; gone after the test."""
    cni.prompt()
    with scenes.stage(plane, tmp_path) as staged:
        yield staged


@pytest.fixture
def space(plane: Kubectl) -> Iterator[str]:
    """A namespace of one test, with a name of its own; gone afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    plane.kubectl("create", "namespace", name)
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def _running(profile: str) -> Iterator[ControlPlane]:
    with (
        tempfile.TemporaryDirectory(prefix="migrate-e2e-") as folder,
        ControlPlane(Path(folder)) as running,
    ):
        running.install_istio(profile)
        yield running
