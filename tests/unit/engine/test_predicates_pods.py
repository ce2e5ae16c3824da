"""Pods by data plane: whose pods, of which template, and what each of them says."""

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State

from .seen import changed, cluster, is_so, look, pod
from .test_predicates_rolled_out import CRON_JOB, DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
CART = Ref(*kinds.DEPLOYMENT, "shop", "cart")
ENABLED = {"ambient.istio.io/redirection": "enabled"}
PENDING = {"ambient.istio.io/redirection": "pending"}
INJECTED = {"sidecar.istio.io/status": '{"containers":["istio-proxy"]}'}
HBONE = {"networking.istio.io/tunnel": "http"}
BOTH = ("app", "istio-proxy")


def replica_set(name, revision):
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"cart-{name}",
            "namespace": "shop",
            "labels": {"app": "cart", "pod-template-hash": name},
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "name": "cart", "controller": True}],
        },
    }


def cart_pod(name, template="new", **sides):
    labels = {"app": "cart", "pod-template-hash": template, **sides.pop("labels", {})}
    return pod(name, ("ReplicaSet", f"cart-{template}"), labels=labels, **sides)


def cart(*pods, **fields):
    """The Deployment at revision 3, its old and its new ReplicaSet, and these pods."""
    return cluster(
        changed(DEPLOYMENT, **fields), replica_set("old", "2"), replica_set("new", "3"), *pods
    )


def ending(body):
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"


def host_network(body):
    body["spec"]["hostNetwork"] = True


def native(body):
    body["spec"]["initContainers"] = [{"name": "istio-proxy", "restartPolicy": "Always"}]


AMBIENT = {
    "all enrolled": ([{"annotations": ENABLED}, {"annotations": ENABLED}], DONE, ["2 of 2 pods"]),
    "one not yet": (
        [{"annotations": ENABLED}, {}], WAITING, ["Pod/shop/b", "redirection is absent; enabled"],
    ),
    "one pending": (
        [{"annotations": ENABLED}, {"annotations": PENDING}], WAITING, ["Pod/shop/b", "no traffic passes"],
    ),
    "another value": (
        [{"annotations": ENABLED}, {"annotations": {"ambient.istio.io/redirection": "disabled"}}],
        WAITING, ["redirection is disabled"],
    ),
    "a sidecar in the new template": (
        [{"annotations": ENABLED}, {"annotations": INJECTED, "containers": BOTH}],
        FAILED, ["Pod/shop/b", "sidecar.istio.io/status"],
    ),
    "captured and injected": (
        [{"annotations": {**ENABLED, **INJECTED}}, {"annotations": ENABLED}], FAILED, ["Pod/shop/a"],
    ),
    "a proxy of its own": (
        [{"annotations": ENABLED, "containers": BOTH}, {"annotations": ENABLED}],
        FAILED, ["container istio-proxy of its own"],
    ),
    "a native proxy of its own": (
        [{"annotations": ENABLED, "edit": native}, {"annotations": ENABLED}], FAILED, ["istio-proxy"],
    ),
    "on the host's network": (
        [{"edit": host_network}, {"annotations": ENABLED}], FAILED, ["hostNetwork", "never enrolled"],
    ),
    "kept out by label": (
        [{"labels": {"istio.io/dataplane-mode": "none"}}, {"annotations": ENABLED}],
        FAILED, ["istio.io/dataplane-mode is none"],
    ),
    "too few": ([{"annotations": ENABLED}], WAITING, ["1 of 2 pods are there; all are"]),
    "ending ones do not count": (
        [{"annotations": ENABLED}, {"annotations": ENABLED}, {"edit": ending}], DONE, ["2 of 2"],
    ),
    "an evicted one does not count": (
        [{"annotations": ENABLED}, {"annotations": ENABLED}, {"phase": "Failed"}], DONE, ["2 of 2"],
    ),
    "old ones do not count": (
        [
            {"annotations": ENABLED}, {"annotations": ENABLED},
            {"annotations": INJECTED, "template": "old"},
        ],
        DONE, ["2 of 2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "state", "says"), AMBIENT.values(), ids=AMBIENT)
def test_pods_ambient(pods, state, says):
    world = cart(*(cart_pod("abc"[i], **sides) for i, sides in enumerate(pods)))

    is_so(look("pods-ambient", CART, world), state, *says)


def test_ambient_pods_of_a_generation_that_was_not_observed_prove_nothing():
    pods = [cart_pod(name, annotations=ENABLED) for name in "ab"]

    verdict = look("pods-ambient", CART, cart(*pods, metadata__generation=5))

    is_so(verdict, WAITING, "observedGeneration is 4; 5")


def test_no_pods_wanted_is_done_and_says_so():
    is_so(look("pods-ambient", CART, cart(spec__replicas=0)), DONE, "wants no pods")


def test_a_workload_that_is_gone_has_failed():
    is_so(look("pods-ambient", CART, cluster()), FAILED, "was deleted")


def test_pods_of_another_workload_are_not_judged():
    other = pod("x", ("ReplicaSet", "till-1"), labels={"app": "cart"}, annotations=INJECTED)
    pods = [cart_pod(name, annotations=ENABLED) for name in "ab"]

    is_so(look("pods-ambient", CART, cart(*pods, other)), DONE, "2 of 2")


BY_KIND = {
    "stateful set": (
        STATEFUL_SET, ("StatefulSet", "cart"), "controller-revision-hash", "cart-7767c95855", 3,
    ),
    "rollout": (ROLLOUT, ("ReplicaSet", "cart-6b9f"), "rollouts-pod-template-hash", "6b9f", 2),
    "daemon set": (
        DAEMON_SET.replace(
            "generation: 2}",
            'generation: 2, annotations: {deprecated.daemonset.template.generation: "2"}}',
        ),
        ("DaemonSet", "cart"), "pod-template-generation", "2", 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "owner", "key", "value", "number"), BY_KIND.values(), ids=BY_KIND)
def test_the_template_of_a_pod_by_kind(text, owner, key, value, number):
    body = changed(text)
    ref = Ref(body["apiVersion"].rpartition("/")[0], body["kind"], "shop", "cart")
    owned = changed(
        "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: cart-6b9f, namespace: shop}}",
        metadata__ownerReferences=[{"kind": "Rollout", "name": "cart", "controller": True}],
    )
    new = [pod(f"p{i}", owner, labels={key: value}, annotations=ENABLED) for i in range(number)]
    old = pod("old", owner, labels={key: "before"}, annotations=INJECTED)
    wrong = pod("p0", owner, labels={key: value}, annotations=INJECTED)

    is_so(look("pods-ambient", ref, cluster(body, owned, *new, old)), DONE, f"{number} of {number}")
    is_so(
        look("pods-ambient", ref, cluster(body, owned, *new[1:], old, wrong)), FAILED, "Pod/shop/p0"
    )


def test_pods_that_a_person_must_create_again_are_waited_for():
    bare = Ref(*kinds.POD, "shop", "tool")
    injected = pod("tool", annotations=INJECTED, containers=BOTH)

    is_so(look("pods-ambient", bare, cluster(injected)), WAITING, "a person must create it again")
    is_so(look("pods-ambient", bare, cluster()), WAITING, "a person must create it again")
    is_so(look("pods-ambient", bare, cluster(pod("tool", annotations=ENABLED))), DONE, "1 of 1")
    leaving = pod("tool", annotations=ENABLED, edit=ending)
    is_so(look("pods-ambient", bare, cluster(leaving)), WAITING, "0 of 1 pods are there")


def test_pods_of_an_operator_that_is_not_known():
    broker = Ref("acme.example", "Broker", "shop", "queue")
    owner = ("Broker", "queue")

    is_so(look("pods-ambient", broker, cluster()), WAITING, "has no pods")
    is_so(
        look("pods-ambient", broker, cluster(pod("q", owner, annotations=ENABLED))), DONE, "1 of 1"
    )
    is_so(
        look("pods-ambient", broker, cluster(pod("q", owner, annotations=INJECTED))),
        WAITING, "a person must",
    )  # fmt: skip


def test_a_cron_job_between_two_runs_has_nothing_to_enrol():
    is_so(look("pods-ambient", Ref(*kinds.CRON_JOB, "shop", "cart"), cluster(CRON_JOB)), DONE)


SIDECAR = {
    "all": ([{"annotations": INJECTED}, {"annotations": INJECTED}], DONE, ["2 of 2 pods"]),
    "one not Ready": (
        [{"annotations": INJECTED}, {"annotations": INJECTED, "ready": "False"}],
        WAITING, ["Pod/shop/b", "Ready is False; True is awaited"],
    ),
    "one without": (
        [{"annotations": INJECTED}, {"annotations": ENABLED}],
        FAILED, ["Pod/shop/b", "sidecar.istio.io/status is absent"],
    ),
    "an ambient one that ends": (
        [{"annotations": INJECTED}, {"annotations": INJECTED}, {"annotations": ENABLED, "edit": ending}],
        DONE, ["2 of 2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "state", "says"), SIDECAR.values(), ids=SIDECAR)
def test_pods_have_sidecar(pods, state, says):
    world = cart(*(cart_pod("abc"[i], **sides) for i, sides in enumerate(pods)))

    is_so(look("pods-have-sidecar", CART, world), state, *says)


def test_a_bare_pod_gets_its_sidecar_from_a_person():
    bare = Ref(*kinds.POD, "shop", "tool")

    verdict = look("pods-have-sidecar", bare, cluster(pod("tool", annotations=ENABLED)))

    is_so(verdict, WAITING, "a person must create it again")


ACCEPT = {
    "all": ([{"annotations": INJECTED, "labels": HBONE}] * 2, DONE, ["receive HBONE"]),
    "several tunnels": (
        [{"annotations": INJECTED, "labels": {"networking.istio.io/tunnel": "http,other"}}] * 2, DONE, [],
    ),
    "without the label": (
        [{"annotations": INJECTED, "labels": HBONE}, {"annotations": INJECTED}],
        FAILED, ["Pod/shop/b", "networking.istio.io/tunnel is absent"],
    ),
    "without a sidecar": ([{"annotations": ENABLED}] * 2, DONE, ["or have no sidecar"]),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "state", "says"), ACCEPT.values(), ids=ACCEPT)
def test_pods_accept_hbone(pods, state, says):
    world = cart(*(cart_pod("abc"[i], **dict(sides)) for i, sides in enumerate(pods)))

    is_so(look("pods-accept-hbone", CART, world), state, *says)


def test_a_bare_pod_without_the_tunnel_label_is_waited_for():
    bare = Ref(*kinds.POD, "shop", "tool")

    is_so(
        look("pods-accept-hbone", bare, cluster(pod("tool", annotations=INJECTED))), WAITING, "http"
    )


@pytest.mark.parametrize(
    ("annotations", "state"), [({}, DONE), (ENABLED, WAITING), (PENDING, WAITING)]
)
def test_pods_uncaptured(annotations, state):
    pods = [cart_pod("a", annotations=annotations), cart_pod("b")]

    is_so(
        look("pods-uncaptured", CART, cart(*pods)), state, "Deployment" if state is DONE else "Pod"
    )


def nightly(*pods):
    job = changed(
        "{apiVersion: batch/v1, kind: Job, metadata: {name: cart-28, namespace: shop}}",
        metadata__ownerReferences=[{"kind": "CronJob", "name": "cart", "controller": True}],
    )
    return cluster(CRON_JOB, job, *pods)


def quit_app(body):
    body["status"]["containerStatuses"] = [
        {"name": "app", "state": {"terminated": {"exitCode": 0}}},
        {"name": "istio-proxy", "state": {"running": {}}},
    ]


@pytest.mark.parametrize(
    ("pods", "state", "says"),
    [
        ([], DONE, ["no pod of it"]),
        ([{"annotations": INJECTED, "phase": "Succeeded"}], DONE, ["no pod of it"]),
        ([{"annotations": ENABLED}], DONE, ["no pod of it"]),
        ([{"annotations": INJECTED}], WAITING, ["Pod/shop/p0", "their end is awaited"]),
        ([{"annotations": INJECTED, "edit": quit_app}], WAITING, ["only istio-proxy is left"]),
    ],
)
def test_jobs_done(pods, state, says):
    made = [pod(f"p{i}", ("Job", "cart-28"), **sides) for i, sides in enumerate(pods)]

    is_so(look("jobs-done", Ref(*kinds.CRON_JOB, "shop", "cart"), nightly(*made)), state, *says)


@pytest.mark.parametrize(
    ("pods", "state", "says"),
    [
        ([], DONE, ["no ambient pod of it"]),
        ([{"annotations": INJECTED}], DONE, ["no ambient pod of it"]),
        ([{"annotations": ENABLED, "phase": "Succeeded"}], DONE, ["no ambient pod of it"]),
        ([{"annotations": ENABLED}], WAITING, ["Pod/shop/p0", "ambient; their end is awaited"]),
        (
            [{"annotations": {"ambient.istio.io/redirection": "pending"}}],
            WAITING, ["Pod/shop/p0"],
        ),
    ],
)  # fmt: skip
def test_jobs_left_ambient(pods, state, says):
    made = [pod(f"p{i}", ("Job", "cart-28"), **sides) for i, sides in enumerate(pods)]
    ref = Ref(*kinds.CRON_JOB, "shop", "cart")

    is_so(look("jobs-left-ambient", ref, nightly(*made)), state, *says)
