"""A step's text that is told of another is, to the byte, what would be written for that step itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.planner.file import alike, planfile
from migrator.planner.file.alike import Alike
from migrator.planner.plan import Header, Phase, PhaseName, Plan, Wave
from migrator.report import plan_markdown
from migrator.steps import Check, CreateObject, Person, RestartWorkload, SetLabels, Target

NAMESPACES = ("team-1", "team-2", "shop", "bank", "123456", "1e-001", "2020-01-01", "payment-eu")
NAMES = ("web-app", "web-api", "team-1", "team-1-web", "team-2-web", "restart-workload", "no", "on")
_WORDS = st.sampled_from(
    [
        "HOME", "NAME", "xHOME", "HOME-x", "NAME.HOME", "cluster.local/ns/HOME/sa/NAME", "HOMENAME",
        "says:", "#", "it's", "`", "*", "|", "<b>", "\n", "  ", "1.", "0x", "-", "yes", "=", "é",
        "\x00", "\x01", "a-sentence-of-words", "and", "so", "on", "restart-workload",
    ]
)  # fmt: skip
_TEXTS = st.one_of(
    st.lists(_WORDS, max_size=3).map("".join), st.lists(_WORDS, max_size=24).map(" ".join)
)
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.integers(), st.booleans()),
    lambda parts: st.one_of(
        st.lists(parts, max_size=3), st.dictionaries(_TEXTS, parts, max_size=3)
    ),
    max_leaves=6,
)
_LABELS = st.dictionaries(_TEXTS, st.one_of(st.none(), _TEXTS), max_size=3)
_TARGETS = st.sampled_from([("apps", "Deployment", "HOME"), ("", "Namespace", "")])
_STEPS = st.one_of(
    st.tuples(st.just(CreateObject), st.fixed_dictionaries({"manifest": st.dictionaries(_TEXTS, _VALUES)})),
    st.tuples(st.just(SetLabels), st.fixed_dictionaries({"labels": _LABELS, "old": _LABELS})),
    st.tuples(st.just(Person), st.fixed_dictionaries({"title": _TEXTS, "instruction": _TEXTS})),
    st.tuples(st.just(RestartWorkload), st.just({})),
)  # fmt: skip
_COMMON = st.fixed_dictionaries({"id": _TEXTS, "why": _TEXTS, "says": _TEXTS})


def _named(value, home, name):
    if isinstance(value, dict):
        return {_named(k, home, name): _named(v, home, name) for k, v in value.items()}
    if isinstance(value, list):
        return [_named(one, home, name) for one in value]
    if isinstance(value, str):
        return value.replace("HOME", home).replace("NAME", name)
    return value


def _step(made, common, target, home, name):
    (kind, fields), (group, of, namespace) = made, target
    at = Target(group=group, kind=of, namespace=_named(namespace, home, name), name=name)
    said = _named(common, home, name)
    after = (Check(predicate="rolled-out", about=at, says=said["says"]),)
    rest = _named(fields, home, name)
    return kind(id=said["id"], target=at, why=said["why"], after=after, **rest)


def _plan(steps):
    header = Header(
        snapshot="sha256:0", istio="1.30.0", istio_assumed=False, root_namespace="istio-system",
        trust_domain="cluster.local", calls="none",
    )  # fmt: skip
    wave = Wave(name="wave", goal="All.", steps=tuple(steps))
    return Plan(
        tool="migrate", header=header, assumptions=(), scope=(), waypoints=(), blockers=(),
        acknowledgements=(), exclusions=(),
        phases=(Phase(name=PhaseName.SWITCH, goal="All.", waves=(wave,)),),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_STEPS, _COMMON, _TARGETS)
def test_the_plan_and_its_report_are_written_as_step_by_step(made, common, target):
    steps = [_step(made, common, target, home, name) for name in NAMES for home in NAMESPACES]
    plan = _plan(steps)
    together = planfile.dump(plan), plan_markdown.render(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Alike, "__call__", lambda self, step: self._write(step))
        alone = planfile.dump(plan), plan_markdown.render(plan)
    assert together == alone


def _restart(home, name):
    return _step((RestartWorkload, {}), {"id": "HOME.NAME", "why": "", "says": ""},
                 ("apps", "Deployment", "HOME"), home, name)  # fmt: skip


def _written(steps):
    written = []
    write = Alike(lambda step: written.append(step.id) or step.model_dump_json())
    assert [write(step) for step in steps] == [step.model_dump_json() for step in steps]
    return written


def test_steps_that_differ_in_names_of_one_length_are_written_once():
    steps = [
        _restart(home, name) for home in ("team-1", "team-2") for name in ("web-app", "web-api")
    ]
    assert _written(steps) == ["team-1.web-app"]


def test_a_name_that_might_be_taken_for_a_number_or_a_word_is_looked_at_by_itself():
    homes = ("shop", "bank", "1e-0001", "1e-0002", "e-00001", "e-00002")
    assert len(_written([_restart(home, "a") for home in homes])) == len(homes)


def test_only_so_many_texts_are_kept(monkeypatch):
    monkeypatch.setattr(alike, "_KEPT", 1)
    steps = [_restart(home, name) for name in ("web-app", "web") for home in ("team-1", "team-2")]
    assert _written([*steps, steps[0]]) == [
        "team-1.web-app", "team-1.web", "team-1.web-app"
    ]  # fmt: skip
