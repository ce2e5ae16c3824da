"""Whose calls are routed in another way than at the start, and between which moments of a plan.

For each Service with routes or DestinationRules: what acts on a call follows from the waypoint that the
Service is bound to, from these objects, and from how and from where its caller sends.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.exposure.callers import Source
from migrator.exposure.calling import Caller
from migrator.exposure.routing import Bound, Client, behaviours
from migrator.exposure.shaping import Call, Settings, Shift, settings, shift
from migrator.istio.services import Service
from migrator.istio.traffic.routing import route_matches
from migrator.model.resource import Ref

from .course import Course
from .repeating import Place
from .shaped import Objects, Shaped

_ELSEWHERE = ""  # any namespace that no object names
_ROUTED = frozenset({Caller.SIDECAR, Caller.AMBIENT, Caller.GATEWAY, Caller.OUTSIDE})
_SENT_ON = frozenset({Caller.AMBIENT, Caller.GATEWAY})  # by way of the waypoint, if there is one


class Rerouted(NamedTuple):
    """Calls to one Service: from the moment `since` to before the moment `until`.

    `alike`: others too, whom no route tells from this caller. `where` shapes them now; None for nobody.
    """

    service: Ref
    principal: str
    alike: bool
    before: Caller
    now: Caller
    where: Ref | None
    shift: Shift
    since: int
    until: int


class _Part(NamedTuple):
    """A time in which nothing changes but callers."""

    since: int
    until: int
    objects: Objects
    bound: Bound


class _Seen(NamedTuple):
    """How a caller looks to routes."""

    namespace: str
    labels: Mapping[str, str]


def rerouted(course: Course) -> Iterator[Rerouted]:
    """All that differs from the start at any moment."""
    shaped = Shaped(course.mesh, course.steps)
    for place in course.repeats:
        for service in shaped.within(place.namespace):
            yield from _OfService(course, place, service, shaped.versions(service)).all()


class _Done(NamedTuple):
    """What is done of a call, and the waypoint that does it, if one does."""

    settings: Settings
    where: Ref | None


class _OfService:
    def __init__(
        self, course: Course, place: Place, service: Service, versions: tuple[Objects, ...]
    ) -> None:
        self._course = course
        self._service = service
        self._parts = tuple(
            _parts(versions, course.repeats.bindings(place, service.ref), course.end)
        )
        self._names: set[str] = {service.namespace}
        self._choosing: set[str] = set()
        self._by_labels = False
        for objects in versions:
            self._look(objects)
        self._done: dict[object, _Done | None] = {}

    def all(self) -> Iterator[Rerouted]:
        for number, part in enumerate(self._parts):
            for source, alike in self._sources(part):
                yield from self._of_source(number, source, alike=alike)

    def _look(self, objects: Objects) -> None:
        """Which namespaces the objects tell from others, and where they choose callers by labels."""
        routing = objects.mesh.routing
        acting = [
            *routing.virtual_services_for(self._service),
            *routing.destination_rules_for(self._service),
        ]
        for vs in routing.virtual_services_for(self._service):
            for _, _, block in route_matches(vs):
                self._names |= {block.get("sourceNamespace") or vs.namespace}
                self._by_labels = self._by_labels or bool(block.get("sourceLabels"))
        for one in acting:
            exported = one.spec.get("exportTo") or ()
            self._names |= {one.namespace, *exported} - {"*", "."}
            if one.spec.get("workloadSelector"):
                self._choosing.add(one.namespace)
        self._names |= {route.namespace for route in routing.routes_for(self._service)}

    def _sources(self, part: _Part) -> Iterator[tuple[Source, bool]]:
        """Who calls in that time, and whether others are like them."""
        crowd, known = self._course.crowd, self._known
        span = (part.since, part.until)
        if known is not None:
            members = [m for m in map(crowd.of, sorted(known)) if m is not None]
            yield from ((s, False) for m in members for s in m.sources(*span))
            return
        if self._by_labels:
            yield from ((s, False) for m in crowd.members for s in m.sources(*span))
            return
        for name in sorted(self._choosing):
            yield from ((s, False) for m in crowd.within(name) for s in m.sources(*span))
        for sample in crowd.during(*span).others(frozenset(), self._names, frozenset()):
            ref = sample.source.ref
            if ref is not None and ref.namespace not in self._choosing:
                yield sample.source, not sample.alone

    @cached_property
    def _known(self) -> frozenset[Ref] | None:
        """Who calls it, where that is known of every workload behind it."""
        mesh, calls = self._course.mesh, self._course.calls
        behind = [calls.get(w.ref) for w in mesh.services.workloads(self._service)]
        if not behind or any(one is None for one in behind):
            return None
        return frozenset(ref for one in behind for ref in one or ())

    def _of_source(self, number: int, source: Source, *, alike: bool) -> Iterator[Rerouted]:
        part, seen = self._parts[number], self._seen(source.ref)
        was, now = (ways & _ROUTED for ways in source.ways)
        for caller in sorted(now):
            for before in sorted({caller} if caller in was else was):
                then, today = self._at(0, before, seen), self._at(number, caller, seen)
                if then is None or today is None or then.settings == today.settings:
                    continue
                found, where = shift(then.settings, today.settings), today.where
                if found:
                    yield Rerouted(
                        self._service.ref, source.principal, alike, before, caller, where, found,
                        source.since or part.since, source.until or part.until,
                    )  # fmt: skip

    def _seen(self, ref: Ref | None) -> _Seen:
        """Labels only where an object looks at them."""
        if ref is None:
            return _Seen(_ELSEWHERE, {})
        choosing = self._by_labels or ref.namespace in self._choosing
        workload = self._course.mesh.workload(ref) if choosing else None
        namespace = ref.namespace if ref.namespace in self._names else _ELSEWHERE
        return _Seen(namespace, workload.labels if workload else {})

    def _at(self, number: int, caller: Caller, seen: _Seen) -> _Done | None:
        """What is done of the call; None where none passes."""
        part = self._parts[number]
        bound = part.bound if caller in _SENT_ON else Bound()
        key = (part.objects.since, bound, caller, seen.namespace, *sorted(seen.labels.items()))
        if key not in self._done:
            mesh, same = part.objects.mesh, part.objects.same
            client = Client(caller, seen.namespace, seen.labels)
            acting = behaviours(mesh, client, self._service, bound)
            done = _Done(
                settings(mesh, Call(client, self._service), acting, same), acting[-1].where
            )
            self._done[key] = None if any(one.refused for one in acting) else done
        return self._done[key]


def _parts(
    versions: tuple[Objects, ...], bindings: tuple[tuple[int, Bound], ...], end: int
) -> Iterator[_Part]:
    """The whole time, cut where the objects or the binding change."""
    cuts = sorted({one.since for one in versions} | {since for since, _ in bindings})
    for since, until in zip(cuts, (*cuts[1:], end), strict=True):
        objects = next(one for one in reversed(versions) if one.since <= since)
        bound = next(one for at, one in reversed(bindings) if at <= since)
        if since < until:
            yield _Part(since, until, objects, bound)
