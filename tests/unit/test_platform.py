"""What the source shows of nodes and agents, and what it does not."""

import pytest

from migrator.istio.platform import (
    CNI_AGENT,
    agents,
    cilium,
    env_of,
    image_of,
    installers,
    nodes_without,
    shows_daemon_sets,
    unready,
)
from migrator.istio.versions import Version

from .manifests import mesh, resource

AGENT = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: NAME, namespace: istio-system, labels: {LABELS}}
spec: {template: {spec: {containers: [{name: install-cni, image: "example/install-cni:1.30.3"}]}}}
status: STATUS
"""


def agent(name: str = CNI_AGENT, labels: str = "", status: str = "{}") -> str:
    return AGENT.replace("NAME", name).replace("LABELS", labels).replace("STATUS", status)


@pytest.mark.parametrize(
    ("name", "labels", "found"),
    [
        ("istio-cni-node", "", 1),
        ("cni", "k8s-app: istio-cni-node", 1),
        ("cni", "app.kubernetes.io/name: istio-cni-node", 1),
        ("istio-cni-node-old", "app: other", 0),
    ],
)
def test_an_agent_is_known_by_name_or_label(name: str, labels: str, found: int) -> None:
    assert len(agents(mesh(agent(name, labels)), CNI_AGENT)) == found


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("{desiredNumberScheduled: 3, numberReady: 2}", (2, 3)),
        ("{desiredNumberScheduled: 3}", (0, 3)),
        ("{desiredNumberScheduled: 3, numberReady: 3}", None),
        ("{desiredNumberScheduled: 0}", None),
        ("{}", None),
    ],
)
def test_pods_that_are_wanted_and_not_ready(status: str, counts: tuple[int, int] | None) -> None:
    (found,) = agents(mesh(agent(status=status)), CNI_AGENT)

    assert unready(found) == counts


def node(name: str, ready: str = "True", os: str = "linux") -> str:
    return f"""
---
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/os: {os}}}}}
status: {{conditions: [{{type: Ready, status: "{ready}"}}]}}
"""


def agent_pod(on: str, ready: str = "True") -> str:
    return f"""
---
kind: Pod
metadata: {{name: cni-{on}, namespace: istio-system, labels: {{k8s-app: istio-cni-node}}}}
spec: {{nodeName: {on}}}
status: {{conditions: [{{type: Ready, status: "{ready}"}}]}}
"""


@pytest.mark.parametrize(
    ("text", "without"),
    [
        (node("a") + node("b") + agent_pod("a"), ["b"]),
        (node("a") + agent_pod("a", ready="False"), ["a"]),
        (node("a") + node("b", ready="False") + agent_pod("a"), []),
        (node("a") + node("b", os="windows") + agent_pod("a"), []),
        (node("a") + node("b"), []),  # no agent's pod is in the source: nothing is known
    ],
)
def test_nodes_without_a_ready_agent(text: str, without: list[str]) -> None:
    assert [one.name for one in nodes_without(mesh(text), CNI_AGENT)] == without


@pytest.mark.parametrize(
    ("namespace", "status", "shown"),
    [
        ("kube-system", "{numberReady: 1}", True),
        ("kube-system", "{}", False),
        ("istio-system", "{numberReady: 1}", False),
    ],
)
def test_only_a_clusters_own_daemon_sets_show_what_is_missing(
    namespace: str,
    status: str,
    *,
    shown: bool,
) -> None:
    text = agent(status=status).replace("namespace: istio-system", f"namespace: {namespace}")

    assert shows_daemon_sets(mesh(text)) is shown


CONTROLLER = {
    "kind": "DaemonSet",
    "metadata": {"name": "one", "namespace": "a"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "a", "image": "example/a@sha256:00"},
                    {
                        "name": "b",
                        "image": "example/b:1.2.3",
                        "env": [
                            {"name": "FROM", "valueFrom": {"fieldRef": {}}},
                            {"name": "SET", "value": "yes"},
                        ],
                    },
                ]
            }
        }
    },
}


def test_reads_a_controllers_containers() -> None:
    found = resource(CONTROLLER)
    second = "spec.template.spec.containers[1]"

    assert image_of(found) == (f"{second}.image", Version(1, 2, 3))
    assert env_of(found, "SET") == (f"{second}.env[1].value", "yes")
    assert env_of(found, "FROM") is None
    assert env_of(found, "NEVER") is None


def test_ciliums_settings_are_texts() -> None:
    text = """
    kind: ConfigMap
    metadata: {name: cilium-config, namespace: kube-system}
    data: {cni-exclusive: "True", bpf-lb-sock: "false"}
    """
    found = cilium(mesh(text))

    assert found is not None
    assert found[1] == {"cni-exclusive": "true", "bpf-lb-sock": "false"}
    assert cilium(mesh("")) is None


@pytest.mark.parametrize(
    ("spec", "profile"),
    [
        ("{}", "default"),
        ("{profile: demo}", "demo"),
        ("{values: {profile: ambient}}", "ambient"),
        ("{values: {profile: {}}}", "default"),
    ],
)
def test_an_installers_profile(spec: str, profile: str) -> None:
    text = f"""
    apiVersion: install.istio.io/v1alpha1
    kind: IstioOperator
    metadata: {{name: install, namespace: istio-system}}
    spec: {spec}
    """
    assert [found for _, found in installers(mesh(text))] == [profile]
