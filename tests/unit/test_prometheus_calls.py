"""What measured calls become, and what the planner makes of them."""

import pytest
import yaml

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.decisions.callers import possible_callers
from migrator.planner.decisions.calls import Measured, dump_calls, parse_calls
from migrator.planner.decisions.measured import Flow, measured_graph
from migrator.rules import all_rules, analyze
from tests.property.meshes import workload
from tests.unit.test_cli import run
from tests.unit.test_planner import policy, shop

MEASURED = Measured(at="http://prometheus", window="7d", until="2026-01-02 03:04 UTC")
NOBODY = ("", "unknown")


def flow(source, server, called=None):
    """A call in namespace shop; `called` is the Service when its name is not the workload's."""
    return Flow(
        ("shop", source) if isinstance(source, str) else source,
        ("shop", server),
        ("shop", called or server),
    )


def graph(found, *flows):
    return measured_graph(Mesh(Snapshot(found)), flows, MEASURED)


def said(found):
    return [f"{call.caller} -> {call.callee}" for call in found.calls]


def test_every_reporter_of_a_call_gives_one_edge():
    found = graph(
        shop("a", "b"), flow("a", "b"), flow("a", "b"), Flow(("shop", "a"), NOBODY, ("shop", "b"))
    )

    assert said(found) == ["Deployment/shop/a -> Service/shop/b"]
    assert not found.complete
    assert found.measured == MEASURED


def test_one_name_of_two_kinds_counts_twice():
    """The metrics do not say which."""
    found = graph([*shop("a", "b"), workload(kinds.STATEFUL_SET, "shop", "a", {})], flow("a", "b"))

    assert said(found) == [
        "Deployment/shop/a -> Service/shop/b",
        "StatefulSet/shop/a -> Service/shop/b",
    ]


def test_the_label_that_renames_a_workload_in_metrics():
    label = {"service.istio.io/workload-name": "storefront"}
    found = graph(
        [*shop("b"), workload(kinds.DEPLOYMENT, "shop", "a", label)], flow("storefront", "b")
    )

    assert said(found) == ["Deployment/shop/a -> Service/shop/b"]


def test_pods_that_are_called_without_a_service():
    """Their workload is the callee; a Service that leads elsewhere is not blamed alone."""
    found = graph(
        [*shop("a", "b"), workload(kinds.DEPLOYMENT, "shop", "c", {})],
        flow("a", "c", "unknown"),
        flow("a", "c", "b"),
    )

    assert said(found) == [
        "Deployment/shop/a -> Deployment/shop/c",
        "Deployment/shop/a -> Service/shop/b",
    ]


def test_strangers_are_listed_and_are_no_callers():
    """From outside the mesh; deleted since; and hosts of the internet, which are nobody's server."""
    found = graph(
        shop("a", "b"),
        flow(NOBODY, "b"),
        flow("gone", "b"),
        flow("a", "vanished"),
        Flow(("shop", "a"), NOBODY, ("shop", "api.example.com")),
        Flow(("shop", "a"), NOBODY, ("unknown", "PassthroughCluster")),
    )

    assert found.calls == ()
    assert [str(callee) for callee in found.measured.outside] == ["Service/shop/b"]
    assert found.measured.unplaced == ("called shop/vanished", "caller shop/gone")


def test_a_saved_graph_reads_back_whole():
    found = graph(shop("a", "b"), flow("a", "b"), flow(NOBODY, "b"))

    assert parse_calls(yaml.safe_load(dump_calls(found))) == found


@pytest.mark.parametrize(
    "to", [{"namespace": "shop"}, {"namespace": "s", "service": "b", "workload": "b"}]
)
def test_a_callee_is_one_thing(to):
    with pytest.raises(ValueError, match="either `service` or `workload`"):
        parse_calls({"calls": [{"from": {"namespace": "shop", "name": "a"}, "to": to}]})


def callers(found, calls):
    mesh = Mesh(Snapshot(found))
    (server,) = (w for w in mesh.workloads if w.name == "b")
    answer = possible_callers(mesh, server, calls)
    return answer.workloads and sorted(ref.name for ref in answer.workloads)


def test_what_was_measured_takes_no_caller_away():
    """Nobody bounds b's callers, and only c was seen to call it: a may still."""
    found = shop("a", "b", "c")

    assert callers(found, graph(found, flow("c", "b"))) is None


def test_what_was_measured_adds_to_those_that_policies_name():
    source = {"principals": ["cluster.local/ns/shop/sa/a"]}
    allow = {
        "selector": {"matchLabels": {"app": "b"}}, "action": "ALLOW",
        "rules": [{"from": [{"source": source}], "to": [{"operation": {"methods": ["GET"]}}]}],
    }  # fmt: skip
    found = [*shop("a", "b", "c"), policy("b", allow)]
    measured = graph(found, flow("c", "b"))

    assert callers(found, None) == ["a"]
    assert callers(found, measured) == ["a", "c"]


def test_a_person_who_calls_it_complete_is_taken_at_their_word():
    found = shop("a", "b", "c")
    measured = graph(found, flow("c", "b")).model_copy(update={"complete": True})

    assert callers(found, measured) == ["c"]


def test_a_measured_call_contradicts_a_graph_declared_complete_and_is_kept():
    found = shop("a", "b", "c")
    declared = parse_calls(
        {
            "complete": True,
            "calls": [
                {"from": {"namespace": "shop", "name": "a"}, "to": {"namespace": "shop", "service": "b"}}
            ],
        }
    )  # fmt: skip

    assert callers(found, declared.joined(graph(found, flow("c", "b")))) == ["a", "c"]


@pytest.mark.parametrize(
    ("complete", "says", "header"),
    [(False, "they add callers", "partial"), (True, "a person says", "complete")],
)
def test_the_plan_says_what_was_measured_and_what_that_is_worth(complete, says, header):
    found = shop("a", "b")
    measured = graph(found, flow("a", "b"), flow(NOBODY, "b"), flow("gone", "b")).model_copy(
        update={"complete": complete}
    )
    mesh = Mesh(Snapshot(found))
    made = make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(calls=measured))
    text = "\n".join(made.assumptions)

    assert "measured over 7d until 2026-01-02 03:04 UTC at http://prometheus" in text
    assert says in text
    assert "outside the mesh were measured at Service/shop/b" in text
    assert "caller shop/gone" in text
    assert made.header.calls == header


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--save-calls", "x.yaml"], "--prometheus URL is missing"),
        (["--calls-complete"], "--calls or --prometheus is missing"),
        (["--prometheus", "file:///etc/passwd"], "no http:// or https://"),
        (["--prometheus", "http://127.0.0.1:1", "--prometheus-window", "long"], "no duration"),
    ],
)
def test_mistakes_in_options_are_usage_errors(options, says):
    done = run("plan", "plans/examples/shop/mesh", *options, env={"COLUMNS": "200", "TERM": "dumb"})

    assert done.exit_code == 2
    assert says in done.stderr
