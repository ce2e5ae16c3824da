"""The published orders of a migration, as plans: their gaps are named. Ours has none on the same mesh.

The mesh is that of the packet lab. Istio: istio.io, "Migrate from sidecar mode to ambient mode". Sail: the
Sail operator's guide to the same.
"""

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from migrator.planner import Plan, PlanOptions, make_plan
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.outlook.exposure import with_exposure
from migrator.planner.plan import Header, KnownCallers, Phase, PhaseName, Wave
from migrator.rules import all_rules, analyze
from migrator.steps import (
    Check,
    CreateObject,
    DeleteObject,
    Disruption,
    RestartWorkload,
    SetLabels,
    Target,
)
from tests.unit.exposure import lab
from tests.unit.manifests import resource

FOR_GOOD = ""


def objects():
    """The lab's mesh, without its probes past the Services."""
    return {key: body for key, body in lab.start().items() if not key.endswith("-h")}


MESH = Mesh(Snapshot(resource(body) for body in objects().values()))
NAMESPACE = Ref(*kinds.NAMESPACE, "", lab.NS)


def create(body):
    ref = resource(body).ref
    ready = Check(predicate="waypoint-ready", about=Target.of(ref), says="it is ready")
    after = (ready,) if body["kind"] == "Gateway" else ()
    return CreateObject(
        id=f"create.{ref.name}", target=Target.of(ref), manifest=body, why="", after=after
    )


def delete(name):
    ref = Ref(*kinds.AUTHORIZATION_POLICY, lab.NS, name)
    return DeleteObject(id=f"delete.{name}", target=Target.of(ref), manifest={}, why="")


def label(ref, name, **labels):
    return SetLabels(
        id=f"label.{name}", target=Target.of(ref), labels=labels, old=dict.fromkeys(labels), why=""
    )


def restart(name):
    return RestartWorkload(
        id=f"restart.{name}",
        target=Target.of(lab.ref(name)),
        why="",
        disruption=Disruption.RESTART,
    )


def built(change):
    """The objects that `change` of the lab adds."""
    run = lab.Run(objects())
    change(run)
    return [create(body) for key, body in run.objects.items() if key not in objects()]


WAYPOINT, COPIES = built(lab.Run.waypoint), built(lab.Run.copies)
BIND = [
    label(Ref(*kinds.SERVICE, lab.NS, name), f"bind.{name}", **{names.USE_WAYPOINT: "waypoint"})
    for name in lab.SERVERS
]
ENROL = [label(NAMESPACE, "ambient", **{names.DATAPLANE_MODE: "ambient"})]
EJECT = [label(NAMESPACE, "no-injection", **{names.INJECTION: None})]
RESTART = [restart(name) for name in (*lab.SERVERS, *lab.CALLERS)]
DELETE = [delete(name) for name, *_ in lab.OLD]
ISTIO = (*WAYPOINT, *COPIES, *BIND, *ENROL, *EJECT, *RESTART, *DELETE)
SAIL = (*ENROL, *WAYPOINT, *COPIES, *BIND, *DELETE, *EJECT, *RESTART)


def plan_of(steps):
    header = Header(
        snapshot=MESH.snapshot.digest(),
        istio=str(MESH.istio_version),
        istio_assumed=True,
        root_namespace="istio-system",
        trust_domain="cluster.local",
        calls="complete",
    )
    waves = tuple(Wave(name=step.id, goal="", steps=(step,)) for step in steps)
    known = tuple(
        KnownCallers(
            target=Target.of(server), callers=tuple(map(Target.of, sorted(callers))), how="declared"
        )
        for server, callers in lab.CALLS.items()
    )
    plan = Plan(
        tool="somebody else's",
        header=header,
        assumptions=(),
        scope=(),
        waypoints=(),
        blockers=(),
        acknowledgements=(),
        exclusions=(),
        callers=known,
        phases=(Phase(name=PhaseName.SWITCH, goal="", waves=waves),),
    )
    return with_exposure(MESH, plan)


def told(plan, kind):
    """(account or how it sends, target or `pods of` it, since, until) of all that changes its fate."""
    found = set()
    for wave in (wave for phase in plan.phases for wave in phase.waves):
        for one in getattr(wave.exposure, kind):
            target = f"pods of {one.target.name}" if one.direct else one.target.name
            for caller in one.identities or (one.callers,):
                found.add((caller.rpartition("/")[2], target, one.since, one.until))
    return found


def test_istios_order_opens_the_servers_before_the_callers_have_moved():
    """Packets: DELETE of stock got through until its callers had moved, and past the waypoint for good.

    From the removal of the injection label on, because any pod that is born then is ambient.
    """
    opens = told(plan_of(ISTIO), "opens")
    assert ("c1", "stock", "label.no-injection", "restart.c2") in opens  # c1, and c2 is like it
    assert ("c1", "pods of stock", "delete.stock-deny", FOR_GOOD) in opens
    assert ("c2", "pods of orders", "delete.orders-allow", FOR_GOOD) in opens


def test_istios_order_refuses_callers_until_the_old_policies_are_gone():
    """Packets: at sidecars by the waypoint's identity, at ztunnel because an ALLOW lost its rule."""
    closes = told(plan_of(ISTIO), "closes")
    assert ("c1", "orders", "label.no-injection", "restart.c1") in closes  # as sidecar, at ztunnel
    assert ("c1", "orders", "restart.c1", "delete.orders-allow") in closes  # through the waypoint


def test_sails_order_opens_everything_from_the_deletion_to_the_restart():
    opens = told(plan_of(SAIL), "opens")
    assert ("c1", "stock", "delete.stock-deny", "restart.c2") in opens  # c1, and c2 is like it
    assert ("c1", "orders", "delete.orders-deny", "restart.c1") in opens
    assert ("c2", "orders", "delete.orders-allow", "restart.c2") in opens
    assert ("c1", "pods of orders", "restart.c1", FOR_GOOD) in opens
    assert told(plan_of(SAIL), "closes") == set()


def test_neither_may_be_applied():
    for steps in (ISTIO, SAIL):
        assert any(said.startswith("PLAN03") for said in plan_of(steps).refusals())


def test_ours_opens_nothing_on_that_mesh_and_refuses_nobody():
    calls = [
        {
            "from": {"namespace": lab.NS, "name": caller},
            "to": {"namespace": lab.NS, "service": server},
        }
        for server in lab.SERVERS
        for caller in lab.CALLERS
    ]
    graph = parse_calls({"complete": True, "calls": calls})
    ours = make_plan(MESH, analyze(MESH, all_rules()), PlanOptions(calls=graph))
    assert {w for scope in ours.scope for w in scope.workloads} == {
        f"Deployment/{name}" for name in (*lab.SERVERS, *lab.CALLERS)
    }
    assert told(ours, "opens") == set()
    assert {at for _, at, _, _ in told(ours, "closes")} <= {"pods of orders", "pods of stock"}
    assert not any(said.startswith("PLAN") for said in ours.refusals())
