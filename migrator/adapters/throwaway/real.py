"""A real disposable cluster, whoever made it: Istio installed, calls made in pods, faults put in."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from migrator.adapters.clock import SystemClock
from migrator.adapters.kube.client import connect
from migrator.adapters.kube.writer import LiveCluster
from migrator.errors import ConflictError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.rehearsal.faults import Fault, Trouble
from migrator.rehearsal.matrix import Ability
from migrator.rehearsal.providers import Nature
from migrator.rehearsal.recreate import Wish

from . import owner
from .exec_traffic import ExecTraffic, outside
from .istio import ROOT, Images, Installer
from .runner import Runner
from .trouble import Troublemaker

_CNI = Ref(*kinds.DAEMON_SET, ROOT, "istio-cni-node")
_NOWHERE = {"migrate.rehearsal/nowhere": "true"}  # a node label that no node has
NATURE = Nature(
    proven=(
        "every answer: calls are made by pods and pass the proxies that run there",
        "probes, rolling restarts, injection and enrolment, by real kubelets and real controllers",
    ),
    simulated=(
        "applications: a stand-in listens where they do",
        "tokens of issuers and authorizers",
    ),
    ability=Ability(gateways=False),
)


class RealCluster:
    """One that runs; `end` makes it go away."""

    def __init__(
        self,
        runner: Runner,
        reached: tuple[str, str],
        installer: Installer,
        end: Callable[[], None],
    ) -> None:
        self.kubeconfig, self.context = reached
        self._installer = installer
        self._end = end
        api = connect(*reached)
        self._cluster = LiveCluster(api)
        self._trouble = Troublemaker(api)
        to = [
            "--kubeconfig",
            self.kubeconfig,
            *(["--context", self.context] if self.context else []),
        ]
        self.traffic = ExecTraffic(runner, self._cluster, SystemClock(), ["kubectl", *to])

    @property
    def istio(self) -> str:
        return self._installer.version()

    def install_sidecars(self, image: str) -> None:
        """Istio without ambient, and the caller outside the mesh."""
        self._installer.sidecars()
        for manifest in outside(image, Wish(owner=owner.mine()).marks):
            with suppress(ConflictError):
                self._cluster.create(manifest)

    def install_ambient(self) -> None:
        self._installer.ambient()

    def put_in(self, fault: Fault) -> None:
        """Without istio-cni's agent no pod is enrolled, and none without a sidecar starts."""
        if fault.trouble is Trouble.ENROLMENT:
            self._place_cni(_NOWHERE)
        else:
            self._trouble.put_in(fault)

    def take_out(self, fault: Fault) -> None:
        if fault.trouble is Trouble.ENROLMENT:
            self._place_cni(dict.fromkeys(_NOWHERE))
        else:
            self._trouble.take_out(fault)

    def delete(self) -> None:
        self.traffic.stop()
        self._end()

    def _place_cni(self, selector: Mapping[str, Any]) -> None:
        patch = {"spec": {"template": {"spec": {"nodeSelector": dict(selector)}}}}
        self._cluster.patch(_CNI, patch)


__all__ = ["NATURE", "Images", "RealCluster"]
