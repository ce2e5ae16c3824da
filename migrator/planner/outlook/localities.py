"""A mesh by namespaces, each with all that decides about calls to its workloads, and with its own steps.

Who enforces what before a pod follows from its namespace, from the mesh's own settings and policies, and
from the namespaces whose waypoints it uses. Nothing else is looked at, so that a step costs what it touches.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, TypeVar

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.clienttls import says_tls
from migrator.istio.versions import Version
from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot
from migrator.planner.plan import Plan
from migrator.steps import AnyStep, SetLabels

_T = TypeVar("_T")
_POLICIES = frozenset(
    {kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION}
)
OF_A_WAYPOINT = _POLICIES | {kinds.GATEWAY}
_SETTINGS = frozenset(
    {kinds.CONFIG_MAP, kinds.SAIL_ISTIO, kinds.ISTIO_OPERATOR, kinds.MUTATING_WEBHOOK}
)
_LEFT_OUT = frozenset({kinds.NAMESPACE, kinds.NODE, kinds.CRD})


class Locality(NamedTuple):
    """A namespace; `steps` are those of the plan that it can notice, each with its place in the plan.

    `is_alone`: no other namespace but the root namespace has a part in it.
    """

    namespace: str
    objects: tuple[Resource, ...]
    steps: tuple[tuple[int, AnyStep], ...]
    version: Version
    is_alone: bool

    def mesh(self) -> Mesh:
        """The mesh as far as it goes."""
        return Mesh(Snapshot(self.objects), istio_version=self.version)


class Localities:
    """All of them, from one pass over the mesh and one over the plan."""

    def __init__(self, mesh: Mesh, plan: Plan) -> None:
        self._mesh = mesh
        self._steps = [step for _, _, step in plan.steps()]
        self._root = mesh.config.root_namespace
        self._objects = _grouped((r.namespace, r) for r in mesh.snapshot)
        self._by_namespace = _grouped(
            (_home(step), (number, step)) for number, step in enumerate(self._steps)
        )
        self._shared = tuple(self._settings())

    def __iter__(self) -> Iterator[Locality]:
        for name in sorted({*self._mesh.namespaces, *self._by_namespace} - {""}):
            yield self.of(name)

    def of(self, namespace: str) -> Locality:
        """The locality of one namespace."""
        elsewhere = {self._root, *self._waypoints_at(namespace)} - {namespace}
        own = self._mesh.namespace(namespace).resource
        rules = self.rules_for(namespace)
        objects = [
            *self._shared,
            *self._objects.get(namespace, ()),
            *([own] if own else []),
            *(r for name in elsewhere for r in self._objects.get(name, ()) if _is_felt(r)),
            *(r for r in rules if r.namespace != namespace),
        ]
        steps = [
            *self._by_namespace.get("", ()),
            *self._by_namespace.get(namespace, ()),
            *(
                (number, step)
                for name in elsewhere
                for number, step in self._by_namespace.get(name, ())
                if step.target.ref.group_kind in OF_A_WAYPOINT
            ),
        ]
        return Locality(
            namespace,
            tuple(objects),
            tuple(sorted(steps, key=lambda one: one[0])),
            self._mesh.istio_version,
            is_alone=elsewhere == {self._root}
            and {r.namespace for r in rules} <= {namespace, self._root},
        )

    def objects_in(self, namespace: str) -> Iterable[Resource]:
        """What stands in the namespace."""
        return self._objects.get(namespace, ())

    @cached_property
    def common(self) -> tuple[Resource, ...]:
        """What every locality has."""
        felt = (r for r in self._objects.get(self._root, ()) if _is_felt(r))
        return (*self._shared, *felt)

    def rules_for(self, namespace: str) -> tuple[Resource, ...]:
        """DestinationRules, wherever they stand, that have a part in how its Services are called."""
        return self._rules.get(namespace, ())

    @cached_property
    def _rules(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, dict[Resource, None]] = {}
        routing = self._mesh.routing
        if any(says_tls(rule) for rule in self._mesh.of(kinds.DESTINATION_RULE)):
            for service in self._mesh.services.all:
                rules = routing.destination_rules_for(service)
                if any(says_tls(rule) for rule in rules):
                    found.setdefault(service.namespace, {}).update(dict.fromkeys(rules))
        return {name: tuple(rules) for name, rules in found.items()}

    def _settings(self) -> Iterator[Resource]:
        """What holds for the whole mesh, wherever it stands."""
        for resource in self._objects.get("", ()):
            if resource.ref.group_kind not in _LEFT_OUT:
                yield resource
        for kind in sorted(_SETTINGS):
            for resource in self._mesh.of(kind):
                if resource.namespace and resource.name.startswith("istio"):
                    yield resource
        for plane in self._mesh.control_planes:
            yield plane.resource

    def _waypoints_at(self, namespace: str) -> set[str]:
        """Other namespaces whose waypoints something here is bound to, now or by a step."""
        labelled: list[Mapping[str, str | None]] = [self._mesh.namespace(namespace).labels]
        labelled += [one.labels for one in self._mesh.services.in_namespace(namespace)]
        for _, step in self._by_namespace.get(namespace, ()):
            if isinstance(step, SetLabels):
                labelled.append(step.labels)
        found = {labels.get(names.USE_WAYPOINT_NAMESPACE) for labels in labelled}
        return {name for name in found if name}


def _home(step: AnyStep) -> str:
    ref = step.target.ref
    return ref.name if ref.group_kind == kinds.NAMESPACE else ref.namespace


def _is_felt(resource: Resource) -> bool:
    """Whether an object of another namespace can matter: its policies, its waypoints."""
    if resource.ref.group_kind == kinds.DEPLOYMENT:
        meta = (resource.spec.get("template") or {}).get("metadata") or {}
        return (meta.get("labels") or {}).get(names.GATEWAY_CLASS_NAME) == names.WAYPOINT_CLASS
    return resource.ref.group_kind in OF_A_WAYPOINT


def _grouped(pairs: Iterable[tuple[str, _T]]) -> Mapping[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for name, one in pairs:
        found.setdefault(name, []).append(one)
    return found
