"""Whole rehearsals on the in-memory cluster, from the manifests of an example to the verdict."""

from itertools import count

import pytest
import yaml

from migrator.adapters.files import read_sources
from migrator.errors import BlockedPlanError, MigrateError
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.planner import PlanOptions, make_plan
from migrator.planner.file import planfile
from migrator.planner.file.invariants import broken
from migrator.rehearsal.calls import Answer
from migrator.rehearsal.faults import Trouble
from migrator.rehearsal.matrix import Ability
from migrator.rehearsal.recreate import DECIDING
from migrator.rehearsal.result import Outcome
from migrator.rehearsal.whole import Options, Subject, rehearse
from migrator.rules import all_rules
from tests.rehearsing import EXAMPLES, FakeProvider, tools

QUICK = Options(troubles=(), patience=60)


def subject(without=()):
    mesh = Mesh(read_sources([str(EXAMPLES / "shop" / "mesh")]).snapshot)
    mesh = mesh.changed({one.ref: None for kind in without for one in mesh.of(kind)})
    found = [f for rule in all_rules() for f in rule.check(mesh)]
    return Subject(mesh, make_plan(mesh, found, PlanOptions(soak_minutes=10), ()))


def run(provider, what=None, options=QUICK):
    return rehearse(what or subject(), provider, tools(provider.last), options)


def test_a_sound_plan_passes_and_the_cluster_is_gone():
    provider = FakeProvider()
    report = run(provider)
    assert report.verdict is Outcome.PASSED, report.reasons
    assert {(i.kind, i.service) for i in report.incidents} == {
        ("failed", "Service/warehouse/stock-db")
    }
    assert {one.expected for one in report.incidents} == {"plan"}  # AMB348: it has one replica
    assert min(report.baseline.allowed, report.baseline.denied) > 0 == report.baseline.unstable
    assert {"sidecar", "gateway", "outside"} <= report.baseline.callers.keys()
    assert [s.step for s in report.steps] == [s.id for _, _, s in subject().plan.steps()]
    assert report.samples == report.simulated_samples > 0
    assert report.reasons == ("every call was answered as before, and no fault was put in",)
    assert provider.last.installed == 1
    assert provider.last.deleted
    assert provider.last.traffic.stopped


@pytest.mark.parametrize("trouble", list(Trouble))
def test_each_fault_stops_the_run_and_is_rolled_back(trouble):
    provider = FakeProvider()
    report = run(provider, options=Options(troubles=(trouble,), patience=60))
    (fault,) = report.faults
    assert (fault.stopped, fault.rolled_back, fault.baseline_holds) == (True, True, True), fault
    assert report.verdict is Outcome.PASSED, report.reasons
    assert "every fault was stopped at" in report.reasons[0]
    assert provider.last.faults == [trouble]


def test_a_run_that_goes_on_through_a_fault_fails():
    def harmless(throwaway):
        throwaway.harmless = True

    report = run(FakeProvider(harmless), options=Options(troubles=(Trouble.IMAGE,), patience=60))
    assert report.verdict is Outcome.FAILED
    assert report.reasons == ("image-cannot-start: the run went on",)


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (Answer.DENIED, Answer.ALLOWED, "opened"),
        (Answer.ALLOWED, Answer.DENIED, "closed"),
        (Answer.ALLOWED, Answer.FAILED, "failed"),
    ],
)
def test_an_answer_that_changes_is_an_incident_with_its_step(before, now, kind):
    """From the moment on at which ambient is installed, every such call lies."""

    def lying(throwaway):
        def lie(_, answer):
            return now if throwaway.installed and answer is before else answer

        throwaway.traffic.lie = lie

    report = run(FakeProvider(lying))
    assert report.verdict is Outcome.FAILED
    wrong = [one for one in report.incidents if not one.expected]
    assert {one.kind for one in wrong} == {kind}
    first = wrong[0]
    assert first.wave == "ambient-components"
    assert "" not in {first.caller, first.service, first.request}


def test_a_run_that_nobody_saw_is_not_passed():
    """As when istiod stays behind the cluster: from some moment on there are no answers at all."""

    def silent(throwaway):
        ask = throwaway.traffic.take
        throwaway.traffic.take = lambda: () if throwaway.installed else ask()

    report = run(FakeProvider(silent))
    assert report.verdict is Outcome.INCONCLUSIVE
    told = [one for one in report.reasons if one.startswith("no call was answered for ")]
    where = [one.partition(" during ")[2] for one in told]
    assert where[0].startswith("the plan, at ")
    assert len(where) == len({*where})  # each step once, however often it was looked at


def test_a_look_without_an_answer_is_not_a_gap():
    """Callers take turns: two looks may be closer than two answers are."""

    def now_and_then(throwaway):
        ask, turns = throwaway.traffic.take, count()
        throwaway.traffic.take = lambda: ask() if next(turns) % 2 else ()

    report = run(FakeProvider(now_and_then))
    assert report.verdict is Outcome.PASSED, report.reasons


def edited(plan, edit):
    """The plan as somebody leaves it who edits its file; the invariants find nothing wrong in it."""
    data = yaml.safe_load(planfile.dump(plan))
    for phase in data["phases"]:
        for wave in phase["waves"]:
            wave["steps"] = [step for step in map(edit, wave["steps"]) if step]
    found = planfile.load(yaml.safe_dump(data))
    assert broken(found) == ()
    return found


def waypoint_allows_all(step):
    if step["id"].startswith("expand.copy."):
        step["manifest"]["spec"]["rules"] = [{}]
    return step


def waypoint_is_not_let_in(step):
    return None if step["id"].startswith("expand.allow.") else step


@pytest.mark.parametrize(
    ("edit", "kind"), [(waypoint_allows_all, "opened"), (waypoint_is_not_let_in, "closed")]
)
def test_a_bad_plan_fails_with_the_calls_that_show_it(edit, kind):
    what = subject()
    report = run(FakeProvider(), Subject(what.mesh, edited(what.plan, edit)))
    wrong = [one for one in report.incidents if not one.expected]
    assert report.verdict is Outcome.FAILED
    assert {(one.kind, one.service) for one in wrong} == {(kind, "Service/warehouse/stock")}
    assert wrong[0].step == "move.shop.deployment.cart"  # the first caller that the waypoint meets


def test_the_cluster_is_gone_too_when_something_breaks():
    def broken(throwaway):
        throwaway.cluster.faults.refuse("no", lambda write: write.ref.kind == "Deployment")

    provider = FakeProvider(broken)
    report = run(provider, options=QUICK)
    assert report.verdict is Outcome.FAILED
    assert provider.last.deleted

    def dies(throwaway):
        def lie(*_):
            raise KeyboardInterrupt

        throwaway.traffic.lie = lie

    provider = FakeProvider(dies)
    with pytest.raises(KeyboardInterrupt):
        run(provider)
    assert provider.last.deleted


def test_it_is_kept_when_that_was_asked_for():
    provider = FakeProvider()
    run(provider, options=QUICK._replace(keep=True))
    assert not provider.last.deleted


def test_a_policy_that_cannot_be_made_again_leaves_no_verdict():
    def refusing(throwaway):
        throwaway.cluster.faults.refuse(
            "no such field", lambda write: write.ref.kind == "PeerAuthentication"
        )

    report = run(FakeProvider(refusing))
    assert report.verdict is Outcome.INCONCLUSIVE
    assert "no such field" in report.reasons[0]


def test_nothing_to_rehearse_is_said_before_a_cluster_is_made():
    what = subject()
    empty = what.plan.model_copy(update={"phases": ()})
    with pytest.raises(MigrateError, match="nothing to rehearse"):
        run(FakeProvider(), Subject(what.mesh, empty))


def test_a_blocked_plan_is_refused_before_a_cluster_is_made():
    what = subject()
    blocked = what.plan.model_copy(update={"blockers": what.plan.acknowledgements[:1]})
    with pytest.raises(BlockedPlanError):
        run(FakeProvider(), Subject(what.mesh, blocked))


@pytest.mark.parametrize(
    ("answer", "says"),
    [(Answer.DENIED, "an outage could not show"), (Answer.ALLOWED, "a hole could not show")],
)
def test_a_baseline_of_one_kind_proves_nothing_about_the_other(answer, says):
    def one_sided(throwaway):
        throwaway.traffic.lie = lambda *_: answer

    report = run(FakeProvider(one_sided))
    assert report.verdict is Outcome.INCONCLUSIVE
    assert says in report.reasons[0]


def test_a_mesh_without_policies_has_nothing_to_deny():
    report = run(FakeProvider(), subject(without=DECIDING))
    assert (report.verdict, report.baseline.denied) == (Outcome.PASSED, 0), report.reasons


def test_where_nothing_enforces_a_network_policy_the_report_says_so():
    what = subject(without=DECIDING)
    ref = Ref("networking.k8s.io", "NetworkPolicy", "shop", "closed")
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": "shop"},
        "spec": {"podSelector": {}},
    }
    what = what._replace(mesh=what.mesh.changed({ref: Resource(ref, body)}))
    provider = FakeProvider()
    provider.nature = provider.nature._replace(ability=Ability(networks=False))
    report = run(provider, what)
    assert report.verdict is Outcome.INCONCLUSIVE
    (reason,) = report.reasons
    assert "there are NetworkPolicy" in reason
    assert "nothing here enforces a NetworkPolicy" in reason
    assert "what NetworkPolicies refuse: nothing here enforces them" in report.left_out
    assert (
        "what NetworkPolicies refuse: nothing here enforces them"
        not in run(FakeProvider()).left_out
    )


def test_rollouts_are_refused_where_nobody_rolls_them_out():
    what = subject()
    (moved, *_) = (s for _, _, s in what.plan.steps() if s.target.kind == "Deployment")
    target = moved.target.model_copy(update={"group": "argoproj.io", "kind": "Rollout"})
    with pytest.raises(MigrateError, match="Rollouts") as caught:
        run(FakeProvider(), Subject(what.mesh, retargeted(what.plan, moved.id, target)))
    assert caught.value.detail == str(target.ref)


def retargeted(plan, step, target):
    """The plan with another target of one step."""
    data = plan.model_dump(mode="json", by_alias=True)
    for one in (s for p in data["phases"] for w in p["waves"] for s in w["steps"]):
        if one["id"] == step:
            one["target"] = target.model_dump(mode="json")
    return type(plan).model_validate(data)


def test_errors_are_put_in_where_a_call_would_show_them():
    def nobody_is_served(throwaway):
        throwaway.traffic.lie = lambda *_: Answer.DENIED

    how = Options(troubles=(Trouble.ERRORS,), patience=60)
    assert len(run(FakeProvider(), options=how).faults) == 1
    report = run(FakeProvider(nobody_is_served), options=how)
    assert report.faults == ()
    assert "service-answers-503: the plan has no step that could meet it" in report.left_out


def test_enrolment_is_hindered_where_the_plan_enrols_because_whoever_installs_would_mend_it():
    def mends(throwaway):
        install = throwaway.install_ambient

        def anew():
            install()
            throwaway.cluster.faults.cni = "enabled"

        throwaway.install_ambient = anew

    (met,) = run(FakeProvider(mends), options=Options(troubles=(Trouble.ENROLMENT,))).faults
    assert (met.stopped, met.rolled_back, met.differs) == (True, True, ())
