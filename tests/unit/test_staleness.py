"""Which changes make a plan stale, named by object and field, and which do not."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.mergepatch import merged
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.file.staleness import changes
from migrator.rules import all_rules, analyze

SCENARIO = Path(__file__).parents[2] / "e2e" / "scenarios" / "guarded.yaml"
NAMESPACE = Ref(*kinds.NAMESPACE, "", "scene")
ORDERS = Ref(*kinds.DEPLOYMENT, "scene", "orders")
SERVICE = Ref(*kinds.SERVICE, "scene", "orders")
POLICY = Ref(*kinds.AUTHORIZATION_POLICY, "scene", "orders-reading")


@pytest.fixture(scope="module")
def planned():
    snapshot = read_sources([str(SCENARIO)]).snapshot
    mesh = Mesh(snapshot)
    return make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(soak_minutes=0)), snapshot


def found(planned, now):
    plan, then = planned
    return [str(change) for change in changes(plan, then, Snapshot(now))]


def patched(snapshot, ref, patch):
    assert any(one.ref == ref for one in snapshot), ref
    return [
        replace(one, body=merged(copy.deepcopy(one.body), patch)) if one.ref == ref else one
        for one in snapshot
    ]


def without(snapshot, ref):
    return [one for one in snapshot if one.ref != ref]


def body_of(snapshot, ref):
    return next(one.body for one in snapshot if one.ref == ref)


def test_the_same_mesh_is_not_stale(planned):
    assert found(planned, planned[1]) == []


@pytest.mark.parametrize(
    ("ref", "patch", "path"),
    [
        (NAMESPACE, {"metadata": {"labels": {"istio-injection": None}}}, "metadata.labels"),
        (NAMESPACE, {"metadata": {"labels": {"team": "new"}}}, "metadata.labels.team"),
        (SERVICE, {"spec": {"selector": {"app": "other"}}}, "spec.selector.app"),
        (POLICY, {"spec": {"action": "DENY"}}, "spec.action"),
        (POLICY, {"spec": {"rules": None}}, "spec.rules"),
        (POLICY, {"spec": {"selector": None}}, "spec.selector"),
        (
            ORDERS,
            {"spec": {"template": {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}}},
            "spec.template.metadata.labels.sidecar.istio.io/inject",
        ),
        (
            ORDERS,
            {"spec": {"template": {"spec": {"serviceAccountName": "other"}}}},
            "spec.template.spec.serviceAccountName",
        ),
    ],
)
def test_a_change_of_what_the_plan_follows_from_is_named_with_its_field(planned, ref, patch, path):
    (said, *more) = found(planned, patched(planned[1], ref, patch))

    assert said.startswith(f"{ref}: {path}")
    assert ", and was " in said
    assert more == []


@pytest.mark.parametrize(
    ("ref", "patch"),
    [
        (ORDERS, {"spec": {"replicas": 7}}),
        (ORDERS, {"status": {"readyReplicas": 7}}),
        (ORDERS, {"metadata": {"resourceVersion": "9", "generation": 12}}),
        (ORDERS, {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "4"}}}),
        (
            ORDERS,
            {
                "spec": {
                    "template": {
                        "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
                    }
                }
            },
        ),
        (ORDERS, {"spec": {"progressDeadlineSeconds": 600}}),
        (SERVICE, {"spec": {"clusterIP": "10.0.0.7"}}),
        (NAMESPACE, {"metadata": {"labels": {"kubernetes.io/metadata.name": "scene"}}}),
    ],
)
def test_what_servers_and_autoscalers_write_makes_no_plan_stale(planned, ref, patch):
    assert found(planned, patched(planned[1], ref, patch)) == []


@pytest.mark.parametrize("ref", [ORDERS, SERVICE, POLICY])
def test_an_object_that_is_gone_is_named(planned, ref):
    assert found(planned, without(planned[1], ref)) == [f"{ref} is gone"]


def test_an_object_that_is_new_is_named(planned):
    other = POLICY._replace(name="later")
    new = Resource(other, {**body_of(planned[1], POLICY), "metadata": {"name": "later"}})

    assert found(planned, [*planned[1], new]) == [f"{other} is new"]


@pytest.mark.parametrize(
    ("ref", "counts"),
    [
        pytest.param(Ref(*kinds.DEPLOYMENT, "elsewhere", "b"), False, id="in another namespace"),
        pytest.param(Ref(*kinds.NAMESPACE, "", "elsewhere"), False, id="another namespace"),
        pytest.param(Ref(*kinds.POD, "scene", "orders-1"), False, id="a pod"),
        pytest.param(Ref(*kinds.JOB, "scene", "once"), False, id="a job"),
        pytest.param(
            Ref(*kinds.AUTHORIZATION_POLICY, "istio-system", "all"), True, id="a policy of the mesh"
        ),
        pytest.param(Ref(*kinds.CONFIG_MAP, "istio-system", "x"), False, id="the root's settings"),
        pytest.param(Ref(*kinds.SIDECAR, "scene", "fence"), True, id="Istio's own kinds"),
    ],
)
def test_only_what_the_plan_looks_at_counts(planned, ref, counts):
    new = Resource(ref, {"kind": ref.kind, "metadata": {"name": ref.name}, "spec": {}})

    assert found(planned, [*planned[1], new]) == ([f"{ref} is new"] if counts else [])


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"gateway.istio.io/managed": "istio.io-mesh-controller"}},
        {"ownerReferences": [{"kind": "Gateway", "name": "waypoint", "controller": True}]},
    ],
)
def test_what_controllers_make_of_the_plans_own_objects_is_not_new(planned, metadata):
    ref = Ref(*kinds.DEPLOYMENT, "scene", "waypoint")
    made = Resource(ref, {"kind": "Deployment", "metadata": {"name": "waypoint", **metadata}})

    assert found(planned, [*planned[1], made]) == []


def test_many_changes_are_all_named_in_one_order(planned):
    now = patched(planned[1], NAMESPACE, {"metadata": {"labels": {"team": "new"}}})
    now = without(Snapshot(now), SERVICE)
    now = patched(Snapshot(now), POLICY, {"spec": {"action": "DENY"}})

    assert [said.split(" ")[0].rstrip(":") for said in found(planned, now)] == [
        str(POLICY), str(NAMESPACE), str(SERVICE),
    ]  # fmt: skip
    assert found(planned, list(reversed(now))) == found(planned, now)
