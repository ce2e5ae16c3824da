"""Who gets through on a mesh that is moved: past sidecars before, past ztunnel and a waypoint afterwards.

Real: identities, mTLS, sidecars, the waypoint, istio-cni's redirection, what istiod tells everybody.
Simulated: ztunnel's decision, which is written down here after its sources.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from e2e.applying import acknowledge_all, run_migrate

from .binaries import ISTIO
from .calling import ask, rolled_out, soon
from .cluster import KindCluster
from .moving import CALLER, install, migrate

MANIFESTS = Path(__file__).parent / "manifests"
MESH, HALL = MANIFESTS / "guarded.yaml", MANIFESTS / "hall.yaml"
READY = [f"vault deploy/{name}" for name in ("door", "book", "visitor", "clerk", "porter")]
DIRECT = "the address of a pod of book"


class Case(NamedTuple):
    """A call, and the policies without which it would get through."""

    caller: str
    method: str
    target: str
    policies: tuple[str, ...] = ()


ALLOWED = {
    "L4, ALLOW": Case("vault/clerk", "GET", "http://door.vault:9000/"),
    "L4, ALLOW, the other one": Case("vault/porter", "GET", "http://door.vault:9000/"),
    "L4, not what DENY says": Case("vault/clerk", "GET", "http://door.vault:9001/"),
    "L7, ALLOW": Case("vault/clerk", "GET", "http://book.vault/private"),
    "L7, ALLOW, the other one": Case("vault/porter", "GET", "http://book.vault/"),
    "STRICT, no policy": Case("vault/clerk", "GET", "http://hall.vault/"),
}
DENIED = {
    "L4, ALLOW for others": Case(
        "vault/visitor", "GET", "http://door.vault:9000/", ("door-opens",)
    ),
    "L4, DENY": Case("vault/porter", "GET", "http://door.vault:9001/", ("door-stays-shut",)),
    "L7, ALLOW for others": Case("vault/visitor", "GET", "http://book.vault/", ("book-is-read",)),
    "L7, ALLOW for another method": Case(
        "vault/clerk", "DELETE", "http://book.vault/", ("book-is-read",)
    ),
    "L7, DENY": Case("vault/porter", "GET", "http://book.vault/private", ("book-is-private",)),
    "past the waypoint": Case("vault/clerk", "GET", DIRECT, ("guard-book", "allow-waypoint-book")),
}
STRICT = {"STRICT": Case(CALLER, "GET", "http://hall.vault/")}
CASES: Mapping[str, Case] = {**ALLOWED, **DENIED, **STRICT}
WANTED = {name: name in ALLOWED for name in CASES}


class Moved(NamedTuple):
    """The mesh after `migrate apply`, and who got through before it."""

    cluster: KindCluster
    before: Mapping[str, bool]


@pytest.fixture(scope="module")
def moved(mesh: KindCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    install(mesh, MESH, READY)
    mesh.kubectl("apply", "--server-side", "-f", str(HALL))
    rolled_out(mesh, "vault", "deploy/hall")
    soon(lambda: answers(mesh) == WANTED)
    before = answers(mesh)
    plan = tmp_path_factory.mktemp("plan") / "plan.yaml"
    # made of the manifests: that the stock Envoy has EnvoyFilters would lead the door through the waypoint
    made = run_migrate(
        "plan", str(MESH), str(HALL), "--istio-version", ISTIO, "-o", str(plan), "--soak", "0"
    )
    assert made.returncode in {0, 3}, made.stderr
    acknowledge_all(plan)
    applied = migrate(mesh, "apply", str(plan), "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    yield Moved(mesh, before)
    mesh.kubectl("delete", "namespace", "vault", "--wait=false")


def answers(cluster: KindCluster) -> dict[str, bool]:
    return {name: gets_through(cluster, case) for name, case in CASES.items()}


def gets_through(cluster: KindCluster, case: Case) -> bool:
    target = case.target
    if target == DIRECT:
        (pod, *_) = cluster.get("pods", "-n", "vault", "-l", "app=book")["items"]
        target = f"http://{pod['status']['podIP']}:8080/"
    return ask(cluster, case.caller, target, case.method).status == 200


def test_past_sidecars_nobody_gets_through_whom_a_policy_refuses(moved: Moved) -> None:
    assert moved.before == WANTED


def test_past_ztunnel_and_the_waypoint_the_same_calls_get_through(moved: Moved) -> None:
    assert soon(lambda: answers(moved.cluster) == WANTED), answers(moved.cluster)


@pytest.mark.parametrize("name", DENIED)
def test_without_its_policies_the_call_gets_through(moved: Moved, name: str) -> None:
    """So it is the policy that refuses it, and whoever keeps it there."""
    case = DENIED[name]
    assert not gets_through(moved.cluster, case)
    with contextlib.ExitStack() as gone:
        for policy in in_effect(moved.cluster, case.policies):
            gone.enter_context(without(moved.cluster, "authorizationpolicy", policy))
        assert soon(lambda: gets_through(moved.cluster, case))
    assert soon(lambda: not gets_through(moved.cluster, case))


def test_without_strict_a_caller_outside_the_mesh_gets_through(moved: Moved) -> None:
    (case,) = STRICT.values()
    assert not gets_through(moved.cluster, case)
    with without(moved.cluster, "peerauthentication", "default"):
        assert soon(lambda: gets_through(moved.cluster, case))
    assert soon(lambda: not gets_through(moved.cluster, case))


def in_effect(cluster: KindCluster, policies: tuple[str, ...]) -> list[str]:
    """The policies themselves, or what the plan put in their place."""
    found = cluster.get("authorizationpolicy", "-n", "vault")["items"]
    names = {one["metadata"]["name"] for one in found}
    return [one if one in names else f"{one}-waypoint" for one in policies]


@contextlib.contextmanager
def without(cluster: KindCluster, kind: str, name: str) -> Iterator[None]:
    body = cluster.get(kind, name, "-n", "vault")
    kept = ("name", "namespace", "labels", "annotations")
    body["metadata"] = {key: body["metadata"][key] for key in kept if key in body["metadata"]}
    cluster.kubectl("-n", "vault", "delete", kind, name)
    try:
        yield
    finally:
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
