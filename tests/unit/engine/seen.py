"""Objects as an API server holds them, with statuses as its controllers write them, and a look at them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from migrator.engine.predicates import observe
from migrator.errors import ForbiddenError
from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.model.verdict import State, Verdict
from migrator.steps import Check, Person, Step, Target


class Objects:
    """A ClusterReader over fixed bodies; `forbidden` kinds may not be listed."""

    def __init__(self, *bodies: Mapping[str, Any], forbidden: Sequence[GroupKind] = ()) -> None:
        self.bodies = {_ref(body): body for body in bodies}
        self.forbidden = frozenset(forbidden)

    def get(self, ref: Ref) -> Mapping[str, Any] | None:
        return self.bodies.get(ref)

    def list(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        if kind in self.forbidden:
            raise ForbiddenError(f"list {kind} is not allowed")
        return [
            body
            for ref, body in self.bodies.items()
            if ref.group_kind == kind
            and namespace in {"", ref.namespace}
            and (labels or {}).items() <= (body["metadata"].get("labels") or {}).items()
        ]


def _ref(body: Mapping[str, Any]) -> Ref:
    group = body["apiVersion"].rpartition("/")[0]
    meta = body["metadata"]
    return Ref(group, body["kind"], meta.get("namespace", ""), meta["name"])


def cluster(*parts: str | Mapping[str, Any]) -> Objects:
    bodies = []
    for part in parts:
        bodies += list(yaml.safe_load_all(part)) if isinstance(part, str) else [part]
    return Objects(*(body for body in bodies if body))


def changed(text: str, **fields: Any) -> dict[str, Any]:
    """The object of `text` with fields set, `status__phase=` for `status.phase`; None removes."""
    body: dict[str, Any] = yaml.safe_load(text)
    for name, value in fields.items():
        *path, last = name.split("__")
        at = body
        for part in path:
            at = at.setdefault(part, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return body


def person(ref: Ref) -> Person:
    return Person(id="p", target=Target.of(ref), why="", title="t", instruction="i")


def look(predicate: str, ref: Ref | None, world: Objects, step: Step | None = None) -> Verdict:
    about = None if ref is None else Target.of(ref)
    check = Check(predicate=predicate, about=about, says="as the plan says")
    nothing = Ref(*kinds.NAMESPACE, "", "shop")
    return observe(check, step or person(ref or nothing), world)  # type: ignore[arg-type]


def is_so(verdict: Verdict, state: State, *says: str) -> None:
    """The verdict, and words that it must say."""
    assert verdict.state is state, verdict.says
    for part in says:
        assert part in verdict.says, verdict.says


def pod(  # noqa: PLR0913  a pod has that many sides
    name: str,
    owner: tuple[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    ready: str = "True",
    phase: str = "Running",
    containers: Sequence[str] = ("app",),
    edit: Callable[[dict[str, Any]], object] | None = None,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        },
        "spec": {"containers": [{"name": one} for one in containers], "nodeName": "n1"},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
    }
    if owner:
        reference = {"kind": owner[0], "name": owner[1], "controller": True}
        body["metadata"]["ownerReferences"] = [reference]
    if edit:
        edit(body)
    return body
