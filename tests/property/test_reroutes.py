"""What is told of routing by Service and by classes of callers is what every caller of every moment meets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.exposure.callers import may_call, ways_of
from migrator.exposure.calling import Caller
from migrator.exposure.routing import Bound, Client, behaviours
from migrator.exposure.shaping import Call, shift
from migrator.exposure.shaping import settings as done
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner.outlook.course import Course
from migrator.planner.outlook.moments import moments
from migrator.planner.outlook.rerouting import rerouted
from tests.property.meshes import APPS, NAMESPACES, planned_with_all_accepted, resource, resources

ROUTED = (Caller.AMBIENT, Caller.GATEWAY, Caller.OUTSIDE, Caller.SIDECAR)
HOSTS = [f"{app}.{home}.svc.cluster.local" for app in APPS for home in NAMESPACES]
_exported = st.sampled_from([{}, {}, {"exportTo": ["."]}, {"exportTo": ["bank"]}])
_match = st.sampled_from([[], [], [{"sourceLabels": {"app": "b"}}], [{"sourceNamespace": "bank"}]])
_policy = st.sampled_from(
    [
        {"connectionPool": {"tcp": {"maxConnections": 9}}},
        {"loadBalancer": {"consistentHash": {"useSourceIp": True}}},
        {"tls": {"mode": "ISTIO_MUTUAL"}},
    ]
)


@st.composite
def shaped(draw):
    """A mesh with routes and DestinationRules for its Services."""
    found = draw(resources())
    for number in range(draw(st.integers(1, 3))):
        host, home = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(NAMESPACES))
        to = {"route": [{"destination": {"host": host}}]}
        http = [{"match": draw(_match), "timeout": f"{number}s", **to}, to]
        spec = {"hosts": [host], "http": http, **draw(_exported)}
        found.append(resource(kinds.VIRTUAL_SERVICE, home, f"r{number}", spec=spec))
    for number in range(draw(st.integers(0, 2))):
        host, home = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(NAMESPACES))
        chosen = draw(st.sampled_from([{}, {"workloadSelector": {"matchLabels": {"app": "a"}}}]))
        spec = {"host": host, "trafficPolicy": draw(_policy), **chosen, **draw(_exported)}
        found.append(resource(kinds.DESTINATION_RULE, home, f"d{number}", spec=spec))
    return found


@settings(max_examples=40, deadline=None)
@given(shaped())
def test_every_reroute_of_some_moment_is_told_and_no_other(found):
    mesh = Mesh(Snapshot(found))
    plan = planned_with_all_accepted(mesh)
    first, *later = moments(mesh, plan)
    seen = {one for moment in later for one in _met(first.state, moment.state)}
    told = {(one.service, one.before, one.now, one.shift) for one in rerouted(Course(mesh, plan))}

    assert told == seen


def _met(start, state):
    for workload in filter(may_call, start.mesh.workloads):
        later = state.mesh.workload(workload.ref)
        was, now = ways_of(start, workload), ways_of(state, later)
        for service in start.mesh.services.all:
            for caller in now & set(ROUTED):
                for before in {caller} if caller in was else was & set(ROUTED):
                    then = _done(start, before, workload, service)
                    today = _done(state, caller, workload, service)
                    if then is not None and today is not None and shift(then, today):
                        yield service.ref, before, caller, shift(then, today)


def _done(state, caller, workload, service):
    here = state.mesh.services.get(service.ref)
    client = Client(caller, workload.namespace, workload.labels)
    acting = behaviours(state.mesh, client, here, Bound.of(state, here))
    if any(one.refused for one in acting):
        return None
    return done(state.mesh, Call(client, here), acting, {})
