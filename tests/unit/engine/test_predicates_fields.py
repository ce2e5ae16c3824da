"""What a step wrote: labels, objects, absence."""

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State
from migrator.steps import CreateObject, DeleteObject, PatchTemplate, SetLabels, Target, UpdateSpec

from .seen import changed, cluster, is_so, look, pod

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
SPACE = Ref(*kinds.NAMESPACE, "", "shop")
JOB = Ref(*kinds.JOB, "shop", "import")
CART = Ref(*kinds.DEPLOYMENT, "shop", "cart")
POLICY = Ref(*kinds.AUTHORIZATION_POLICY, "shop", "cart")
KEEP_OUT = {"istio.io/dataplane-mode": "none"}


def namespace(labels, **fields):
    text = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
    return changed(text, metadata__labels=labels, **fields)


def flip():
    labels = {"istio.io/dataplane-mode": "ambient", "istio-injection": None}
    old = {"istio.io/dataplane-mode": None, "istio-injection": "enabled"}
    return SetLabels(id="flip.shop", target=Target.of(SPACE), why="", labels=labels, old=old)


def keep_out(ref, path):
    return PatchTemplate(
        id="k",
        target=Target.of(ref),
        why="",
        template_path=path,
        labels=KEEP_OUT,
        old_labels={"istio.io/dataplane-mode": None},
        live_pods=True,
    )


@pytest.mark.parametrize(
    ("labels", "state", "says"),
    [
        ({"istio.io/dataplane-mode": "ambient", "team": "a"}, DONE, ["istio-injection is absent"]),
        ({"istio.io/dataplane-mode": "ambient", "istio-injection": "enabled"}, WAITING,
         ["metadata.labels.istio-injection is enabled; absent is awaited"]),
        ({"istio.io/dataplane-mode": "none"}, WAITING, ["dataplane-mode is none; ambient"]),
        (None, WAITING, ["dataplane-mode is absent; ambient"]),
    ],
)  # fmt: skip
def test_labels_of_an_object(labels, state, says):
    is_so(look("labels-set", SPACE, cluster(namespace(labels)), flip()), state, *says)


def test_labels_of_an_object_that_is_gone():
    is_so(look("labels-set", SPACE, cluster(), flip()), FAILED, "Namespace/shop is not there")


def template(labels):
    text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}}"
    return changed(text, spec__template__metadata__labels={"app": "cart", **labels})


def owned(name, labels):
    replicas = changed(
        "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: cart-1, namespace: shop}}",
        metadata__ownerReferences=[{"kind": "Deployment", "name": "cart", "controller": True}],
    )
    return replicas, pod(name, ("ReplicaSet", "cart-1"), labels=labels)


@pytest.mark.parametrize(
    ("on_template", "on_pod", "state", "says"),
    [
        (KEEP_OUT, KEEP_OUT, DONE, ["on 1 live pods too"]),
        (KEEP_OUT, {}, WAITING, ["Pod/shop/a: label istio.io/dataplane-mode is absent; none"]),
        ({}, KEEP_OUT, WAITING, ["spec.template.metadata.labels.istio.io/dataplane-mode is absent"]),
    ],
)  # fmt: skip
def test_labels_of_a_template_and_of_its_live_pods(on_template, on_pod, state, says):
    world = cluster(template(on_template), *owned("a", on_pod))

    is_so(look("labels-set", CART, world, keep_out(CART, "spec.template")), state, *says)


@pytest.mark.parametrize(("labels", "state"), [(KEEP_OUT, DONE), ({}, WAITING)])
def test_labels_of_a_job_are_only_on_its_pods(labels, state):
    world = cluster(pod("a", ("Job", "import"), labels=labels))

    is_so(
        look("labels-set", JOB, world, keep_out(JOB, "")), state, "Job" if state is DONE else "Pod"
    )


MADE = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop, labels: {app.kubernetes.io/managed-by: migrate}}
spec:
  targetRefs: [{group: "", kind: Service, name: cart}]
  rules: [{to: [{operation: {methods: [GET]}}]}]
"""


def creation(ref=POLICY):
    return CreateObject(id="c", target=Target.of(ref), why="", manifest=changed(MADE))


CREATED = {
    "as made": ({}, DONE, ["as the step made it"]),
    "with defaults of the API server": ({"spec__action": "ALLOW"}, DONE, []),
    "another rule": (
        {"spec__rules": [{"to": [{"operation": {"methods": ["POST"]}}]}]}, WAITING, ["spec.rules is"],
    ),
    "a rule more": (
        {"spec__rules": [{"to": [{"operation": {"methods": ["GET"]}}]}, {}]}, WAITING, ["spec.rules is"],
    ),
    "no spec": ({"spec": None}, WAITING, ["spec is absent"]),
    "somebody else's": (
        {"metadata__labels": {"app.kubernetes.io/managed-by": "Helm"}}, WAITING,
        ["managed-by is Helm; migrate is awaited"],
    ),
    "ending": ({"metadata__deletionTimestamp": "2026-01-01T00:00:00Z"}, FAILED, ["being deleted"]),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "state", "says"), CREATED.values(), ids=CREATED)
def test_an_object_that_was_created(fields, state, says):
    world = cluster(changed(MADE, **fields))

    is_so(look("exists", POLICY, world, creation()), state, "AuthorizationPolicy/shop/cart", *says)


def test_an_object_that_was_created_and_is_gone():
    is_so(look("exists", POLICY, cluster(), creation()), FAILED, "was deleted")


def test_a_field_within_a_spec_is_named():
    made = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "waypoint", "namespace": "shop"},
        "spec": {"infrastructure": {"parametersRef": {"name": "waypoint-options"}}},
    }
    ref = Ref(*kinds.GATEWAY, "shop", "waypoint")
    step = CreateObject(id="c", target=Target.of(ref), why="", manifest=made)
    live = {**made, "spec": {"infrastructure": {"parametersRef": {"name": "mine"}}}}

    verdict = look("exists", ref, cluster(live), step)

    is_so(verdict, WAITING, "spec.infrastructure.parametersRef.name is mine; waypoint-options")


def narrowing():
    old = {"action": "DENY", "rules": [{}]}
    new = {"selector": {"matchLabels": {"security.istio.io/tlsMode": "istio"}}, "rules": [{}]}
    return UpdateSpec(id="n", target=Target.of(POLICY), why="", spec=new, old=old)


@pytest.mark.parametrize(
    ("spec", "state", "says"),
    [
        (narrowing().spec, DONE, []),
        ({**narrowing().spec, "added": "by the API server"}, DONE, []),
        (
            {**narrowing().spec, "action": "DENY"},
            WAITING,
            ["spec.action is DENY; absent is awaited"],
        ),
        (narrowing().old, WAITING, ["spec.selector is absent"]),
    ],
)
def test_a_spec_that_was_replaced(spec, state, says):
    is_so(look("exists", POLICY, cluster(changed(MADE, spec=spec)), narrowing()), state, *says)


@pytest.mark.parametrize(
    ("fields", "state", "says"),
    [
        ({}, FAILED, ["is there, managed by migrate", "nobody is deleting it"]),
        ({"metadata__labels": None}, FAILED, ["is there, and nobody"]),
        ({"metadata__deletionTimestamp": "2026-01-01T00:00:00Z"}, WAITING, ["absence is awaited"]),
        ({"metadata__deletionTimestamp": "x", "metadata__finalizers": ["acme/keep"]}, WAITING,
         ["held by the finalizers acme/keep"]),
    ],
)  # fmt: skip
def test_an_object_that_must_not_be_there(fields, state, says):
    step = DeleteObject(id="d", target=Target.of(POLICY), why="", manifest=changed(MADE))

    is_so(look("absent", POLICY, cluster(changed(MADE, **fields)), step), state, *says)
    is_so(
        look("absent", POLICY, cluster(), step), DONE, "AuthorizationPolicy/shop/cart is not there"
    )
