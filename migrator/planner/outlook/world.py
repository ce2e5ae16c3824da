"""The objects and pods of a mesh while steps change them, without a cluster: what a step makes of them.

A restart makes all pods of a workload anew, from its template and its namespace's labels as they are then.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from migrator.exposure.state import Pods, Readiness, State, pods_of
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode
from migrator.istio.workloads import Workload
from migrator.model import writes as fields
from migrator.model.journal import FieldImage
from migrator.model.resource import Ref, Resource
from migrator.steps import AnyStep, PatchTemplate, Person, WaitForJobs

from .undo import Undo

_ROLLS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.ROLLOUT)
_OF_ISTIO = frozenset({"istio-proxy", "istio-init", "istio-validation"})
_SWITCH = "PILOT_ENABLE_AMBIENT"
_STAMP = "1970-01-01T00:00:00Z"  # the time of a restart, which decides nothing
Body = Mapping[str, Any]


class Undone(NamedTuple):
    """What an undo needs of a step that was done."""

    image: tuple[FieldImage, ...]
    pods: Mapping[Ref, Resource]  # pods that a person made anew, as they were


class World:
    """A mesh in motion; `state` is the moment that it is at."""

    def __init__(self, mesh: Mesh) -> None:
        self.state = State(mesh)
        self._done: dict[str, Undone] = {}
        self._rolling: frozenset[Ref] = frozenset()

    def begin(self, step: AnyStep) -> bool:
        """The step's writes are made; whether something goes on until its checks hold."""
        self._now_ready(step.before)
        writes, ref = step.writes(_STAMP), step.target.ref
        live = self._body(ref)
        image = fields.image(live, writes)
        changed = _changed(ref, live, fields.written(live, writes)) if writes else {}
        pods: Mapping[Ref, Resource] = {}
        if _is_person_with_pods(step):
            pods = {p.ref: p for p in self._pods(ref)}
        self._done[step.id] = Undone(image, pods)
        self._relabel(step, step.pod_labels())
        self._move_to(changed, self._waypoints_with(step))
        rolls = self._restarts(step)
        if rolls:
            self._restart(ref, as_ambient=_is_person_with_pods(step))
        else:
            self._born_anew_at_any_time(ref)
        return bool(self._rolling) or ref in self.state.waypoints

    def end(self, step: AnyStep) -> None:
        """What is checked after the step holds."""
        self._settle()
        self._now_ready(step.after)
        if any(check.predicate == "istiod-ambient" for check in step.after):
            self._move_to(self._with_ambient())

    def undo(self, task: Undo) -> bool:
        """A part of a step is taken back; whether something goes on until its checks hold."""
        step, ref = task.step, task.step.target.ref
        done = self._done[step.id]
        writes = step.writes(_STAMP)
        chosen = [f for w, f in zip(writes, done.image, strict=True) if task.covers(w.path)]
        live = self._body(ref)
        changed = _changed(ref, live, fields.restored(live, chosen)) if chosen else {}
        old = step.old_labels if isinstance(step, PatchTemplate) else {}
        self._relabel(step, {key: old.get(key) for key in step.pod_labels()})
        self._move_to({**changed, **done.pods})
        if self._restarts(step):
            self._restart(ref, as_ambient=False)
        else:
            self._born_anew_at_any_time(ref)
        return bool(self._rolling)

    def undone(self) -> None:
        """What is checked after the undo holds."""
        self._settle()

    # -- objects

    def _body(self, ref: Ref) -> Body | None:
        found = self.state.mesh.snapshot.get(ref)
        return found.body if found else None

    def _move_to(
        self,
        changed: Mapping[Ref, Resource | None],
        waypoints: Mapping[Ref, Readiness] | None = None,
    ) -> None:
        if changed or waypoints is not None:
            mesh = self.state.mesh.changed(changed) if changed else self.state.mesh
            self.state = self.state.then(mesh, waypoints=waypoints)

    def _with_ambient(self) -> Mapping[Ref, Resource | None]:
        """Every istiod of the source that is known to lack ambient, with it."""
        return {
            plane.resource.ref: Resource(plane.resource.ref, _switched_on(plane.resource))
            for plane in self.state.mesh.control_planes
            if plane.ambient is False
        }

    # -- waypoints

    def _waypoints_with(self, step: AnyStep) -> Mapping[Ref, Readiness] | None:
        """A waypoint that is made just now, or is gone."""
        ref = step.target.ref
        if ref.group_kind != kinds.GATEWAY or not any(not w.path for w in step.writes(_STAMP)):
            return None
        return {**self.state.waypoints, ref: Readiness.ABSENT}

    def _now_ready(self, held: tuple[Any, ...]) -> None:
        ready = {
            check.about.ref: Readiness.READY
            for check in held
            if check.predicate == "waypoint-ready" and check.about is not None
        }
        new = {ref: told for ref, told in ready.items() if self.state.waypoints.get(ref) != told}
        if new:
            self._move_to({}, {**self.state.waypoints, **new})

    # -- pods

    def _pods(self, ref: Ref) -> tuple[Resource, ...]:
        workload = self.state.mesh.workload(ref)
        return workload.pods if workload else ()

    def _restarts(self, step: AnyStep) -> bool:
        """Whether the step's writes, or the person, or the end of a Job, make all pods anew."""
        ref = step.target.ref
        if isinstance(step, WaitForJobs) or _is_person_with_pods(step):
            return self.state.mesh.workload(ref) is not None
        template = any("template" in w.path for w in step.writes(_STAMP))
        return template and ref.group_kind in _ROLLS

    def _restart(self, ref: Ref, *, as_ambient: bool) -> None:
        """Old and new pods at once, from here to `_settle`."""
        workload = self.state.mesh.workload(ref)
        if workload is None:
            return
        living = self.state.pods_of(workload)
        self._move_to(_anew(workload))
        new = self.state.mesh.workload(ref) or workload
        mode = {one.mode for one in pods_of(self.state.mesh, new)}
        if as_ambient and mode != {Mode.AMBIENT}:
            self._move_to(_labelled_ambient(new))
            new = self.state.mesh.workload(ref) or new
        self._set_pods({ref: living | pods_of(self.state.mesh, new)})
        self._rolling = frozenset({ref})

    def _settle(self) -> None:
        workloads = [self.state.mesh.workload(ref) for ref in self._rolling]
        anew = {w.ref: pods_of(self.state.mesh, w) for w in workloads if w is not None}
        self._rolling = frozenset()
        if anew:
            self._set_pods(anew)

    def _born_anew_at_any_time(self, ref: Ref) -> None:
        """Pods of another mode may be born from now on: by a Job, by scaling, where a node is drained."""
        mesh, found = self.state.mesh, {}
        if ref.group_kind == kinds.NAMESPACE:
            workloads: tuple[Workload, ...] = mesh.workloads_in(ref.name)
        else:
            workloads = tuple(filter(None, [mesh.workload(ref)]))
        for workload in workloads:
            next_one = _next(mesh, workload)
            living = self.state.pods_of(workload)
            new = {p for p in next_one if p.mode not in {one.mode for one in living}}
            if new:
                found[workload.ref] = living | new
        if found:
            self._set_pods(found)

    def _relabel(self, step: AnyStep, labels: Mapping[str, str | None]) -> None:
        """Labels of running pods; what captures them follows when the objects have moved on."""
        workload = self.state.mesh.workload(step.target.ref)
        if not labels or workload is None:
            return
        living = self.state.pods_of(workload)
        self._set_pods({workload.ref: frozenset(_with_labels(one, labels) for one in living)})
        self.state = self.state.then(self.state.mesh)

    def _set_pods(self, pods: Mapping[Ref, frozenset[Pods]]) -> None:
        state = self.state
        self.state = State(state.mesh, {**state.pods, **pods}, state.waypoints)


def _changed(ref: Ref, live: Body | None, wanted: Body | None) -> dict[Ref, Resource | None]:
    if wanted is None:
        return {ref: None} if live is not None else {}
    return {ref: Resource(ref, wanted)}


def _is_person_with_pods(step: AnyStep) -> bool:
    return isinstance(step, Person) and any(c.predicate == "pods-ambient" for c in step.after)


def _with_labels(pods: Pods, labels: Mapping[str, str | None]) -> Pods:
    merged = {**dict(pods.labels), **labels}
    return pods._replace(labels=tuple(sorted((k, v) for k, v in merged.items() if v is not None)))


def _next(mesh: Mesh, workload: Workload) -> frozenset[Pods]:
    """Its next pod, whatever runs; nothing where only its pods are in the source."""
    if not workload.pods:
        return pods_of(mesh, workload)
    if workload.resource.ref.group_kind == kinds.POD or not workload.pod_spec:
        return frozenset()
    return pods_of(mesh, workload.without_pods())


def _anew(workload: Workload) -> dict[Ref, Resource | None]:
    """The source without the pods that ran; what tells only by them of their template keeps that."""
    changed: dict[Ref, Resource | None] = dict.fromkeys(pod.ref for pod in workload.pods)
    if workload.template_path or not workload.pods:
        return changed
    first = _as_template(workload.pods[0])
    if workload.resource.ref.group_kind == kinds.POD:
        return {**changed, first.ref: first}
    known = workload.resource.body
    template = {"metadata": first.body["metadata"], "spec": first.spec}
    body = {**known, "spec": {**(known.get("spec") or {}), "template": template}}
    return {**changed, workload.ref: Resource(workload.ref, body)}


def _as_template(pod: Resource) -> Resource:
    """The pod as it would be created again: without what Istio added and without status."""
    if names.SIDECAR_STATUS in pod.annotations:
        spec = {
            key: [c for c in value if c.get("name") not in _OF_ISTIO]
            if key in {"containers", "initContainers"}
            else value
            for key, value in pod.spec.items()
        }
    else:
        spec = dict(pod.spec)
    added = {names.TLS_MODE, names.TUNNEL}
    metadata = {
        **pod.metadata,
        "labels": {k: v for k, v in pod.labels.items() if k not in added},
        "annotations": {
            k: v
            for k, v in pod.annotations.items()
            if k not in {names.SIDECAR_STATUS, names.REDIRECTION}
        },
    }
    rest = {k: v for k, v in pod.body.items() if k not in {"metadata", "spec", "status"}}
    return Resource(pod.ref, {**rest, "metadata": metadata, "spec": spec}, pod.origin)


def _labelled_ambient(workload: Workload) -> dict[Ref, Resource | None]:
    """What a person has made anew and a check has seen ambient asks for that by itself."""
    wanted = {names.DATAPLANE_MODE: names.AMBIENT, names.INJECT: "false"}
    where = (*(part for part in workload.template_path.split(".") if part), "metadata", "labels")
    writes = tuple(fields.Write(path=(*where, k), value=v) for k, v in wanted.items())
    body = fields.written(workload.resource.body, writes)
    ref = workload.resource.ref
    return {ref: Resource(ref, body)} if body is not None else {}


def _switched_on(istiod: Resource) -> Body:
    pod = istiod.spec["template"]["spec"]
    containers = [
        {
            **container,
            "env": [
                *(e for e in container.get("env") or () if e.get("name") != _SWITCH),
                {"name": _SWITCH, "value": "true"},
            ],
        }
        for container in pod.get("containers") or ()
    ]
    template = {**istiod.spec["template"], "spec": {**pod, "containers": containers}}
    return {**istiod.body, "spec": {**istiod.spec, "template": template}}
