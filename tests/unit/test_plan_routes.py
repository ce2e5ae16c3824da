"""What a plan does with VirtualServices of the mesh: nothing, or HTTPRoutes at its very end."""

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

TO_CART = [{"destination": {"host": "cart"}}]
SPLIT = {"route": [{"destination": {"host": "cart", "subset": "v1"}}]}


def virtual_service(*http, name="cart", hosts=("cart",)):
    spec = {"hosts": list(hosts), "http": list(http)}
    return resource(kinds.VIRTUAL_SERVICE, "shop", name, spec=spec)


def plan(*found, **options):
    labels = {"istio-injection": "enabled"}
    mesh = Mesh(
        Snapshot(
            [
                resource(kinds.NAMESPACE, "", "shop", metadata={"labels": labels}),
                workload(kinds.DEPLOYMENT, "shop", "cart", {}),
                service("shop", "cart"),
                *found,
            ]
        )
    )
    return make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(**options))


def about_routes(made):
    """Phase, wave and id of the steps with routes."""
    wanted = {kinds.VIRTUAL_SERVICE, kinds.HTTP_ROUTE}
    return [
        (str(phase), wave.name, step.id)
        for phase, wave, step in made.steps()
        if step.target.ref.group_kind in wanted
    ]


def test_virtualservices_stay_by_default():
    made = plan(virtual_service({"route": TO_CART, "timeout": "5s"}))

    assert "waypoint" in {scope.name for scope in made.waypoints}
    assert about_routes(made) == []


def test_the_httproute_is_accepted_before_the_virtualservice_goes():
    """When everybody has moved; the object can be created again from the plan."""
    vs = virtual_service({"route": TO_CART, "timeout": "5s"})
    made = plan(vs, routes="httproute")

    assert about_routes(made) == [
        ("contract", "settle-shop", "contract.route.shop.cart"),
        ("contract", "delete-shop", "contract.delete.virtualservice.shop.cart"),
    ]
    create, delete = (s for _, _, s in made.steps() if s.id.startswith("contract."))
    assert create.manifest["spec"]["rules"][0]["timeouts"] == {"request": "5s"}
    assert [check.predicate for check in create.after] == ["exists", "route-accepted"]
    assert delete.requires == (create.id,)
    assert delete.manifest["spec"] == vs.spec
    (*_, last) = made.phases[-1].waves
    assert last.goal == "Old policies and routes of shop are gone."


def test_nothing_opens_and_nothing_closes_by_it():
    made = plan(virtual_service({"route": TO_CART}), routes="httproute")

    assert all(not wave.exposure.opens for phase in made.phases for wave in phase.waves)
    assert not made.is_stopped


def test_one_that_has_no_form_stays_and_is_named():
    made = plan(virtual_service(SPLIT), routes="httproute")

    assert about_routes(made) == []
    assert any("VirtualService/shop/cart" in s and "AMB249" in s for s in made.assumptions)


@pytest.mark.parametrize("hosts", [("elsewhere.example",), ("cart", "elsewhere.example")])
def test_one_that_is_about_others_too_stays(hosts):
    made = plan(virtual_service({"route": TO_CART}, hosts=hosts), routes="httproute")

    assert about_routes(made) == []


@pytest.mark.parametrize(("port", "stays"), [(80, False), (8080, True)])
def test_sidecars_that_are_left_may_call_a_port_that_the_service_has_not(port, stays):
    """They obey a VirtualService on port 80 in any case, and an HTTPRoute on the Service's ports only."""
    made = plan(
        virtual_service(
            {"route": [{"destination": {"host": "till"}}]}, hosts=("till",), name="till"
        ),
        workload(kinds.DEPLOYMENT, "shop", "till", {}),
        resource(
            kinds.SERVICE,
            "shop",
            "till",
            spec={"selector": {"app": "till"}, "ports": [{"name": "http", "port": port}]},
        ),
        resource(kinds.NAMESPACE, "", "late", metadata={"labels": {"istio-injection": "enabled"}}),
        workload(kinds.DEPLOYMENT, "late", "job", {}),
        namespaces=("shop",),
        routes="httproute",
    )

    assert (about_routes(made) == []) is stays
    assert any("VirtualService/shop/till stays" in s for s in made.assumptions) is stays


def test_a_name_that_is_taken_is_not_used_again():
    """By a route of a gateway, for one."""
    spec = {"parentRefs": [{"kind": "Gateway", "name": "front"}], "rules": []}
    made = plan(
        virtual_service({"route": TO_CART}),
        resource(kinds.HTTP_ROUTE, "shop", "cart", spec=spec),
        routes="httproute",
    )

    assert next(step for _, _, step in about_routes(made)) == "contract.route.shop.cart-2"
