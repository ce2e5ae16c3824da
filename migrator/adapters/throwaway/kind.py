"""Clusters that the kind CLI makes in containers, each with a name by which it is found again."""

import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from migrator.rehearsal import standin
from migrator.rehearsal.providers import Nature

from .istio import Images, Installer
from .real import NATURE, RealCluster
from .runner import Runner, need

PREFIX = "migrate-rehearsal-"
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
        name = PREFIX + uuid.uuid4().hex[:6]
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        kubeconfig = str(folder / "kubeconfig")

        def end() -> None:
            self.remove(name)
            shutil.rmtree(folder, ignore_errors=True)

        installer = Installer(self._runner, kubeconfig, "", self._wishes.images)
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

    def leftovers(self) -> Sequence[str]:
        """Clusters of earlier rehearsals; those of one that still runs too."""
        need(self._runner, {"kind": _NEEDED["kind"]})
        found = self._runner.run(["kind", "get", "clusters"]).split()
        return [name for name in found if name.startswith(PREFIX)]

    def remove(self, leftover: str) -> None:
        self._runner.run(["kind", "delete", "cluster", "--name", leftover])
