"""Waypoints, bindings and policies; bodies as istiod 1.31 writes them, its text numbers included."""

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State
from migrator.steps import SetLabels, Target

from .seen import changed, cluster, is_so, look

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
WAYPOINT = Ref(*kinds.GATEWAY, "shop", "waypoint")
CART = Ref(*kinds.SERVICE, "shop", "cart")
POLICY = Ref(*kinds.AUTHORIZATION_POLICY, "shop", "cart")
LOGIN = Ref(*kinds.REQUEST_AUTHENTICATION, "shop", "login")

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop, generation: 2, labels: {istio.io/waypoint-for: service}}
spec:
  gatewayClassName: istio-waypoint
  infrastructure: {parametersRef: {group: "", kind: ConfigMap, name: waypoint-options}}
status:
  addresses: [{type: IPAddress, value: 10.100.94.21}]
  conditions:
  - {type: Accepted, status: "True", reason: Accepted, observedGeneration: 2, message: Resource accepted}
  - {type: Programmed, status: "True", reason: Programmed, observedGeneration: 2}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: waypoint
  namespace: shop
  generation: 1
  labels: {gateway.networking.k8s.io/gateway-name: waypoint}
spec: {replicas: 2}
status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop, labels: {istio.io/use-waypoint: waypoint}}
spec: {selector: {app: cart}}
status:
  conditions:
  - type: istio.io/WaypointBound
    status: "True"
    reason: WaypointAccepted
    message: Successfully attached to waypoint shop/waypoint
"""
COPY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop, generation: 3}
spec: {targetRefs: [{group: "", kind: Service, name: cart}]}
status:
  conditions:
  - type: WaypointAccepted
    status: "True"
    reason: Accepted
    observedGeneration: "3"
    message: bound to shop/waypoint
"""
OPTIONS = "{apiVersion: v1, kind: ConfigMap, metadata: {name: waypoint-options, namespace: shop}}"


def said(kind, status, reason, message="", observed=2):
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": observed,
    }


def accepted(status, reason, message="", observed=2):
    return {"status__conditions": [said("Accepted", status, reason, message, observed)]}


def programmed(status, reason, message="", observed=2):
    conditions = [
        said("Accepted", "True", "Accepted"),
        said("Programmed", status, reason, message, observed),
    ]
    return {"status__conditions": conditions}


PENDING = [{"type": "Accepted", "status": "Unknown", "reason": "Pending"}]
READY = {
    "ready": ({}, {}, DONE, ["10.100.94.21", "Deployment/shop/waypoint: 2 of 2"]),
    "not looked at yet": ({"status": None}, {}, WAITING, ["condition Accepted is absent"]),
    "waiting for a controller": ({"status__conditions": PENDING}, {}, WAITING, ["Unknown (Pending)"]),
    "accepted at an older generation": (
        accepted("True", "Accepted", observed=1), {}, WAITING, ["at generation 1; 2 is awaited"],
    ),
    "refused at an older generation": (
        accepted("False", "Invalid", observed=1), {}, WAITING, ["at generation 1; 2 is awaited"],
    ),
    "refused": (accepted("False", "Invalid", "bad listener"), {}, FAILED, ["Invalid: bad listener"]),
    "refused for options that are there by now": (
        accepted("False", "InvalidParameters", "does not exist"), {}, WAITING, ["InvalidParameters"],
    ),
    "no instances": (
        programmed("False", "AddressNotAssigned", "no instances found"), {}, WAITING,
        ["Programmed is False (AddressNotAssigned: no instances found)"],
    ),
    "programmed at an older generation": (
        programmed("True", "Programmed", observed=1), {}, WAITING, ["at generation 1; 2 is awaited"],
    ),
    "no address": ({"status__addresses": None}, {}, WAITING, ["status.addresses is empty"]),
    "ending": ({"metadata__deletionTimestamp": "x"}, {}, FAILED, ["being deleted"]),
    "programmed, without a pod": (
        {}, {"status__availableReplicas": None}, WAITING, ["availableReplicas is 0; 2 is awaited"],
    ),
    "programmed, with too few pods": (
        {}, {"status__availableReplicas": 1}, WAITING, ["availableReplicas is 1; 2 is awaited"],
    ),
    "programmed, scaled to nothing": ({}, {"spec__replicas": 0}, WAITING, ["spec.replicas is 0"]),
    "programmed, Deployment paused": ({}, {"spec__paused": True}, FAILED, ["spec.paused"]),
    "programmed, another Deployment": (
        {}, {"metadata__labels": {}}, WAITING, ["no Deployment with the label"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("gateway", "deployment", "state", "says"), READY.values(), ids=READY)
def test_waypoint_ready(gateway, deployment, state, says):
    world = cluster(changed(GATEWAY, **gateway), changed(DEPLOYMENT, **deployment), OPTIONS)

    is_so(look("waypoint-ready", WAYPOINT, world), state, "shop/waypoint", *says)


def test_options_that_are_not_there_do_not_come_by_themselves():
    refused = changed(GATEWAY, **accepted("False", "InvalidParameters", "does not exist"))

    is_so(look("waypoint-ready", WAYPOINT, cluster(refused, DEPLOYMENT)), FAILED, "does not exist")


def test_a_waypoint_that_is_gone():
    is_so(look("waypoint-ready", WAYPOINT, cluster(DEPLOYMENT)), FAILED, "was deleted")


def bound(status, reason, message):
    condition = said("istio.io/WaypointBound", status, reason, message)
    return {"status__conditions": [condition]}


ATTACHED = "Successfully attached to waypoint shop/waypoint"
BOUND = {
    "bound": ({}, DONE, ["shop/waypoint"]),
    "bound, for ingress too": (
        bound("True", "WaypointAccepted", f"{ATTACHED}. Ingress traffic will traverse the waypoint"),
        DONE, [],
    ),
    "no condition yet": ({"status": {"loadBalancer": {}}}, WAITING, ["absent", "AMBIENT_ENABLE_STATUS"]),
    "bound to another waypoint": (
        bound("True", "WaypointAccepted", "Successfully attached to waypoint shop/waypoint-2"),
        WAITING, ["not about shop/waypoint;"],
    ),
    "not ready": (
        bound("False", "WaypointIsNotReady", 'waypoint "shop/waypoint" is not ready'), WAITING,
        ["WaypointIsNotReady", "True is awaited"],
    ),
    "denied": (
        bound("False", "AttachmentDenied", 'not permitted to attach to waypoint "shop/waypoint" (missing?)'),
        FAILED, ["AttachmentDenied"],
    ),
    "the wrong traffic": (
        bound("False", "UnsupportedTrafficType", 'which the waypoint "shop/waypoint" does not support'),
        FAILED, ["UnsupportedTrafficType"],
    ),
    "denied by the waypoint before": (
        bound("False", "AttachmentDenied", 'not permitted to attach to waypoint "shop/old"'), WAITING,
        ["not about shop/waypoint;"],
    ),
    "unlabelled": ({"metadata__labels": {}}, WAITING, ["istio.io/use-waypoint is absent, or none"]),
    "opted out": (
        {"metadata__labels": {"istio.io/use-waypoint": "none"}}, WAITING, ["is absent, or none"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "state", "says"), BOUND.values(), ids=BOUND)
def test_service_bound(fields, state, says):
    is_so(look("service-bound", CART, cluster(changed(SERVICE, **fields))), state, "cart", *says)


def test_the_waypoint_of_another_namespace_and_that_of_the_namespace_itself():
    elsewhere = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "edge"}
    message = bound("True", "WaypointAccepted", "Successfully attached to waypoint edge/waypoint")
    space = changed(
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}",
        metadata__labels={"istio.io/use-waypoint": "waypoint"},
    )

    own = changed(SERVICE, metadata__labels=elsewhere, **message)
    is_so(look("service-bound", CART, cluster(own)), DONE, "edge/waypoint")
    is_so(
        look("service-bound", CART, cluster(changed(SERVICE, metadata__labels=elsewhere))), WAITING
    )
    inherited = changed(SERVICE, metadata__labels={})
    is_so(look("service-bound", CART, cluster(space, inherited)), DONE, "shop/waypoint")


def test_the_label_of_the_step_comes_first():
    step = SetLabels(
        id="bind",
        target=Target.of(CART),
        why="",
        labels={"istio.io/use-waypoint": "waypoint"},
        old={"istio.io/use-waypoint": None},
    )
    other = changed(SERVICE, metadata__labels={"istio.io/use-waypoint": "other"})

    is_so(look("service-bound", CART, cluster(SERVICE), step), DONE)
    is_so(
        look("service-bound", CART, cluster(other), step), WAITING, "is other; waypoint is awaited"
    )
    is_so(look("service-bound", CART, cluster(), step), FAILED, "was deleted")


def attached(status, reason, message="", observed="3"):
    return {"status__conditions": [said("WaypointAccepted", status, reason, message, observed)]}


TWO = [{"kind": "Service", "name": "cart"}, {"kind": "Service", "name": "till"}]
TILL = changed(SERVICE, metadata__name="till")
POLICIES = {
    "attached": ({}, DONE, ["bound to shop/waypoint"]),
    "attached, number": (attached("True", "Accepted", observed=3), DONE, []),
    "attached at an older generation": (
        attached("True", "Accepted", observed="2"), WAITING, ["at generation 2; 3 is awaited"],
    ),
    "no condition yet": ({"status": None}, WAITING, ["WaypointAccepted is absent"]),
    "not bound": (
        attached("False", "AncestorNotBound", "Service shop/cart is not bound to a waypoint"), WAITING,
        ["AncestorNotBound", "reason Accepted is awaited"],
    ),
    "one of two": (
        {"spec__targetRefs": TWO, **attached("True", "PartiallyInvalid", "Invalid targetRefs: Service.core")},
        WAITING, ["PartiallyInvalid"],
    ),
    "none of two, yet": (
        {"spec__targetRefs": TWO, **attached("False", "Invalid")}, WAITING, ["Invalid", "awaited"],
    ),
    "invalid": (attached("False", "Invalid", "must be in the root namespace"), FAILED, ["root namespace"]),
    "a target that is not there": (
        {"spec__targetRefs": [{"kind": "Service", "name": "gone"}]}, FAILED, ["Service/shop/gone is not"],
    ),
    "no target": ({"spec": {"selector": {}}}, FAILED, ["spec.targetRefs is empty"]),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "state", "says"), POLICIES.values(), ids=POLICIES)
def test_an_authorization_policy_is_attached(fields, state, says):
    world = cluster(changed(COPY, **fields), SERVICE, TILL)

    is_so(look("policy-attached", POLICY, world), state, *says)


def login(*targets):
    text = (
        "{apiVersion: security.istio.io/v1, kind: RequestAuthentication, "
        "metadata: {name: login, namespace: shop}}"
    )
    return changed(text, spec__targetRefs=list(targets))


CLASS = {"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}
OF_GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
CLASS_BODY = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: istio-waypoint}
spec: {controllerName: istio.io/mesh-controller}
"""


def test_other_policies_are_attached_when_each_target_is_served():
    both = login(*TWO)
    unbound = {**TILL, "status": {}}

    is_so(look("policy-attached", LOGIN, cluster(both, SERVICE, TILL)), DONE, "every target")
    is_so(look("policy-attached", LOGIN, cluster(both, SERVICE, unbound)), WAITING, "shop/till")
    is_so(
        look("policy-attached", LOGIN, cluster(both, SERVICE)), FAILED, "Service/shop/till is not"
    )
    is_so(look("policy-attached", LOGIN, cluster(SERVICE)), FAILED, "login is not there")


def test_policies_of_a_gateway_or_of_its_class():
    by_class, by_gateway = login(CLASS), login(OF_GATEWAY)
    foreign = changed(CLASS_BODY, spec__controllerName="acme.example/controller")
    unready = changed(GATEWAY, **programmed("False", "AddressNotAssigned"))

    is_so(look("policy-attached", LOGIN, cluster(by_class, CLASS_BODY)), DONE)
    is_so(look("policy-attached", LOGIN, cluster(by_class, foreign)), FAILED, "no waypoint's")
    is_so(look("policy-attached", LOGIN, cluster(by_gateway, GATEWAY)), DONE)
    is_so(
        look("policy-attached", LOGIN, cluster(by_gateway, unready)), WAITING, "AddressNotAssigned"
    )
