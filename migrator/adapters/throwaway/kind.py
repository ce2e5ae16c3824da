"""Clusters that the kind CLI makes in containers, each with a name that says whose it is."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from migrator.rehearsal import standin
from migrator.rehearsal.providers import Leftover, Nature

from . import owner
from .istio import Images, Installer
from .real import NATURE, RealCluster
from .runner import Runner, need

PREFIX = (
    "migrate-rehearsal-"  # of the name of a cluster; its owner follows, then what is only its own
)
_FOLDER = "kubeconfig-of-"
_NEEDED = {"kind": "makes the cluster", "kubectl": "makes calls in pods"}


class Wishes(NamedTuple):
    """How the cluster is made. `load`: names of images, or archives of them, put into its nodes."""

    node_image: str = ""
    load: Sequence[str] = ()
    image: str = standin.IMAGE
    images: Images = Images()


class Kind:
    """The provider."""

    name = "kind"
    nature: Nature = NATURE

    def __init__(self, runner: Runner, wishes: Wishes) -> None:
        self._runner = runner
        self._wishes = wishes

    def create(self, istio: str) -> RealCluster:  # noqa: ARG002  the version is that of istioctl, or --tag
        need(self._runner, _NEEDED)
        name = f"{PREFIX}{owner.mine()}-{uuid.uuid4().hex[:4]}"
        kubeconfig = str(_folder(name) / "kubeconfig")
        installer = Installer(self._runner, kubeconfig, "", self._wishes.images)
        _folder(name).mkdir(mode=0o700)

        def end() -> None:
            self.remove(name)

        try:
            self._make(name, kubeconfig)
            made = RealCluster(self._runner, (kubeconfig, ""), installer, end)
            made.install_sidecars(self._wishes.image)
        except BaseException:
            end()
            raise
        return made

    def _make(self, name: str, kubeconfig: str) -> None:
        node = ["--image", self._wishes.node_image] if self._wishes.node_image else []
        self._runner.run(
            ["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, *node,
             "--wait", "180s"], seconds=900,
        )  # fmt: skip
        for one in self._wishes.load:
            what = "image-archive" if Path(one).is_file() else "docker-image"
            self._runner.run(["kind", "load", what, one, "--name", name])

    def leftovers(self) -> Sequence[Leftover]:
        """Clusters by their names, and folders whose cluster is gone."""
        need(self._runner, {"kind": _NEEDED["kind"]})
        found = {*self._runner.run(["kind", "get", "clusters"]).split(), *_named_by_folders()}
        return [
            Leftover(name, owner.used(name.removeprefix(PREFIX).rpartition("-")[0]))
            for name in sorted(found)
            if name.startswith(PREFIX)
        ]

    def remove(self, leftover: str) -> None:
        self._runner.run(["kind", "delete", "cluster", "--name", leftover])
        shutil.rmtree(_folder(leftover), ignore_errors=True)


def _folder(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{_FOLDER}{name}"


def _named_by_folders() -> Iterator[str]:
    for one in Path(tempfile.gettempdir()).glob(f"{_FOLDER}{PREFIX}*"):
        yield one.name.removeprefix(_FOLDER)
