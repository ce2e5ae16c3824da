"""Many generated meshes side by side on one control plane, each walked through every moment of its plan.

Real: the API server, injection of each pod as its namespace's and its own labels are when it is born,
istiod with its waypoints, and what it tells the proxies. Simulated: the engine, whose place
`migrator.planner.outlook.moments` takes (the objects of each moment are written as they are there), the
controllers (pods come and go one by one as each moment has them, without owners), istio-cni, and the
proxies.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

from migrator.adapters.kube.client import Api, connect
from migrator.adapters.kube.resources import plural
from migrator.errors import NotFoundError
from migrator.exposure.state import Pods, Readiness, State, pods_of
from migrator.istio import kinds
from migrator.istio.pods.dataplane import SIDECAR_MODES
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref, Resource
from migrator.planner.outlook.moments import Moment, moments, moments_back

from .agreement import Agreement
from .controlplane import ControlPlane
from .generated_moments import Pair
from .oracle import Oracle
from .oracle_told import OF_WORKLOAD, Asked, tell

_SECONDS = 60
_SECONDS_AGAIN = 2  # for a pair that has differed already
_AT_ONCE = 12
_NOT_WRITTEN = {"Deployment", "StatefulSet", "Rollout", "ConfigMap@istio-system"}
_MANAGER = [("fieldManager", "moments"), ("force", "true")]
Labels = tuple[tuple[str, str], ...]


class Found(NamedTuple):
    """What a walk came to. `differences`: by pair and step, in words."""

    pairs: int
    moments: int
    differences: Mapping[tuple[int, str], list[str]]
    counts: Mapping[str, int]


class _Pod(NamedTuple):
    name: str
    sidecar: bool
    labels: Labels  # as the model has them


class Stage:
    """One pair on the control plane."""

    def __init__(self, api: Api, pair: Pair) -> None:
        self.pair = pair
        self.moment: Moment | None = None
        self.changed = False
        self.differed = False
        self._api = api
        self._left = _shown(pair)
        self._objects: dict[Ref, Resource] = {}
        self._pods: dict[Ref, list[_Pod]] = {}
        self._born = 0

    def next(self) -> bool:
        """Go on to the next moment; False after the last."""
        self.moment = next(self._left, None)
        return self.moment is not None

    def write(self) -> bool:
        """The objects of the moment; whether a namespace changed."""
        assert self.moment is not None
        wanted = {r.ref: r for r in self.moment.state.mesh.snapshot if _is_written(r)}
        changed = [r for ref, r in wanted.items() if self._objects.get(ref) is not r]
        changed = [r for r in changed if _body(self._objects.get(r.ref)) != r.body]
        gone = [ref for ref in self._objects if ref not in wanted]
        for one in sorted(changed, key=lambda r: r.ref.kind != "Namespace"):
            path = _path(one.ref, one.body["apiVersion"])
            self._api.request(
                "PATCH", path, query=_MANAGER, body=one.body,
                content_type="application/apply-patch+yaml",
            )  # fmt: skip
        for ref in gone:
            self._delete(_path(ref, self._objects[ref].body["apiVersion"]))
        self._objects = wanted
        self.changed = bool(changed or gone)
        return any(r.ref.group_kind == kinds.NAMESPACE for r in changed)

    def populate(self) -> None:
        """The pods of the moment: born from their template as it is now, relabelled, or gone."""
        assert self.moment is not None
        state = self.moment.state
        for workload in state.mesh.workloads:
            if workload.role is Role.APP:
                self._of_workload(state, workload)

    def _of_workload(self, state: State, workload: Workload) -> None:
        wanted = {_key(pods) for pods in state.pods_of(workload)}
        have = self._pods.setdefault(workload.ref, [])
        born = {_key(pods) for pods in pods_of(state.mesh, workload)}
        for sidecar, labels in sorted(wanted - {(p.sidecar, p.labels) for p in have}):
            old = next((p for p in have if p.sidecar is sidecar and p[1:] not in wanted), None)
            if (sidecar, labels) in born or old is None:
                have.append(self._bear(workload, sidecar, labels))
            else:
                have[have.index(old)] = self._relabel(workload, old, labels)
            self.changed = True
        for one in [p for p in have if p[1:] not in wanted]:
            self._delete(f"/api/v1/namespaces/{workload.namespace}/pods/{one.name}")
            have.remove(one)
            self.changed = True

    def _bear(self, workload: Workload, sidecar: bool, labels: Labels) -> _Pod:  # noqa: FBT001
        self._born += 1
        name = f"{workload.name}-{self._born}"
        template = workload.template
        meta = {
            **(template.get("metadata") or {}), "name": name, "namespace": workload.namespace,
            "annotations": {OF_WORKLOAD: workload.name},
        }  # fmt: skip
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
        self._api.request("POST", f"/api/v1/namespaces/{workload.namespace}/pods", body=body)
        return _Pod(name, sidecar, labels)

    def _relabel(self, workload: Workload, old: _Pod, labels: Labels) -> _Pod:
        patch = {**dict.fromkeys(dict(old.labels)), **dict(labels)}
        self._api.request(
            "PATCH", f"/api/v1/namespaces/{workload.namespace}/pods/{old.name}",
            body={"metadata": {"labels": patch}}, content_type="application/merge-patch+json",
        )  # fmt: skip
        return old._replace(labels=labels)

    def _delete(self, path: str) -> None:
        try:
            self._api.request("DELETE", path, body={"gracePeriodSeconds": 0})
        except NotFoundError:
            return

    def clear(self) -> None:
        for namespace in self.pair.namespaces:
            self._delete(f"/api/v1/namespaces/{namespace}")


class Asker(NamedTuple):
    """Asks istiod for some of the stages, and keeps what was compared of them."""

    oracle: Oracle
    agreement: Agreement


def walk(plane: ControlPlane, oracles: Sequence[Oracle], pairs: Iterable[Pair]) -> Found:
    """All pairs at once, moment by moment; a pair that differs goes on all the same."""
    api = connect(str(plane.kubeconfig))
    stages = [Stage(api, pair) for pair in pairs]
    askers = [Asker(oracle, Agreement()) for oracle in oracles]
    counts: Counter[str] = Counter()
    differences: dict[tuple[int, str], list[str]] = {}
    try:
        while active := [stage for stage in stages if stage.next()]:
            counts["moments"] += len(active)
            show(active)
            for stage, words in differing(plane, askers, active):
                assert stage.moment is not None
                key = (stage.pair.number, f"{counts['ticks']} {stage.moment.step}")
                differences[key] = words
            counts["ticks"] += 1
    finally:
        for stage in stages:
            stage.clear()
    compared = sum((asker.agreement.counts for asker in askers), Counter[str]())
    return Found(len(stages), counts["moments"], differences, compared)


def show(active: list[Stage]) -> None:
    """The cluster as it is at the moment of each."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        if any([*pool.map(Stage.write, active)]):
            time.sleep(1)  # webhooks are asked by labels of a namespace that the API server caches
        list(pool.map(Stage.populate, active))


def differing(
    plane: ControlPlane, askers: Sequence[Asker], active: Sequence[Stage]
) -> list[tuple[Stage, list[str]]]:
    """Those with whom istiod does not come to agree in time.

    Each asker looks after the same stages at every moment, so that it knows what they had before.
    """
    left = [stage for stage in active if stage.changed]
    began = time.monotonic()
    given_up: list[tuple[Stage, list[str]]] = []
    with ThreadPoolExecutor(len(askers)) as pool:
        while left:
            asked = Asked.of(askers[0].oracle)
            shares = [
                [stage for stage in left if stage.pair.number % len(askers) == number]
                for number in range(len(askers))
            ]
            found = pool.map(lambda a, share: _said(plane, a, share, asked), askers, shares)  # noqa: B023
            waited, left = time.monotonic() - began, []
            for stage, words in chain.from_iterable(found):
                patience = _SECONDS_AGAIN if stage.differed else _SECONDS
                if words and waited > patience:
                    given_up.append((stage, words))
                elif words:
                    left.append(stage)
            time.sleep(0.3 if left else 0)
    for stage, _ in given_up:
        stage.differed = True
    return given_up


def _said(
    plane: ControlPlane, asker: Asker, share: Iterable[Stage], asked: Asked
) -> list[tuple[Stage, list[str]]]:
    found = []
    for stage in share:
        assert stage.moment is not None
        told = tell(plane, asker.oracle, stage.pair.namespaces, asked)
        words = ["istiod does not know all pods"]
        if told is not None:
            words = asker.agreement.differences(told, stage.moment.state)
        found.append((stage, words))
    return found


def _shown(pair: Pair) -> Iterator[Moment]:
    """There and back; while a waypoint starts nothing can be said of when it is there."""
    for way in (moments, moments_back):
        for moment in way(pair.mesh, pair.plan):
            if not (moment.rolling and Readiness.ABSENT in moment.state.waypoints.values()):
                yield moment


def _key(pods: Pods) -> tuple[bool, Labels]:
    return pods.mode in SIDECAR_MODES, pods.labels


def _is_written(one: Resource) -> bool:
    at = f"{one.ref.kind}@{one.namespace}"
    return one.ref.kind not in _NOT_WRITTEN and at not in _NOT_WRITTEN


def _body(one: Resource | None) -> Mapping[str, Any] | None:
    return one.body if one else None


def _path(ref: Ref, version: str) -> str:
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside = f"/namespaces/{ref.namespace}" if ref.namespace else ""
    return f"{root}{inside}/{plural(ref.group_kind)}/{ref.name}"
