"""What a plan asks of a person, done by the rehearsal on its own cluster."""

from collections.abc import Callable

from migrator.engine.pods import running_pods
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model import writes as fields
from migrator.model.mergepatch import difference
from migrator.model.resource import Ref
from migrator.ports import Body, Clock, Cluster
from migrator.steps import AnyStep, Person


class Persons:
    """Installs ambient, commits what an owner would, makes pods anew that nobody restarts."""

    def __init__(self, cluster: Cluster, clock: Clock, install: Callable[[], None]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._install = install
        self._originals: dict[Ref, Body] = {}

    def remember(self, manifest: Body) -> None:
        """A pod as it was made, before anything was injected."""
        meta = manifest["metadata"]
        self._originals[Ref(*kinds.POD, meta.get("namespace", ""), meta["name"])] = manifest

    def follow(self, step: AnyStep) -> None:
        """Do what the step asks for."""
        if not isinstance(step, Person):
            self._commit(step)
        elif any(check.predicate.startswith("pods-") for check in step.after):
            self._recreate(step)
        else:
            self._install()

    def _commit(self, step: AnyStep) -> None:
        """As the tool that owns the object does, once the change is in its repository."""
        ref = step.target.ref
        live = self._cluster.get(ref)
        stamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = fields.written(live, step.writes(stamp))
        if live is not None and wanted is not None:
            self._cluster.patch(ref, difference(live, wanted))
        elif wanted is not None:
            self._cluster.create(wanted)
        elif live is not None:
            self._cluster.delete(ref)

    def _recreate(self, step: AnyStep) -> None:
        ref = step.target.ref
        ambient = any(check.predicate == "pods-ambient" for check in step.after)
        for body in running_pods(self._cluster, ref):
            pod = Ref(*kinds.POD, ref.namespace, body["metadata"]["name"])
            self._cluster.delete(pod)
            original = self._originals.get(pod)
            if original is not None:
                self._wait_until_gone(pod)
                self._cluster.create(_anew(original, ambient=ambient))

    def _wait_until_gone(self, pod: Ref) -> None:
        for _ in range(120):
            if self._cluster.get(pod) is None:
                return
            self._clock.sleep(0.5)


def _anew(original: Body, *, ambient: bool) -> Body:
    meta = dict(original["metadata"])
    if ambient:
        labels = {**(meta.get("labels") or {}), names.INJECT: "false"}
        meta["labels"] = {**labels, names.DATAPLANE_MODE: names.AMBIENT}
    return {**original, "metadata": meta}
