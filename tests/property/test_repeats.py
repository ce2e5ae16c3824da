"""What is told of one namespace for all that are alike is what each would be told by itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.exposure.crowd import Crowd
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner.outlook.course import Course
from migrator.planner.outlook.exposing import exposed, on_course
from migrator.planner.outlook.likeness import Likeness
from migrator.planner.outlook.rerouting import rerouted
from migrator.planner.outlook.reverting import reverted
from tests.property.meshes import planned, resource, service, workload

TEAMS = tuple(f"team-{number}" for number in range(1, 7))
FROM = {
    "anybody": [],
    "neighbour": [{"source": {"principals": ["cluster.local/ns/HOME/sa/b"]}}],
    "edge": [{"source": {"principals": ["cluster.local/ns/edge/sa/web"]}}],
    "namespaces": [{"source": {"namespaces": ["HOME", "edge"]}}],
    "not the edge": [{"source": {"notNamespaces": ["edge"]}}],
    "any b": [{"source": {"principals": ["*/sa/b"]}}],
}
TO = {"all": [], "reads": [{"operation": {"methods": ["GET"]}}]}


@st.composite
def teams(draw):
    """Namespaces that are alike, or all but one, and one that calls them."""
    found = [
        resource(kinds.NAMESPACE, "", "edge", metadata={"labels": {"istio-injection": "enabled"}}),
        workload(kinds.DEPLOYMENT, "edge", "web", {}),
    ]
    one = draw(_rules())
    strict = draw(st.booleans())
    odd = draw(st.sampled_from([*TEAMS, ""]))
    for home in TEAMS:
        found += _team(home)
        action, source, operation = draw(_rules()) if home == odd else one
        rule = {"from": FROM[source], "to": TO[operation]}
        rule = {key: value for key, value in rule.items() if value}
        spec = {"selector": {"matchLabels": {"app": "a"}}, "action": action, "rules": [rule]}
        found.append(resource(kinds.AUTHORIZATION_POLICY, home, "p", spec=_at(home, spec)))
        if strict:
            mode = {"mtls": {"mode": "STRICT"}}
            found.append(resource(kinds.PEER_AUTHENTICATION, home, "strict", spec=mode))
    return [*found, *draw(_sending())]


@st.composite
def _sending(draw):
    """A DestinationRule that says what is sent: of one namespace, of each, of the mesh, of a caller's."""
    tls = {"tls": {"mode": draw(st.sampled_from(["DISABLE", "ISTIO_MUTUAL"]))}}
    homes = {
        "nobody": (),
        "each": TEAMS,
        "one": TEAMS[:1],
        "mesh": ("istio-system",),
        "edge": ("edge",),
    }
    host = draw(st.sampled_from(["a.HOME.svc.cluster.local", "*.local"]))
    exported = draw(st.sampled_from([{}, {"exportTo": ["."]}, {"exportTo": ["edge", TEAMS[1]]}]))
    return [
        resource(
            kinds.DESTINATION_RULE, home, "sent",
            spec=_at(home if home in TEAMS else TEAMS[2], {"host": host, "trafficPolicy": tls, **exported}),
        )
        for home in homes[draw(st.sampled_from(list(homes)))]
    ]  # fmt: skip


def _team(home):
    """A namespace with two workloads behind Services."""
    meta = {"labels": {"istio-injection": "enabled"}}
    return [
        resource(kinds.NAMESPACE, "", home, metadata=meta),
        *(workload(kinds.DEPLOYMENT, home, name, {}) for name in "ab"),
        *(service(home, name) for name in "ab"),
    ]


def _by_itself(ask):
    """What is said where no namespace counts as like another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Likeness, "key", lambda _, locality: locality.namespace)
        return ask()


def _rules():
    return st.tuples(
        st.sampled_from(["ALLOW", "DENY"]), st.sampled_from(list(FROM)), st.sampled_from(list(TO))
    )


def _at(home, value):
    if isinstance(value, dict):
        return {key: _at(home, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_at(home, one) for one in value]
    return value.replace("HOME", home) if isinstance(value, str) else value


@settings(max_examples=12, deadline=None)
@given(teams(), st.randoms(use_true_random=False))
def test_a_namespace_is_told_the_same_by_itself(found, random):
    """In whatever order somebody put the waves: the first namespace may be the last to move."""
    mesh = Mesh(Snapshot(found))
    plan = _shuffled(planned(mesh), random)
    together = exposed(mesh, plan)
    alone = _by_itself(lambda: exposed(mesh, plan))
    assert _plain(together) == _plain(alone)


@settings(max_examples=4, deadline=None)
@given(teams(), st.randoms(use_true_random=False), st.booleans())
def test_the_way_back_and_the_routes_are_told_the_same_by_itself(found, random, jobs):
    """Jobs run on in a rollback, which opens something then."""
    for home in TEAMS:
        policy = {"connectionPool": {"tcp": {"maxConnections": 9}}}
        spec = {"host": "b", "trafficPolicy": policy}
        found.append(resource(kinds.DESTINATION_RULE, home, "b", spec=spec))
        if jobs:
            tokens = {"selector": {"matchLabels": {"app": "j"}}, "jwtRules": [{"issuer": "i"}]}
            found += [
                workload(kinds.CRON_JOB, home, "j", {}),
                service(home, "j"),
                resource(kinds.REQUEST_AUTHENTICATION, home, "tokens", spec=tokens),
            ]
    mesh = Mesh(Snapshot(found))
    plan = _shuffled(planned(mesh), random)
    together = _back_and_routes(mesh, plan)
    alone = _by_itself(lambda: _back_and_routes(mesh, plan))
    assert together == alone
    assert together[1]
    assert bool(together[0]) is jobs


def _back_and_routes(mesh, plan):
    course = Course(mesh, plan)
    back = _plain(reverted(course, on_course(course)))
    routes = {one._replace(principal="") for one in rerouted(course)}
    return back, routes


def _shuffled(plan, random):
    """Namespace by namespace, each in its own order."""
    rank = {name: random.random() for name in ("edge", *TEAMS)}
    phases = [
        phase.model_copy(
            update={"waves": tuple(sorted(phase.waves, key=lambda wave: rank.get(_home(wave), 0)))}
        )
        for phase in plan.phases
    ]
    return plan.model_copy(update={"phases": tuple(phases)})


def _home(wave):
    target = wave.steps[0].target
    return target.namespace or target.name


def _plain(found):
    """Who stands for callers whom no policy names may differ."""
    return {
        one._replace(change=one.change._replace(principal="") if one.change.alike else one.change)
        for one in found
    }


def test_alike_namespaces_are_looked_at_once(monkeypatch):
    found = []
    for home in TEAMS:
        spec = {
            "selector": {"matchLabels": {"app": "a"}},
            "rules": [{"from": _at(home, FROM["neighbour"]), "to": TO["reads"]}],
        }
        found += [*_team(home), resource(kinds.AUTHORIZATION_POLICY, home, "p", spec=spec)]
    mesh = Mesh(Snapshot(found))
    plan = planned(mesh)
    looked = []
    during = Crowd.during
    monkeypatch.setattr(
        Crowd, "during", lambda crowd, *key: looked.append(key) or during(crowd, *key)
    )
    told = exposed(mesh, plan)
    alike = len(looked)
    looked.clear()
    assert len(_by_itself(lambda: exposed(mesh, plan))) == len(told) > 0
    assert alike < len(looked)
