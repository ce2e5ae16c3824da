"""HTTPRoutes in place of VirtualServices: what istiod tells a waypoint and a sidecar stays the same.

Real: the API server with Gateway API's own CRDs, Istio's validation, istiod, and every route table.
Simulated: the proxies, whose choice of a route is written down in `route_tables`, and pods that are Ready
without running.
"""

import json

import pytest

from migrator.engine.predicates import observe
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.httproute import fit
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.model.verdict import State
from migrator.steps import Check, Person, Target
from migrator.translate.http_route import http_routes
from tests.unit.engine.seen import Objects

from .generated_routes import cases, virtual_service
from .meshes import eventually
from .oracle import LISTENER, ROUTE, Oracle, OracleError, proxy_node
from .route_tables import at_sidecar, at_waypoint, differences, sources

HOME, FAR = "routes-home", "routes-far"
CASES = tuple(cases(60))
MAPPED_AT_LEAST = 90
PLACES = ("waypoint", "sidecar")
# What a plainer translation would write: the number of the rule, and its match.
NAIVE = {
    "prefix": (0, {"path": {"type": "PathPrefix", "value": "/a"}}),
    "regex": (1, {"path": {"type": "PathPrefix", "value": "/"}}),
}


def _object(version, kind, namespace, name, **rest):
    labels = rest.pop("labels", {})
    meta = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def _service(namespace, name, *ports):
    listed = [{"name": f"http-{port}", "port": port} for port in ports]
    return _object(
        "v1", "Service", namespace, name, spec={"selector": {"app": name}, "ports": listed}
    )


def _mesh():
    ambient = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
    yield _object("v1", "Namespace", "", HOME, labels=ambient)
    yield _object("v1", "Namespace", "", FAR, labels={"istio-injection": "enabled"})
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    spec = {"gatewayClassName": "istio-waypoint", "listeners": listeners}
    yield _object("gateway.networking.k8s.io/v1", "Gateway", HOME, "waypoint", spec=spec)
    pod = {"containers": [{"name": "app", "image": "app"}]}
    yield _object("v1", "Pod", FAR, "caller", labels={"app": "caller"}, spec=pod)
    yield _service(HOME, "other", 80)
    yield _service(FAR, "far", 9000)
    yield from (_service(HOME, f"s-{case.name}", *case.ports) for case in CASES)


def _resource(body):
    meta = body["metadata"]
    group = body["apiVersion"].rpartition("/")[0]
    return Resource(Ref(group, body["kind"], meta.get("namespace", ""), meta["name"]), body)


def _apply(plane, objects):
    items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(items))


class _Tables:
    """The tables of every case at one moment, by place, host and port."""

    def __init__(self, plane, oracle):
        self._plane, self._oracle = plane, oracle

    def read(self):
        found = {}
        for namespace, place, read in (
            (HOME, "waypoint", at_waypoint),
            (FAR, "sidecar", at_sidecar),
        ):
            (pod,) = self._plane.get("pods", "-n", namespace)["items"]
            types = (LISTENER,) if place == "waypoint" else (LISTENER, ROUTE)
            answer = self._oracle.ask(proxy_node(pod), types)
            for case in CASES:
                tables = read(answer, _host(case))
                found |= {(place, case.name, port): tables[port] for port in case.ports}
        return found

    def when(self, holds):
        """The first moment at which `holds` is true of the sources of every case that maps."""

        def look():
            try:
                found = self.read()
            except (OracleError, KeyError, ValueError):  # no waypoint yet, or no pod of it
                return None
            known = {}
            for (place, name, _), table in found.items():
                known.setdefault((place, name), set()).update(sources(table))
            return found if holds(known) else None

        return eventually(look, 60)


def _host(case):
    return f"s-{case.name}.{HOME}.svc.cluster.local"


@pytest.fixture(scope="module")
def fits():
    """By name of a case: its VirtualService and what becomes of it."""
    written = [virtual_service(case, f"s-{case.name}", (HOME, FAR)) for case in CASES]
    mesh = Mesh(Snapshot([*map(_resource, _mesh()), *map(_resource, written)]))
    return {
        case.name: (body, fit(mesh, _resource(body)))
        for case, body in zip(CASES, written, strict=True)
    }


@pytest.fixture(scope="module")
def moments(plane, fits):
    """Three: VirtualServices alone, both kinds, HTTPRoutes alone; what became of the HTTPRoutes, and what
    requests tell plainer ones from them.
    """
    mapped = {
        name: (_resource(body), found.routes)
        for name, (body, found) in fits.items()
        if found.routes
    }
    by_vs = {(place, name) for place in PLACES for name in fits}
    at_waypoint = {("waypoint", name) for name in mapped}
    by_route = {(place, name) for place in PLACES for name in mapped}
    try:
        _apply(plane, _mesh())
        with Oracle(plane) as oracle:
            tables = _Tables(plane, oracle)
            _apply(plane, (body for body, _ in fits.values()))
            before = tables.when(lambda known: all(known.get(key) == {key[1]} for key in by_vs))
            routes = {name: http_routes(*one) for name, one in mapped.items()}
            _apply(plane, (one for made in routes.values() for one in made))
            both = tables.when(lambda known: all(_is_route(known[key]) for key in at_waypoint))
            stored = plane.get("httproutes", "-n", HOME)["items"]
            plane.kubectl("delete", "virtualservice", "-n", HOME, *mapped)
            after = tables.when(lambda known: all(key[1] not in known[key] for key in by_route))
            _apply(plane, _plainer(routes))
            told = eventually(lambda: _told_apart(after, tables.read()), 30)
        yield {"before": before, "both": both, "after": after, "stored": stored, "told": told,
               "routes": {_name(one): one for made in routes.values() for one in made}}  # fmt: skip
    finally:
        plane.kubectl("delete", "namespace", HOME, FAR, "--wait=false")


def _name(body):
    return body["metadata"]["name"]


def _told_apart(exact, plain):
    """By case, the requests; nothing until they are found for each."""
    found = {
        name: differences(exact[key], plain[key])
        for name in NAIVE
        for key in [("waypoint", name, 80)]
    }
    return found if all(found.values()) else None


def _is_route(known):
    """istiod names what it makes of an HTTPRoute by parents."""
    return any("~" in name for name in known)


def _plainer(routes):
    for name, (number, match) in NAIVE.items():
        (route,) = routes[name]
        rules = [*route["spec"]["rules"]]
        rules[number] = {**rules[number], "matches": [match]}
        yield {**route, "spec": {**route["spec"], "rules": rules}}


def test_most_of_the_cases_map(fits):
    """All that are listed; of those by chance the ones whose order an HTTPRoute keeps."""
    refused = {name: found.misfits for name, (_, found) in fits.items() if found.misfits}

    assert [name for name in refused if not name.startswith("drawn-")] == []
    assert {m.why.partition(" before ")[0] for found in refused.values() for m in found} == {
        "Istio would try it"
    }
    assert len(fits) - len(refused) >= MAPPED_AT_LEAST


@pytest.mark.parametrize("later", ["both", "after"])
@pytest.mark.parametrize("place", PLACES)
def test_requests_are_answered_as_before(moments, fits, place, later):
    """Beside the VirtualService, in whatever order istiod takes the two, and in place of it."""
    then, now = moments["before"], moments[later]
    asked = {case.name: case for case in CASES if fits[case.name][1].routes}
    compared = [key for key in then if key[0] == place and key[1] in asked]
    found = {
        key: different[:2]
        for key in compared
        if (different := differences(then[key], now[key], asked[key[1]].paths))
    }

    assert found == {}
    assert len({name for _, name, _ in compared}) == len(asked)


def test_a_plainer_translation_would_be_seen(moments):
    assert set(moments["told"] or ()) == set(NAIVE)


def test_istiod_accepts_the_routes_and_the_api_server_adds_nothing(moments):
    """No default of the API is left to it, so that what a repository holds is what is stored."""
    cluster = Objects(*moments["stored"])
    target = {
        name: Target.of(cluster_ref) for name, cluster_ref in _refs(moments["stored"]).items()
    }
    verdicts = {
        name: observe(
            Check(predicate="route-accepted", about=one, says=""),
            Person(id="p", target=one, why="", title="", instruction=""),
            cluster,
        )
        for name, one in target.items()
    }

    assert {name: v.says for name, v in verdicts.items() if v.state is not State.DONE} == {}
    assert {_name(one): one["spec"] for one in moments["stored"]} == {
        name: one["spec"] for name, one in moments["routes"].items()
    }


def _refs(bodies):
    return {_name(body): _resource(body).ref for body in bodies}
