"""Nodes, istiod and the Gateway API; and which names a plan may use."""

from pathlib import Path

import pytest
import yaml

from migrator.cli.plan_files import load_plan
from migrator.engine.predicates import known, refuse_unknown
from migrator.errors import MigrateError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State
from migrator.planner.file.planfile import load
from migrator.planner.phases import checks

from .seen import changed, cluster, is_so, look, pod

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
EXAMPLES = Path(__file__).parents[3] / "plans" / "examples"
CNI, ZTUNNEL = {"k8s-app": "istio-cni-node"}, {"app": "ztunnel"}


def node(name="n1", **fields):
    text = f"{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}"
    return changed(text, **{"metadata__labels": {"kubernetes.io/os": "linux"}, **fields})


def agent(labels, on="n1", ready="True", owner="DaemonSet"):
    def place(body):
        body["spec"]["nodeName"] = on
        body["metadata"]["namespace"] = "istio-system"

    name = "-".join(labels.values())
    return pod(f"{name}-{on}", (owner, name), labels=labels, ready=ready, edit=place)


def ending(body):
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return body


def owned_beside(body):
    """Owned by a DaemonSet that is not its controller."""
    body["metadata"]["ownerReferences"][0].pop("controller")
    return body


def settings(ambient):
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-cni-config, namespace: istio-system}}"
    return changed(text, data={"AMBIENT_ENABLED": ambient})


BOTH = (agent(CNI), agent(ZTUNNEL))
NODES = {
    "both": ([node(), *BOTH], DONE, ["on each of 1 nodes"]),
    "both, and said so": ([node(), *BOTH, settings("true")], DONE, []),
    "cni for sidecars only": (
        [node(), *BOTH, settings("false")], WAITING, ["istio-cni-config", "AMBIENT_ENABLED is not true"],
    ),
    "no ztunnel": ([node(), agent(CNI)], WAITING, ["ztunnel: no Ready pod on 1 of 1 nodes (n1)"]),
    "no cni": ([node(), agent(ZTUNNEL)], WAITING, ["istio-cni-node: no Ready pod"]),
    "not Ready": ([node(), agent(CNI), agent(ZTUNNEL, ready="False")], WAITING, ["ztunnel"]),
    "ending": ([node(), agent(CNI), ending(agent(ZTUNNEL))], WAITING, ["ztunnel"]),
    "of no DaemonSet": (
        [node(), agent(CNI), agent(ZTUNNEL, owner="ReplicaSet")], WAITING, ["ztunnel"],
    ),
    "controlled by nobody": (
        [node(), agent(CNI), owned_beside(agent(ZTUNNEL))], WAITING, ["ztunnel"],
    ),
    "one node of two": ([node(), node("n2"), *BOTH], WAITING, ["1 of 2 nodes (n2)"]),
    "a cordoned node": (
        [node(), node("n2", spec__unschedulable=True), *BOTH], DONE, ["not looked at: n2 (cordoned)"],
    ),
    "a Windows node": (
        [node(), node("n2", metadata__labels={"kubernetes.io/os": "windows"}), *BOTH], DONE, ["Windows"],
    ),
    "a virtual node": (
        [node(), node("n2", metadata__labels={"type": "virtual-kubelet"}), *BOTH], DONE, ["n2 (virtual)"],
    ),
    "a dead node": (
        [node(), node("n2", spec__taints=[{"key": "node.kubernetes.io/unreachable"}]), *BOTH],
        DONE, ["n2 (not ready)"],
    ),
    "a node for some pods only": (
        [node(), node("n2", spec__taints=[{"key": "team", "effect": "NoSchedule"}]), *BOTH],
        WAITING, ["(n2)"],
    ),
    "no node": ([*BOTH], WAITING, ["no schedulable Linux node"]),
}  # fmt: skip


@pytest.mark.parametrize(("bodies", "state", "says"), NODES.values(), ids=NODES)
def test_nodes_ready(bodies, state, says):
    is_so(look("nodes-ready", None, cluster(*bodies)), state, *says)


ISTIOD = """
apiVersion: apps/v1
kind: Deployment
metadata:
  {name: istiod, namespace: istio-system, generation: 1, labels: {app: istiod, istio.io/rev: default}}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: discovery
        env: [{name: REVISION, value: default}, {name: PILOT_ENABLE_AMBIENT, value: "true"}]
status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1}
"""


def mesh(hbone="true", name="istio"):
    text = (
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: istio-system}}}}"
    )
    values = {"defaultConfig": {"proxyMetadata": {"ISTIO_META_ENABLE_HBONE": hbone}}}
    return changed(text, data={"mesh": yaml.safe_dump(values) if hbone else "trustDomain: td"})


def istiod(env, **fields):
    template = {"spec": {"containers": [{"name": "discovery", "env": env}]}}
    return changed(ISTIOD, spec__template=template, **fields)


OFF = [{"name": "PILOT_ENABLE_AMBIENT", "value": "false"}]
CANARY = changed(
    ISTIOD,
    metadata__name="istiod-next",
    metadata__labels={"app": "istiod", "istio.io/rev": "next"},
)
PLANES = {
    "ambient": ([ISTIOD, mesh()], DONE, ["Deployment/istio-system/istiod"]),
    "without the variable": ([istiod([]), mesh()], WAITING, ["PILOT_ENABLE_AMBIENT is absent"]),
    "switched off": ([istiod(OFF), mesh()], WAITING, ["PILOT_ENABLE_AMBIENT is false; true"]),
    "without HBONE": (
        [ISTIOD, mesh("")], WAITING,
        ["ConfigMap/istio-system/istio", "ISTIO_META_ENABLE_HBONE is absent; true is awaited"],
    ),
    "without mesh config": ([ISTIOD], WAITING, ["ConfigMap/istio-system/istio is not there"]),
    "rolling": (
        [changed(ISTIOD, metadata__generation=2), mesh()], WAITING, ["observedGeneration is 1; 2"],
    ),
    "a revision that is not": (
        [ISTIOD, mesh(), CANARY, mesh("", "istio-next")], WAITING, ["ConfigMap/istio-system/istio-next"],
    ),
    "both revisions": ([ISTIOD, mesh(), CANARY, mesh("true", "istio-next")], DONE, ["istiod-next"]),
    "no istiod": ([mesh()], WAITING, ["no Deployment with the label app=istiod"]),
}  # fmt: skip


@pytest.mark.parametrize(("bodies", "state", "says"), PLANES.values(), ids=PLANES)
def test_istiod_ambient(bodies, state, says):
    is_so(look("istiod-ambient", None, cluster(*bodies)), state, *says)


def crd(plural, established="True", served="v1"):
    text = (
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}}"
    )
    return changed(
        text,
        metadata__name=f"{plural}.gateway.networking.k8s.io",
        spec__versions=[{"name": served, "served": True}, {"name": "v0", "served": False}],
        status__conditions=[{"type": "Established", "status": established}],
    )


def waypoint_class(status="True"):
    text = "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: istio-waypoint}}"
    return changed(text, status__conditions=[{"type": "Accepted", "status": status}])


THREE = [crd("gatewayclasses"), crd("gateways"), crd("httproutes")]
GATEWAY_API = {
    "present": ([*THREE, waypoint_class()], DONE, ["istio-waypoint is Accepted"]),
    "a CRD missing": ([*THREE[:2], waypoint_class()], WAITING, ["httproutes.gateway", "is not there"]),
    "not established": (
        [*THREE[1:], crd("gatewayclasses", "False"), waypoint_class()], WAITING, ["Established is False"],
    ),
    "an old version": (
        [*THREE[1:], crd("gatewayclasses", served="v1beta1"), waypoint_class()], WAITING,
        ["serves v1beta1; v1 is awaited"],
    ),
    "no class": (THREE, WAITING, ["GatewayClass/istio-waypoint is not there"]),
    "a class that nobody accepted": (
        [*THREE, waypoint_class("Unknown")], WAITING, ["condition Accepted is Unknown"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("bodies", "state", "says"), GATEWAY_API.values(), ids=GATEWAY_API)
def test_gateway_api_present(bodies, state, says):
    is_so(look("gateway-api-present", None, cluster(*bodies)), state, *says)


def test_every_check_of_the_planner_is_known():
    ref = Ref(*kinds.SERVICE, "shop", "cart")
    planned = {
        checks.nodes_ready(), checks.istiod_ambient(), checks.gateway_api(), checks.rolled_out(ref),
        checks.waypoint_ready("shop", "waypoint"), checks.pods_ambient(ref),
        checks.pods_have_sidecar(ref), checks.pods_accept_hbone(ref), checks.labels_set(ref),
        checks.exists(ref), checks.absent(ref), checks.service_bound(ref), checks.policy_attached(ref),
        checks.jobs_done(ref), checks.jobs_left_ambient(ref), checks.route_accepted(ref),
    }  # fmt: skip
    makers = [
        name
        for name, value in vars(checks).items()
        if getattr(value, "__module__", "") == checks.__name__
    ]

    assert {check.predicate for check in planned} <= known()
    assert len(planned) == len(makers)


def test_a_plan_with_a_name_that_nobody_knows_is_refused(tmp_path):
    good = (EXAMPLES / "shop" / "plan.yaml").read_text()
    bad = tmp_path / "plan.yaml"
    bad.write_text(good.replace("predicate: pods-ambient", "predicate: traffic-flows"))

    refuse_unknown(load(good))
    with pytest.raises(MigrateError) as refused:
        load_plan(bad)
    assert "traffic-flows: no such check; known are absent" in refused.value.detail


def test_a_name_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="traffic-flows: no such check; known are absent, exists"):
        look("traffic-flows", None, cluster())
