"""What a person is asked to do, done in the simulation by whoever answers that it is done."""

from collections.abc import Mapping, Sequence
from typing import Any

from migrator.engine.gitops import Commit
from migrator.engine.pods import running_pods
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model import writes as fields
from migrator.model.mergepatch import difference, merged
from migrator.model.news import News, Question
from migrator.model.resource import Ref
from migrator.planner.plan import Plan
from migrator.ports import Watcher
from migrator.steps import AnyStep, Person

from .bodies import decoded, ref_of
from .cluster import FakeCluster

_SECONDS = 20.0
_AMBIENT: Mapping[str, str] = {names.DATAPLANE_MODE: names.AMBIENT, names.INJECT: "false"}
_NOT_OF_A_MANIFEST = frozenset({names.TLS_MODE, names.TUNNEL})


class Persons:
    """A watcher in front of another one: an instruction that was answered with yes has been followed."""

    def __init__(self, watcher: Watcher, cluster: FakeCluster, plan: Plan) -> None:
        self._watcher = watcher
        self._cluster = cluster
        self._steps: Mapping[str, AnyStep] = {step.id: step for _, _, step in plan.steps()}

    def tell(self, news: News) -> None:
        self._watcher.tell(news)

    def ask(self, question: Question) -> bool:
        answer = self._watcher.ask(question)
        step = self._steps.get(question.subject)
        if answer and isinstance(question.change, Commit):
            self._commit(question.change)
        elif answer and question.kind == "instruction" and isinstance(step, Person):
            self._follow(step)
        return answer

    def _follow(self, step: Person) -> None:
        wanted = {check.predicate for check in step.after}
        if "pods-ambient" in wanted:
            self._recreate(step.target.ref)
        else:
            self._cluster.install_ambient()

    def _commit(self, commit: Commit) -> None:
        """In the repository that owns the object, whose tool brings it to the cluster."""
        ref = commit.target.ref
        live = self._cluster.get(ref)
        wanted = fields.written(live, commit.changes)
        self._cluster.clock.sleep(_SECONDS)
        if live is not None and wanted is not None:
            self._cluster.meddle(ref, difference(live, wanted))
        elif wanted is not None:
            self._cluster.meddle_create(wanted)
        else:
            self._cluster.meddle_delete(ref)

    def _recreate(self, workload: Ref) -> None:
        """Delete the pods and create them again; a controller that knows its template creates them."""
        pods = [decoded(pod) for pod in running_pods(self._cluster, workload)]
        labels = self._own_labels(workload.namespace, pods)
        made = workload.group_kind in kinds.CONTROLLERS
        if made and labels:
            template = {"template": {"metadata": {"labels": labels}}}
            self._cluster.meddle(workload, {"spec": template})
        for pod in pods:
            self._cluster.meddle_delete(ref_of(pod))
        self._cluster.clock.sleep(_SECONDS)
        for pod in pods if not made else ():
            self._cluster.meddle_create(_manifest(pod, labels))

    def _own_labels(
        self, namespace: str, pods: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, str | None]:
        """By which pods ask for ambient themselves where the namespace does not; without, on the way back."""
        marks = [pod["metadata"].get("annotations") or {} for pod in pods]
        if not any(names.SIDECAR_STATUS in annotations for annotations in marks):
            return dict.fromkeys(_AMBIENT)
        found = self._cluster.get(Ref(*kinds.NAMESPACE, "", namespace)) or {}
        asked = (found.get("metadata", {}).get("labels") or {}).get(names.DATAPLANE_MODE)
        return {} if asked == names.AMBIENT else _AMBIENT


def _manifest(pod: dict[str, Any], labels: Mapping[str, str | None]) -> dict[str, Any]:
    """The pod as it was before it was admitted."""
    metadata, spec = pod["metadata"], pod["spec"]
    kept = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in _NOT_OF_A_MANIFEST}
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key not in {names.SIDECAR_STATUS, names.REDIRECTION}
    }
    injected = names.SIDECAR_STATUS in (metadata.get("annotations") or {})
    containers = [
        one
        for one in spec.get("containers") or ()
        if not (injected and one.get("name") == "istio-proxy")
    ]
    return {
        **{key: value for key, value in pod.items() if key != "status"},
        "metadata": {**metadata, "labels": merged(kept, labels), "annotations": annotations},
        "spec": {k: v for k, v in spec.items() if k != "nodeName"} | {"containers": containers},
    }
