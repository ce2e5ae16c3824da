"""What a conformance test works on: the port, somebody else who writes too, and time that passes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import yaml

from migrator.engine.predicates import observe
from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.model.verdict import State
from migrator.ports import Cluster
from migrator.steps import Check, Person, Target


class Other(Protocol):
    """Somebody else writes: a merge patch."""

    def __call__(self, ref: Ref, patch: Mapping[str, Any]) -> None: ...


class World(NamedTuple):
    """`namespace` is the test's own, with sidecar injection; `eventually` looks until it is true."""

    cluster: Cluster
    namespace: str
    other: Other
    eventually: Callable[[Callable[[], object]], Any]

    def ref(self, kind: GroupKind, name: str) -> Ref:
        return Ref(*kind, self.namespace, name)

    def make(self, text: str) -> Mapping[str, Any]:
        """Create what the YAML says, in the test's namespace."""
        return self.cluster.create(self.manifest(text))

    def manifest(self, text: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(text)
        found["metadata"]["namespace"] = self.namespace
        return found

    def becomes(self, predicate: str, ref: Ref, state: State = State.DONE) -> None:
        """What the engine looks at says so, in time."""

        def look() -> bool:
            return self.look(predicate, ref).state is state

        assert self.eventually(look), self.look(predicate, ref)

    def look(self, predicate: str, ref: Ref) -> Any:
        target = Target.of(ref)
        step = Person(id="p", target=target, why="", title="t", instruction="i")
        return observe(Check(predicate=predicate, about=target, says=""), step, self.cluster)

    def label_namespace(self, **labels: str | None) -> None:
        """`mode` is istio.io/dataplane-mode, `injection` istio-injection."""
        full = {"mode": "istio.io/dataplane-mode", "injection": "istio-injection"}
        patch = {"metadata": {"labels": {full[key]: value for key, value in labels.items()}}}
        self.cluster.patch(Ref(*kinds.NAMESPACE, "", self.namespace), patch)
