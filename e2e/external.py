"""A cluster that a person brings: MIGRATE_E2E_KUBECONFIG, never KUBECONFIG.

Tests create and delete there what they need, so its owner must have said that it may be thrown away: by a
label on the namespace `default`. What a test asks of the control plane's own processes is refused.
"""

import os
from pathlib import Path

from .binaries import binaries
from .controlplane import Kubectl
from .processes import StartError

VARIABLE = "MIGRATE_E2E_KUBECONFIG"
DISPOSABLE = "migrate/disposable"


class External(Kubectl):
    """Somebody's disposable cluster, with Istio in it."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.binaries = binaries()

    def refusal(self) -> str:
        """Why nothing may be done there; empty when it may."""
        labels = self.get("namespace", "default")["metadata"].get("labels") or {}
        if labels.get(DISPOSABLE) == "true":
            return ""
        return (
            f"{VARIABLE} names a cluster that nobody called disposable; if it is: "
            f"kubectl label namespace default {DISPOSABLE}=true"
        )

    def install_istio(self, profile: str) -> None:
        """Its owner has installed Istio. Raises StartError: what needs another profile cannot run there."""
        message = (
            f"an external cluster keeps its own Istio: profile {profile} is not installed there"
        )
        raise StartError(message)


def asked_for() -> External | None:
    """The cluster that the variable names."""
    path = os.environ.get(VARIABLE)
    return External(Path(path)) if path else None
