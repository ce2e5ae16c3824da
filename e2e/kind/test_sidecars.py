"""Real sidecars: probes under STRICT, identities, a policy, and a rolling restart with traffic.

This is how a mesh is before it is migrated. Envoy is the stock one; nothing here rests on ztunnel.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .calling import ask, failures, rolled_out, run, soon
from .cluster import KindCluster

MESH = Path(__file__).parent / "manifests" / "strict.yaml"
BOOKS = "http://books.strict/"
CALLS = 120


@pytest.fixture(scope="module")
def strict(mesh: KindCluster) -> Iterator[KindCluster]:
    mesh.kubectl("apply", "--server-side", "-f", str(MESH))
    rolled_out(
        mesh, "strict", *(f"deploy/{name}" for name in ("books", "probes", "reader", "stranger"))
    )
    rolled_out(mesh, "outside", "deploy/plain")
    assert soon(lambda: ask(mesh, "strict/reader", BOOKS).status == 200), ask(
        mesh, "strict/reader", BOOKS
    )
    yield mesh
    mesh.kubectl("delete", "namespace", "strict", "outside", "--wait=false")


def test_every_type_of_probe_passes_under_strict(strict: KindCluster) -> None:
    (pod,) = strict.get("pods", "-n", "strict", "-l", "app=probes")["items"]
    statuses = {one["name"]: one for one in pod["status"]["containerStatuses"]}
    sidecars = {one["name"]: one for one in pod["status"]["initContainerStatuses"]}

    assert set(statuses) == {"http", "tcp", "grpc", "exec"}
    assert all(one["ready"] and one["restartCount"] == 0 for one in statuses.values())
    assert sidecars["istio-proxy"]["ready"]


def test_the_server_sees_the_identity_of_its_caller(strict: KindCluster) -> None:
    reply = ask(strict, "strict/reader", BOOKS)

    assert reply.status == 200
    assert "URI=spiffe://cluster.local/ns/strict/sa/reader" in reply.body


@pytest.mark.parametrize(
    ("caller", "method", "status"),
    [
        ("strict/reader", "DELETE", 403),
        ("strict/stranger", "GET", 403),
        ("outside/plain", "GET", 0),
    ],
)
def test_nobody_else_gets_in(strict: KindCluster, caller: str, method: str, status: int) -> None:
    reply = ask(strict, caller, BOOKS, method)

    assert reply.status == status, reply


def test_a_rolling_restart_loses_no_call(strict: KindCluster) -> None:
    heard: list[str] = []
    caller = threading.Thread(
        target=lambda: heard.append(
            run(strict, "strict/reader", "calls", str(CALLS), "200ms", BOOKS)
        )
    )
    caller.start()
    strict.kubectl("-n", "strict", "rollout", "restart", "deploy/books")
    rolled_out(strict, "strict", "deploy/books")
    caller.join()

    assert len(heard[0].splitlines()) == CALLS
    assert not failures(heard[0])


def test_without_its_policy_the_stranger_gets_in_too(strict: KindCluster) -> None:
    """So it is the policy that kept it out."""
    strict.kubectl("-n", "strict", "delete", "authorizationpolicy", "reader-reads")

    assert soon(lambda: ask(strict, "strict/stranger", BOOKS).status == 200)
    assert ask(strict, "outside/plain", BOOKS).status == 0
