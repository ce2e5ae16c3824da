"""Servers that may call each other: which order the planner takes, and what it says of it."""

from itertools import permutations
from pathlib import Path

import pytest

from migrator.exposure.ways import Kind
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, builder, make_plan
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.ordering import arranging
from migrator.planner.ordering.order import put_in_order
from migrator.planner.ordering.searching import AT_MOST, EXACT, Cost, best, total
from migrator.planner.outlook.exposing import exposed
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

DOCS = Path(__file__).parents[2] / "docs"


def guarded(name, home="shop"):
    rules = [{"to": [{"operation": {"methods": ["DELETE"]}}]}]
    spec = {"selector": {"matchLabels": {"app": name}}, "action": "DENY", "rules": rules}
    return [
        workload(kinds.DEPLOYMENT, home, name, {}),
        service(home, name),
        resource(kinds.AUTHORIZATION_POLICY, home, f"p-{name}", spec=spec),
    ]


def mesh(*names):
    """Guarded servers, each `name` or `name.namespace`."""
    where = [(name, home or "shop") for name, _, home in (one.partition(".") for one in names)]
    labels = {"labels": {"istio-injection": "enabled"}}
    homes = sorted({home for _, home in where})
    found = [resource(kinds.NAMESPACE, "", home, metadata=labels) for home in homes]
    found += [one for name, home in where for one in guarded(name, home)]
    strict = {"mtls": {"mode": "STRICT"}}
    found.append(resource(kinds.PEER_AUTHENTICATION, "istio-system", "default", spec=strict))
    return Mesh(Snapshot(found))


def graph(*calls):
    """Calls, each `caller>callee`, and nothing else."""
    told = []
    for one in calls:
        (caller, _, a), (callee, _, b) = (side.partition(".") for side in one.split(">"))
        told.append(
            {
                "from": {"namespace": a or "shop", "name": caller},
                "to": {"namespace": b or "shop", "service": callee},
            }
        )
    return parse_calls({"complete": True, "calls": told})


def planned(found, calls):
    return make_plan(found, analyze(found, all_rules()), PlanOptions(calls=calls))


def moved(plan):
    return [s.target.name for _, _, s in plan.steps() if s.id.startswith("move.")]


def refused(found, plan):
    """How many calls are refused that are not refused at the end, at each moment, caller by caller."""
    calls = {one.target.ref: {caller.ref for caller in one.callers} for one in plan.callers}
    count = 0
    for caller in set().union(*calls.values()):
        known = {ref: frozenset(refs & {caller}) for ref, refs in calls.items()}
        closes = {one for one in exposed(found, plan, known) if one.kind is Kind.CLOSES}
        count += sum(
            one.until - one.since for one in closes if one.until < 2 * len(plan.steps()) + 1
        )
    return count


def said(plan):
    return [a.says for a in plan.acknowledgements if a.code == "PLAN01"]


@pytest.mark.parametrize(
    ("names", "calls", "order"),
    [
        # by name, the calls of all others to a are refused; so only that of a to b is
        ("abcd", ("b>a", "c>a", "d>a", "a>b", "b>c", "c>d"), ["b", "c", "d", "a"]),
        ("abc", ("c>b", "b>a", "a>c"), ["a", "c", "b"]),
    ],
)
def test_the_order_that_refuses_least_is_taken(monkeypatch, names, calls, order):
    found, calls = mesh(*names), graph(*calls)
    plan = planned(found, calls)
    monkeypatch.setattr(arranging, "AT_MOST", 0)
    by_name = planned(found, calls)

    assert moved(by_name) == sorted(names)
    assert moved(plan) == order
    assert refused(found, plan) < refused(found, by_name)
    assert "All orders of these" in said(plan)[0]
    assert "were not compared" in said(by_name)[0]


def test_waves_of_two_namespaces_take_turns_where_that_refuses_less():
    found = mesh("a.one", "b.two", "c.two", "d.one")
    ring = ("a.one>b.two", "b.two>c.two", "c.two>d.one", "d.one>a.one")
    across = ("a.one>c.two", "a.one>d.one", "b.two>d.one")
    plan = planned(found, graph(*ring, *across))
    waves = [wave.name for wave in plan.phases[-2].waves if wave.name.startswith("switch-")]

    assert waves == ["switch-one-1", "switch-two", "switch-one-2"]
    assert moved(plan) == ["a", "b", "c", "d"]


def test_what_nobody_refuses_on_the_way_is_not_asked_about():
    """Each of them is denied by the other already: whom the guards refuse was refused before."""
    found = mesh("a", "b")
    rules = [{"from": [{"source": {"notPrincipals": ["cluster.local/ns/x/sa/x"]}}]}]
    denies = [
        resource(
            kinds.AUTHORIZATION_POLICY,
            "shop",
            f"never-{name}",
            spec={"selector": {"matchLabels": {"app": name}}, "action": "DENY", "rules": rules},
        )
        for name in "ab"
    ]
    asked = planned(found, graph("a>b", "b>a"))
    silent = planned(Mesh(Snapshot([*found.snapshot, *denies])), graph("a>b", "b>a"))

    assert said(asked)
    assert said(silent) == []


def test_too_many_are_left_in_the_order_of_their_names():
    names = [f"s{number:02}" for number in range(AT_MOST + 1)]
    ring = [f"{a}>{b}" for a, b in zip(names, [*names[1:], names[0]], strict=True)]
    plan = planned(mesh(*names), graph(*ring))

    assert moved(plan) == names
    assert "were not compared" in said(plan)[0]


def test_knots_of_namespaces_that_are_alike_are_searched_once(monkeypatch):
    names = [f"{name}.team-{number}" for number in range(4) for name in "abc"]
    rings = [
        f"{a}.team-{number}>{b}.team-{number}" for number in range(4) for a, b in ("cb", "ba", "ac")
    ]
    searched = []
    monkeypatch.setattr(
        "migrator.planner.ordering.arranging.best",
        lambda homes, _: searched.append(homes) or (2, 0, 1),
    )
    plan = planned(mesh(*names), graph(*rings))

    assert searched == [["team-0"] * 3]
    assert moved(plan) == ["c", "a", "b"] * 4


def test_without_a_cycle_nothing_is_searched(monkeypatch):
    found = mesh("a", "b", "c")
    layout = builder.lay_out(found, analyze(found, all_rules()), PlanOptions(calls=graph("a>b")))
    monkeypatch.setattr(builder, "Arranger", None)

    assert put_in_order(layout).knots == ()
    assert moved(planned(found, graph("a>b", "b>c"))) == ["a", "b", "c"]


class Table:
    """Costs that are made up: of each after each set."""

    def of(self, done, one):
        number = (sum(2**n for n in done) * 31 + one * 17) % 23
        return Cost(closes=number)


@pytest.mark.parametrize("homes", ["aaaa", "abab", "abcabc"])
def test_no_order_is_better_than_the_best_of_a_few(homes):
    every = [total(order, homes, Table()) for order in permutations(range(len(homes)))]
    assert total(best(homes, Table()), homes, Table()) == min(every)


def test_of_many_the_order_is_no_worse_than_the_first():
    homes = "ab" * EXACT
    first = tuple(range(len(homes)))
    assert total(best(homes, Table()), homes, Table()) < total(first, homes, Table())


def test_the_pages_name_the_limits_of_the_search():
    exact = {10: "ten"}[EXACT]
    plan, exposure = ((DOCS / name).read_text() for name in ("plan.md", "exposure.md"))
    assert f"Up to {exact} such servers" in plan
    assert f"up to {AT_MOST}, one after another" in plan
    assert f"Of more than {AT_MOST} servers in a" in exposure
