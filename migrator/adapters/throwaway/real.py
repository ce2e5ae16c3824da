"""A real disposable cluster, whoever made it: Istio installed, calls made in pods, faults put in."""

from collections.abc import Callable
from contextlib import suppress

from migrator.adapters.clock import SystemClock
from migrator.adapters.kube.client import connect
from migrator.adapters.kube.writer import LiveCluster
from migrator.errors import ConflictError
from migrator.rehearsal.faults import Fault, Trouble
from migrator.rehearsal.matrix import Ability
from migrator.rehearsal.providers import Nature
from migrator.rehearsal.recreate import Wish

from . import owner
from .enrolment import Enrolment
from .exec_traffic import ExecTraffic, outside
from .istio import Images, Installer
from .runner import Runner
from .trouble import Troublemaker

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
        self._enrolment = Enrolment(self._cluster, SystemClock())
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
        """Raises MigrateError for one that has nothing to go wrong yet."""
        if fault.trouble is Trouble.ENROLMENT:
            self._enrolment.stop(fault.namespace)
        else:
            self._trouble.put_in(fault)

    def take_out(self, fault: Fault) -> None:
        if fault.trouble is Trouble.ENROLMENT:
            self._enrolment.resume()
        else:
            self._trouble.take_out(fault)

    def delete(self) -> None:
        self.traffic.stop()
        self._end()


__all__ = ["NATURE", "Images", "RealCluster"]
