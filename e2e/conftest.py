"""One control plane for the whole run; refused when a kubeconfig could mean somebody's cluster."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .controlplane import ControlPlane


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """A control plane with Istio's ambient profile and its webhooks, ended by process id."""
    if os.environ.get("KUBECONFIG"):
        pytest.exit(
            "KUBECONFIG is set: these tests start a control plane of their own; unset it", 2
        )
    with (
        tempfile.TemporaryDirectory(prefix="migrate-e2e-") as folder,
        ControlPlane(Path(folder)) as running,
    ):
        running.install_istio("ambient")
        yield running
