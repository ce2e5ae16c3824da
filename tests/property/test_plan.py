"""Laws of every plan, over generated meshes."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode
from migrator.model.snapshot import Snapshot
from migrator.planner import Plan
from migrator.planner.file.invariants import broken, enrols
from migrator.planner.file.planfile import dump, load
from migrator.steps import CreateObject, DeleteObject, PatchTemplate, SetLabels
from tests.property.meshes import (
    EVERYTHING,
    planned,
    planned_with_all_accepted,
    resource,
    resources,
    service,
    workload,
)


def plan_of(found, **options) -> Plan:
    return planned(Mesh(Snapshot(found)), **options)


@settings(max_examples=150, deadline=None)
@given(resources(), st.booleans())
def test_no_invariant_is_broken(found, acknowledged):
    """I1-I12, with blockers leaving things behind and with all of them acknowledged."""
    plan = plan_of(found, acknowledge=EVERYTHING if acknowledged else ())

    assert broken(plan) == ()


@settings(max_examples=60, deadline=None)
@given(resources(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(found, chance):
    """Same objects in any order: the same bytes."""
    shuffled = list(found)
    chance.shuffle(shuffled)

    assert dump(plan_of(found)) == dump(plan_of(shuffled))


@settings(max_examples=60, deadline=None)
@given(resources())
def test_a_plan_file_reads_back_as_the_plan(found):
    """parse . render = identity."""
    plan = plan_of(found, acknowledge=EVERYTHING)

    assert load(dump(plan)) == plan


@settings(max_examples=150, deadline=None)
@given(resources())
def test_everybody_with_a_sidecar_moves_or_is_named_as_staying(found):
    """Nobody is forgotten: each meshed workload is in the scope or among the exclusions."""
    mesh = Mesh(Snapshot(found))
    plan = planned_with_all_accepted(mesh)
    moving = {(s.namespace, w) for s in plan.scope for w in s.workloads}
    staying = {(e.target.namespace, f"{e.target.kind}/{e.target.name}") for e in plan.exclusions}

    assert {(w.namespace, f"{w.ref.kind}/{w.name}") for w in mesh.meshed} == moving | staying
    assert not moving & staying


@settings(max_examples=150, deadline=None)
@given(resources())
def test_a_guarded_workload_is_guarded_before_it_is_ambient(found):
    """I7-I9, recomputed from the mesh: L7 protection has its twin, its ALLOW and its guard first."""
    mesh = Mesh(Snapshot(found))
    plan = planned_with_all_accepted(mesh)
    steps = [step for _, _, step in plan.steps()]
    position = {step.id: number for number, step in enumerate(steps)}
    for scope in plan.scope:
        for workload_ in mesh.workloads_in(scope.namespace):
            if f"{workload_.ref.kind}/{workload_.name}" not in scope.workloads:
                continue
            policies = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload_)
            if all(mesh.effect(p).effect == "faithful" for p in policies):
                continue
            key = f"{scope.namespace}.{workload_.ref.kind.lower()}.{workload_.name}"
            move = position.get(f"move.{key}", position.get(f"wait.{key}"))
            assert position[f"guard.{key}"] < move
            twins = [s for s in steps if s.id.startswith("expand.copy.")]
            assert all(position[t.id] < position[f"guard.{key}"] for t in twins)


@settings(max_examples=100, deadline=None)
@given(resources())
def test_servers_that_judge_callers_receive_hbone_first(found):
    """I5, recomputed from the mesh: whoever stays or moves later is reached over HBONE, not in plaintext."""
    mesh = Mesh(Snapshot(found))
    plan = planned_with_all_accepted(mesh)
    ids = [step.id for _, _, step in plan.steps()]
    if not plan.phases:
        return
    for server in mesh.meshed:
        rolls = server.ref.kind in {"Deployment", "StatefulSet", "DaemonSet"}
        judged = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, server)
        if rolls and mesh.services.of_workload(server) and (mesh.mtls(server).strict or judged):
            assert f"hbone.{server.namespace}.{server.ref.kind.lower()}.{server.name}" in ids


_BOTH = {"istio-injection": "enabled", names.DATAPLANE_MODE: "ambient"}
HALF_AMBIENT = [  # one has a sidecar, the other is ambient already: it is not to be kept out
    resource(kinds.NAMESPACE, "", "one", metadata={"labels": _BOTH}),
    workload(kinds.DEPLOYMENT, "one", "a", {}),
    workload(kinds.DEPLOYMENT, "one", "b", {"sidecar.istio.io/inject": "false"}),
]


@settings(max_examples=100, deadline=None)
@given(resources())
@example(HALF_AMBIENT)
def test_what_has_no_sidecar_is_kept_out_before_its_namespace_flips(found):
    """I4, recomputed from the mesh."""
    mesh = Mesh(Snapshot(found))
    plan = planned_with_all_accepted(mesh)
    steps = [step for _, _, step in plan.steps()]
    for number, step in enumerate(steps):
        if not (isinstance(step, SetLabels) and step.target.kind == "Namespace" and enrols(step)):
            continue
        kept = {
            s.target.ref
            for s in steps[:number]
            if isinstance(s, PatchTemplate) and s.labels.get(names.DATAPLANE_MODE) == "none"
        }
        for workload_ in mesh.workloads_in(step.target.name):
            inert = workload_.host_network or names.DATAPLANE_MODE in workload_.labels
            inert = inert or mesh.state(workload_).mode is Mode.AMBIENT  # enrolled before
            assert mesh.has_sidecar(workload_) or inert or workload_.ref in kept


@settings(max_examples=60, deadline=None)
@given(resources())
def test_only_the_last_phase_deletes_and_can_recreate(found):
    """A deletion carries the object as it was."""
    plan = plan_of(found, acknowledge=EVERYTHING)
    for phase, _, step in plan.steps():
        if isinstance(step, DeleteObject):
            assert phase == "contract"
            assert step.manifest["metadata"]["name"] == step.target.name
            assert step.manifest["spec"]


def test_swapping_bind_and_waypoint_is_noticed():
    """The invariants can fail: an edited order is refused by name."""
    plan = plan_of(_guarded_mesh())
    assert broken(plan) == ()
    expand, switch = plan.phases[1], plan.phases[2]
    swapped = plan.model_copy(update={"phases": (plan.phases[0], switch, expand, *plan.phases[3:])})

    assert any(said.startswith("I6") for said in broken(swapped))
    assert any(said.startswith("I7/I8") for said in broken(swapped))


def test_a_waypoint_that_an_editor_took_out_is_noticed():
    """A Service that needs a waypoint is not moved without: the scope says so beside the steps."""
    plan = plan_of(_guarded_mesh())
    kept = {"prepare.istiod", "prepare.dataplane"}

    def without(wave):
        steps = tuple(s for s in wave.steps if s.id in kept or s.id.startswith("move."))
        return wave.model_copy(
            update={"steps": tuple(s.model_copy(update={"requires": ()}) for s in steps)}
        )

    edited = plan.model_copy(
        update={
            "phases": tuple(
                phase.model_copy(update={"waves": tuple(without(wave) for wave in phase.waves)})
                for phase in plan.phases
            )
        }
    )

    assert any("bind" in said and said.startswith("I6") for said in broken(edited))


def test_a_guard_left_out_is_noticed():
    """A plan without its guard cannot be loaded for a guarded workload: its steps still require it."""
    plan = plan_of(_guarded_mesh())
    phases = tuple(
        phase.model_copy(
            update={
                "waves": tuple(
                    wave.model_copy(
                        update={
                            "steps": tuple(s for s in wave.steps if not s.id.startswith("guard."))
                        }
                    )
                    for wave in phase.waves
                )
            }
        )
        for phase in plan.phases
    )

    assert broken(plan.model_copy(update={"phases": phases})) != ()


def _guarded_mesh():
    spec = {
        "selector": {"matchLabels": {"app": "a"}},
        "action": "DENY",
        "rules": [{"to": [{"operation": {"methods": ["DELETE"]}}]}],
    }
    return [
        resource(kinds.NAMESPACE, "", "shop", metadata={"labels": {"istio-injection": "enabled"}}),
        workload(kinds.DEPLOYMENT, "shop", "a", {}),
        workload(kinds.DEPLOYMENT, "shop", "b", {}),
        service("shop", "a"),
        resource(kinds.AUTHORIZATION_POLICY, "shop", "no-delete", spec=spec),
    ]


def test_the_guarded_mesh_is_planned_callers_first():
    """b has no protection and moves before a; a's guard comes before a."""
    ids = [step.id for _, _, step in plan_of(_guarded_mesh()).steps()]

    assert ids.index("move.shop.deployment.b") < ids.index("guard.shop.deployment.a")
    assert ids.index("guard.shop.deployment.a") < ids.index("move.shop.deployment.a")
    assert any(isinstance(s, CreateObject) for _, _, s in plan_of(_guarded_mesh()).steps())
