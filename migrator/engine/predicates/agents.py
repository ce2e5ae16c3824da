"""istio-cni and ztunnel on every node where a pod of the mesh may be placed."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.nodes import is_virtual, is_windows
from migrator.istio.yamltext import is_true
from migrator.model.resource import Ref
from migrator.model.verdict import Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check

from .bodies import holds, is_ending, labels_of, listed, spec_of

# labels of the pods: manifests/charts/{istio-cni,ztunnel}/templates/daemonset.yaml of istio/istio
_AGENTS: Mapping[str, Mapping[str, str]] = {
    "istio-cni-node": {"k8s-app": "istio-cni-node"},
    "ztunnel": {"app": "ztunnel"},
}
_OUT_OF_REACH = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
_CNI_CONFIG = "istio-cni-config"


class Agents(NamedTuple):
    """Which nodes lack which agent; `nodes` are all that were looked at, `skipped` the others."""

    nodes: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]  # agent -> nodes without a Ready pod of it
    present: frozenset[str]  # agents that have a pod anywhere


def nodes_ready(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:  # noqa: ARG001
    found = look(cluster)
    if not found.nodes:
        return Verdict.waiting("there is no schedulable Linux node; one is awaited")
    for agent, nodes in found.missing.items():
        if nodes:
            return Verdict.waiting(
                f"{agent}: no Ready pod on {len(nodes)} of {len(found.nodes)} nodes "
                f"({listed(nodes)}); one on each is awaited"
            )
    for off in _without_ambient(cluster):
        return Verdict.waiting(f"{off}: data.AMBIENT_ENABLED is not true; true is awaited")
    skipped = f"; not looked at: {listed(found.skipped)}" if found.skipped else ""
    return Verdict.done(
        f"istio-cni-node and ztunnel have a Ready pod on each of {len(found.nodes)} nodes{skipped}"
    )


def look(cluster: ClusterReader) -> Agents:
    """One look at every node and every agent's pods."""
    nodes, skipped = [], []
    for node in cluster.list(kinds.NODE):
        why = _unschedulable(node)
        name = node["metadata"]["name"]
        if why:
            skipped.append(f"{name} ({why})")
        else:
            nodes.append(name)
    pods = {agent: _pods(cluster, labels) for agent, labels in _AGENTS.items()}
    missing = {
        agent: tuple(name for name in sorted(nodes) if name not in _ready_on(found))
        for agent, found in pods.items()
    }
    present = frozenset(agent for agent, found in pods.items() if found)
    return Agents(tuple(sorted(nodes)), tuple(sorted(skipped)), missing, present)


def _pods(cluster: ClusterReader, labels: Mapping[str, str]) -> tuple[Body, ...]:
    return tuple(pod for pod in cluster.list(kinds.POD, labels=labels) if _of_daemon_set(pod))


def _of_daemon_set(pod: Body) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(o.get("controller") and o.get("kind") == "DaemonSet" for o in owners)


def _ready_on(pods: tuple[Body, ...]) -> set[str]:
    return {spec_of(p).get("nodeName", "") for p in pods if holds(p, "Ready") and not is_ending(p)}


def _unschedulable(node: Body) -> str:
    """Why no pod of the mesh is placed there; empty when pods are."""
    labels, spec = labels_of(node), spec_of(node)
    if spec.get("unschedulable"):
        return "cordoned"
    if is_windows(labels):
        return "Windows"
    if is_virtual(labels):
        return "virtual"
    return "not ready" if _is_out_of_reach(spec) else ""


def _is_out_of_reach(spec: Mapping[str, Any]) -> bool:
    """Kubernetes' own taints of a node without a working kubelet."""
    return any(taint.get("key") in _OUT_OF_REACH for taint in spec.get("taints") or ())


def _without_ambient(cluster: ClusterReader) -> Iterator[Ref]:
    """Settings of an istio-cni that is there for sidecars only."""
    pods = _pods(cluster, _AGENTS["istio-cni-node"])
    for namespace in sorted({pod["metadata"].get("namespace", "") for pod in pods}):
        ref = Ref(*kinds.CONFIG_MAP, namespace, _CNI_CONFIG)
        data = (cluster.get(ref) or {}).get("data") or {}
        if "AMBIENT_ENABLED" in data and not is_true(data["AMBIENT_ENABLED"]):
            yield ref
