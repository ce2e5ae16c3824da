"""The control plane of a checkout's end-to-end tests: real API server and istiod, no kubelet, no packet.

Every sample is simulated: istiod is asked what each proxy on the way is told, and that is evaluated.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from migrator.adapters.kube.client import connect
from migrator.errors import MigrateError
from migrator.model.resource import Ref
from migrator.rehearsal.calls import Answer, Call, Sample
from migrator.rehearsal.faults import Fault, Trouble
from migrator.rehearsal.matrix import Ability
from migrator.rehearsal.providers import Leftover, Nature

from . import owner
from .helper import Helper
from .trouble import Patch, Troublemaker

VARIABLE = "MIGRATE_CHECKOUT"
PREFIX = "migrate-rehearsal-"
_MODULE = Path("e2e") / "rehearsal.py"
_START, _INSTALL, _ASK = 1800.0, 300.0, 60.0  # the first start builds the control plane
_NEVER_READY = {"e2e/never-ready": "true"}  # what its simulated kubelets look at


class ControlPlane:
    """The provider."""

    name = "controlplane"
    nature = Nature(
        proven=(
            "admission, injection, rollouts and statuses of a real API server and a real istiod",
            "what istiod tells every proxy at every step",
        ),
        simulated=(
            "every call: no packet flows; istiod is asked what each proxy on the way is told",
            "nodes: pods are Ready without running",
            "istio-cni and ztunnel: the annotation of an enrolled pod is written by a stand-in",
        ),
        ability=Ability(tokens=True, authorizers=True, networks=False),
    )

    def __init__(self, checkout: str = "") -> None:
        self._checkout = checkout or os.environ.get(VARIABLE, "")

    def create(self, istio: str) -> "RunningControlPlane":  # noqa: ARG002  it has one version
        folder = self._folder()
        helper = Helper([sys.executable, "-m", "e2e.rehearsal"], folder)
        try:
            answer = helper.ask("create", _START)
        except BaseException:
            helper.end()
            raise
        return RunningControlPlane(helper, str(answer["kubeconfig"]), str(answer["istio"]))

    def leftovers(self) -> Sequence[Leftover]:
        """Folders; the processes of one that was killed died with it."""
        return [Leftover(str(one), owner.used(_owner(one))) for one in _folders()]

    def remove(self, leftover: str) -> None:
        if Path(leftover) in _folders():
            owner.end(_owner(Path(leftover)))
            shutil.rmtree(leftover, ignore_errors=True)

    def _folder(self) -> Path:
        for found in (Path(self._checkout).absolute(), Path.cwd()):
            if (found / _MODULE).is_file():
                return found
            if self._checkout:
                break
        raise MigrateError(
            "there is no checkout of migrate to start a control plane from",
            detail=f"{self._checkout or 'The current folder'} has no {_MODULE}.",
            hint="migrate rehearse --provider controlplane --checkout FOLDER",
        )


class RunningControlPlane:
    """One that runs."""

    context = ""

    def __init__(self, helper: Helper, kubeconfig: str, istio: str) -> None:
        self._helper = helper
        self._namespaces: Sequence[str] = ()
        self.kubeconfig = kubeconfig
        self.istio = istio
        self.traffic = ToldTraffic(helper)
        self._trouble = _Trouble(connect(kubeconfig))

    def install_ambient(self) -> None:
        self._helper.ask("ambient", _INSTALL)

    def put_in(self, fault: Fault) -> None:
        if fault.trouble is Trouble.ENROLMENT:
            self._helper.ask("no_enrolment", _ASK, namespaces=[fault.namespace])
        else:
            self._trouble.put_in(fault)

    def take_out(self, fault: Fault) -> None:
        if fault.trouble is Trouble.ENROLMENT:
            self._helper.ask("enrolment", _ASK)
        else:
            self._trouble.take_out(fault)

    def delete(self) -> None:
        self._helper.end()


class _Trouble(Troublemaker):
    """Nothing is started there, so an image that cannot start is a pod that never gets ready."""

    def broken_image(self, ref: Ref) -> Patch:  # noqa: ARG002
        return {"spec": {"template": {"metadata": {"annotations": _NEVER_READY}}}}


class ToldTraffic:
    """No traffic: what istiod tells the proxies now, evaluated for every call."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper

    def start(self, calls: Sequence[Call], namespaces: Sequence[str]) -> None:
        self._helper.ask(
            "calls", _ASK, calls=[call.data() for call in calls], namespaces=list(namespaces)
        )

    def take(self) -> Sequence[Sample]:
        found = self._helper.ask("sample", _ASK)["samples"]
        return [Sample(call, Answer(answer), by, simulated=True) for call, answer, by in found]

    def stop(self) -> None:
        """There is nothing that goes on."""


def _folders() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def _owner(folder: Path) -> str:
    with suppress(OSError):
        return (folder / "owner").read_text()
    return ""
