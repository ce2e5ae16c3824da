"""The cluster: made by the kind CLI of the pinned version on our own engine, and asked by kubectl."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from e2e.controlplane import Kubectl
from e2e.processes import StartError

from .binaries import binary
from .engine import Engine
from .node_image import node_archive

NAME = "migrate-e2e"
_CHANGES = (
    'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]',
    "ENV container=docker",
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)
_CONFIG = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "networking": {"apiServerAddress": "127.0.0.1"},
    "nodes": [{"role": "control-plane"}],
}


class KindCluster(Kubectl):
    """A running cluster; its commands work inside the engine's network namespace only."""

    def __init__(self, engine: Engine, name: str = NAME) -> None:
        self.engine = engine
        self.name = name
        self.kubeconfig = engine.folder / f"kubeconfig-{name}"
        self.binaries = {"kubectl": binary("kubectl"), "istioctl": binary("istioctl")}

    def create(self) -> None:
        """Create it unless it is there, and wait until the node is Ready and names resolve."""
        if self.name in self.kind("get", "clusters").split():
            if self._answers():
                return
            self.delete()  # of a run that was killed
        config = self.engine.folder / f"{self.name}.json"
        config.write_text(json.dumps(_CONFIG))
        self.kind(
            "create", "cluster", "--name", self.name, "--image", node_image(self.engine),
            "--config", str(config), "--kubeconfig", str(self.kubeconfig), "--wait", "180s", "--retain",
        )  # fmt: skip
        self.kubectl("-n", "kube-system", "rollout", "status", "deploy/coredns", "--timeout=120s")

    def delete(self) -> None:
        self.kind("delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig))

    def _answers(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz", "--request-timeout=5s") == "ok"
        except StartError:
            return False

    def load(self, archive: Path) -> None:
        """Put an image into every node."""
        self.kind("load", "image-archive", str(archive), "--name", self.name)

    def kind(self, *arguments: str) -> str:
        """Run the kind CLI. Raises StartError with its words."""
        with self.engine.entered():
            done = subprocess.run(
                [str(binary("kind")), *arguments], env=self.engine.environment,
                check=False, capture_output=True, text=True, timeout=400,
            )  # fmt: skip
        if done.returncode:
            raise StartError(f"kind {' '.join(arguments)}: {done.stderr.strip()[-3000:]}")
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        with self.engine.entered():
            return super().kubectl(*arguments, stdin=stdin)


def node_image(engine: Engine) -> str:
    """The node image's name, imported into the engine; kind would try to pull a missing one."""
    archive = node_archive()
    name = f"migrate-e2e/node:{archive.stem.rpartition('-')[2]}"
    if not engine.answers("image", "inspect", name):
        changes = [f"--change={change}" for change in _CHANGES]
        engine.docker("import", *changes, str(archive), name)
    return name


@contextlib.contextmanager
def running_cluster(*, keep: bool = False) -> Iterator[KindCluster]:
    """A cluster for the time of a `with`; with `keep`, it and its engine outlive it and are taken again."""
    engine = Engine()
    with engine.alone():
        node_archive()  # before the engine: building may take minutes
        engine.start(detached=keep)
        cluster = KindCluster(engine)
        try:
            cluster.create()
            yield cluster
        finally:
            if not keep:
                with contextlib.suppress(StartError):
                    cluster.delete()
                engine.stop()
