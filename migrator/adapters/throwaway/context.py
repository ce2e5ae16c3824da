"""A cluster that is there already and that somebody has called disposable."""

from collections.abc import Iterator, Sequence

from migrator.adapters.kube.client import connect
from migrator.adapters.kube.writer import LiveCluster
from migrator.errors import MigrateError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.ports import Cluster
from migrator.rehearsal.providers import Leftover, Nature
from migrator.rehearsal.recreate import MARK, OWNER

from . import owner
from .istio import Installer
from .kind import Wishes
from .real import NATURE, RealCluster
from .runner import Runner, need

DISPOSABLE = "migrate/disposable"
_NEEDED = {"kubectl": "makes calls in pods"}


class Context:
    """The provider. Namespaces that a rehearsal makes bear its mark, and go; Istio stays."""

    name = "context"
    nature: Nature = NATURE._replace(ability=NATURE.ability._replace(rollouts=True))

    def __init__(self, runner: Runner, reached: tuple[str, str], wishes: Wishes) -> None:
        self._runner = runner
        self._reached = reached
        self._wishes = wishes

    def create(self, istio: str) -> RealCluster:  # noqa: ARG002
        need(self._runner, _NEEDED)
        refuse_unmarked(self._cluster(), self._reached[1])
        refuse_occupied(self.leftovers(), self._reached[1])
        installer = Installer(self._runner, *self._reached, self._wishes.images)
        made = RealCluster(self._runner, self._reached, installer, self._clear)
        try:
            made.install_sidecars(self._wishes.image)
        except BaseException:
            made.delete()
            raise
        return made

    def leftovers(self) -> Sequence[Leftover]:
        """Namespaces that bear the mark."""
        return [Leftover(name, owner.used(whose)) for name, whose in self._marked()]

    def remove(self, leftover: str) -> None:
        self._cluster().delete(_namespace(leftover))

    def _clear(self) -> None:
        """Its own, and nobody else's."""
        for name, whose in self._marked():
            if whose == owner.mine():
                self.remove(name)

    def _marked(self) -> Iterator[tuple[str, str]]:
        """Their names, and what they say of whose they are."""
        cluster = self._cluster()
        refuse_unmarked(cluster, self._reached[1])
        for body in cluster.list(kinds.NAMESPACE, labels=MARK):
            yield body["metadata"]["name"], body["metadata"]["labels"].get(OWNER, "")

    def _cluster(self) -> Cluster:
        return LiveCluster(connect(*self._reached))


def refuse_unmarked(cluster: Cluster, context: str) -> None:
    """Raises MigrateError unless a node, or the namespace `default`, is labelled disposable."""
    marked = {DISPOSABLE: "true"}
    default = cluster.get(_namespace("default")) or {}
    labels = (default.get("metadata") or {}).get("labels") or {}
    if labels.get(DISPOSABLE) == "true" or cluster.list(kinds.NODE, labels=marked):
        return
    raise MigrateError(
        f"the cluster of context {context or 'the kubeconfig'} is not called disposable",
        detail="A rehearsal installs Istio, makes namespaces, breaks things and deletes what it made.",
        hint=f"kubectl label namespace default {DISPOSABLE}=true",
    )


def refuse_occupied(found: Sequence[Leftover], context: str) -> None:
    """Raises MigrateError where namespaces of another rehearsal are there, running or not."""
    if found:
        raise MigrateError(
            f"a rehearsal has namespaces on the cluster of context {context or 'the kubeconfig'}",
            detail="\n".join(f"{one.name}: {one.used or 'left behind'}" for one in found),
            hint="migrate rehearse --clean deletes what was left behind, with --force the rest too",
        )


def _namespace(name: str) -> Ref:
    return Ref(*kinds.NAMESPACE, "", name)
