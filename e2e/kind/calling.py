"""Asking from inside a pod, as the pod: `kubectl exec` of the application's own client."""

import time
from collections.abc import Callable
from typing import NamedTuple

from .cluster import KindCluster


class Reply(NamedTuple):
    """What a caller saw; status 0 is a connection that failed, and its error is the body."""

    status: int
    body: str


def ask(cluster: KindCluster, caller: str, url: str, method: str = "GET") -> Reply:
    """One request by the pod of the Deployment `namespace/name`."""
    status, _, body = run(cluster, caller, "get", method, url).partition("\n")
    return Reply(int(status), body)


def run(cluster: KindCluster, caller: str, *arguments: str) -> str:
    """One run of the application's program in the pod."""
    namespace, _, name = caller.partition("/")
    target = name if "/" in name else f"deploy/{name}"
    return cluster.kubectl("-n", namespace, "exec", target, "-c", "app", "--", "/echo", *arguments)


def soon(look: Callable[[], object], seconds: float = 30) -> bool:
    """Whether it came true in time; policies and endpoints reach proxies a moment after they are written."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def rolled_out(cluster: KindCluster, namespace: str, *workloads: str) -> None:
    for workload in workloads:
        cluster.kubectl("-n", namespace, "rollout", "status", workload, "--timeout=120s")


def failures(lines: str) -> list[str]:
    """The calls of `echo calls` that were not answered with 200."""
    return [line for line in lines.splitlines() if line.split()[1] != "200"]
