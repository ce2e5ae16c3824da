"""The order of servers that may call each other: no other closes less, by the exposure of whole plans."""

from itertools import groupby, permutations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from migrator.exposure.ways import Kind
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions
from migrator.planner.builder import put_together
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.decisions.layout import lay_out
from migrator.planner.ordering.arranging import Arranger
from migrator.planner.ordering.knots import Knot
from migrator.planner.ordering.order import put_in_order
from migrator.planner.outlook.exposing import exposed
from migrator.planner.phases.handover import hand_over
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

NAMESPACES = ("bank", "shop")
APPS = ("a", "b", "c")


@st.composite
def knotted(draw):
    """Guarded servers in a ring, with calls across it; some answer to a Service together."""
    names = APPS[: draw(st.integers(2, len(APPS)))]
    homes = [draw(st.sampled_from(NAMESPACES)) for _ in names]
    where = list(zip(homes, names, strict=True))
    found = [
        resource(kinds.NAMESPACE, "", home, metadata={"labels": {"istio-injection": "enabled"}})
        for home in sorted(set(homes))
    ]
    ring = {(n, (n + 1) % len(names)) for n in range(len(names))}
    number = st.integers(0, len(names) - 1)
    calls = ring | draw(st.sets(st.tuples(number, number), max_size=3))
    together = draw(st.integers(0, 2)) == 0
    labels = {"tier": "x"} if together else {}
    for home in sorted(set(homes)) if together else ():
        found += [_service_of_all(home, labels), draw(_policy(home, labels))]
    some = st.sampled_from([kinds.DEPLOYMENT, kinds.DEPLOYMENT, kinds.CRON_JOB])
    kind = {name: draw(some) for name in names}
    for home, name in where:
        found.append(workload(kind[name], home, name, labels))
        found.append(service(home, name))
        if not together:
            found.append(draw(_policy(home, {"app": name})))
    if draw(st.booleans()):
        mode = {"mtls": {"mode": "STRICT"}}
        found.append(resource(kinds.PEER_AUTHENTICATION, "istio-system", "default", spec=mode))
    graph = {
        "complete": True,
        "calls": [
            {
                "from": {
                    "namespace": where[a][0],
                    "name": where[a][1],
                    "kind": kind[names[a]].kind,
                },
                "to": {"namespace": where[b][0], "service": where[b][1]},
            }
            for a, b in sorted(calls)
        ],
    }
    return found, parse_calls(graph) if draw(st.booleans()) else None


def _service_of_all(home, labels):
    spec = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return resource(kinds.SERVICE, home, "all", spec=spec)


@st.composite
def _policy(draw, home, labels):
    rule = draw(
        st.sampled_from(
            [
                {"to": [{"operation": {"methods": ["DELETE"]}}]},
                {
                    "to": [{"operation": {"methods": ["DELETE"]}}],
                    "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/a"]}}],
                },
                {
                    "from": [{"source": {"namespaces": ["shop"]}}],
                    "to": [{"operation": {"paths": ["/x"]}}],
                },
            ]
        )
    )
    action = draw(st.sampled_from(["ALLOW", "DENY", "DENY"]))
    spec = {"selector": {"matchLabels": labels}, "action": action, "rules": [rule]}
    name = "-".join(labels.values())
    return resource(kinds.AUTHORIZATION_POLICY, home, f"p-{name}", spec=spec)


@settings(max_examples=12, deadline=None)
@given(knotted())
def test_no_order_closes_less_than_the_one_that_is_found(made):
    found, graph = made
    mesh = Mesh(Snapshot(found))
    layout = lay_out(mesh, analyze(mesh, all_rules()), PlanOptions(calls=graph))
    handover = hand_over(layout)
    draft = put_in_order(layout)
    plan = put_together(layout, handover, draft)
    assume(len(draft.knots) == 1)
    (knot,) = draft.knots
    calls = draft.known_callers
    chosen = put_in_order(layout, Arranger(layout, plan, calls))
    (best,) = chosen.knots

    costs = {
        tuple(w.ref for w in members): cost(layout, handover, members, calls)
        for members in permutations(knot.members)
    }
    mine = costs[tuple(w.ref for w in best.members)]
    assert mine == min(costs.values())
    assert bool(best.says) == (mine[1] > 0)


def cost(layout, handover, members, calls):
    """What opens, what closes, and the waves, of a whole plan with the knot's members in this order."""
    order = put_in_order(layout, lambda _: Knot(members))
    plan = put_together(layout, handover, order)
    refs = [w.ref for w in members]
    moves = [
        number
        for number, (_, _, step) in enumerate(plan.steps())
        if step.target.ref in refs and step.id.startswith(("move.", "wait."))
    ]
    seen = set()
    for caller in refs:
        known = {ref: calls.get(ref, frozenset(refs)) & {caller} for ref in refs}
        for one in exposed(layout.mesh, plan, known):
            change = one.change
            source = caller if change.principal else None
            place = (change.service, change.server, change.direct, change.port, change.policy)
            for moment in range(one.since, min(one.until, 2 * max(moves) + 3)):
                seen.add((one.kind, source, place, moment))
    end = 2 * max(moves) + 2
    on_the_way = {one for one in seen if (one[3] - 1) // 2 in moves and (*one[:3], end) not in seen}
    kinds_of = [one[0] for one in on_the_way]
    waves = len(list(groupby(w.namespace for w in members)))
    return kinds_of.count(Kind.OPENS), kinds_of.count(Kind.CLOSES), waves
