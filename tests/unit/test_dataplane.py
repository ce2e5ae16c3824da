"""What carries a pod's traffic, and what istio-cni would do with the next pod."""

import pytest

from migrator.istio.meshconfig import CniConfig
from migrator.istio.pods.dataplane import Mode, classify, eligible, state
from migrator.istio.pods.injection import Injection
from migrator.istio.workloads import Workload, collect
from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot

from .manifests import deployment, pod

STATUS, REDIRECTION = "sidecar.istio.io/status", "ambient.istio.io/redirection"
TEMPLATES, TUNNEL, MODE = (
    "inject.istio.io/templates",
    "networking.istio.io/tunnel",
    "istio.io/dataplane-mode",
)
YES = Injection(injected=True, revision="default", reason="a label", decided_by="namespace-label")
NO = Injection(injected=False, revision="", reason="no label asks for it", decided_by="none")


def of(*resources: Resource) -> Workload:
    (found,) = collect(Snapshot(resources))
    return found


def test_the_container_of_ztunnel_is_no_sidecar() -> None:
    found = of(
        deployment("ztunnel", labels={"app": "ztunnel"}, containers=[{"name": "istio-proxy"}])
    )

    assert state(found, NO, would_be_enrolled=False).mode is Mode.NONE


@pytest.mark.parametrize(
    ("labels", "annotations", "mode"),
    [
        ({}, {}, Mode.NONE),
        ({}, {STATUS: "{}"}, Mode.SIDECAR),
        ({TUNNEL: "http"}, {STATUS: "{}"}, Mode.SIDECAR_HBONE),
        ({TUNNEL: "none"}, {STATUS: "{}"}, Mode.SIDECAR),
        ({TUNNEL: "http"}, {}, Mode.NONE),
        ({}, {REDIRECTION: "enabled"}, Mode.AMBIENT),
        ({}, {REDIRECTION: "pending"}, Mode.PENDING),
        ({}, {REDIRECTION: "enabled", STATUS: "{}"}, Mode.SIDECAR),
        ({MODE: "ambient"}, {}, Mode.NONE),
        ({}, {TEMPLATES: "grpc-agent", STATUS: "{}"}, Mode.PROXYLESS),
        ({}, {TEMPLATES: "gateway", STATUS: "{}"}, Mode.GATEWAY),
        ({"gateway.networking.k8s.io/gateway-name": "edge"}, {}, Mode.GATEWAY),
        ({"gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"}, {}, Mode.WAYPOINT),
    ],
)
def test_one_pod(labels: dict[str, str], annotations: dict[str, str], mode: Mode) -> None:
    assert classify(pod("one", labels=labels, annotations=annotations)) is mode


@pytest.mark.parametrize("group", ["containers", "initContainers"])
def test_a_proxy_without_the_injectors_mark_is_somebodys_own(group: str) -> None:
    found = pod("one", annotations={REDIRECTION: "enabled"})
    found.body["spec"][group] = [{"name": "istio-proxy"}]

    assert classify(found) is Mode.MANUAL


@pytest.mark.parametrize(
    ("template", "injected", "enrolled", "mode"),
    [
        ({}, YES, False, Mode.SIDECAR),
        ({}, YES, True, Mode.SIDECAR),
        ({}, NO, False, Mode.NONE),
        ({}, NO, True, Mode.AMBIENT),
        ({"annotations": {TEMPLATES: "grpc-agent"}}, YES, False, Mode.PROXYLESS),
        ({"annotations": {TEMPLATES: "grpc-agent"}}, NO, False, Mode.NONE),
        ({"annotations": {TEMPLATES: "gateway"}}, YES, False, Mode.GATEWAY),
        ({"initContainers": [{"name": "istio-proxy"}]}, NO, False, Mode.MANUAL),
        ({"initContainers": [{"name": "istio-proxy"}]}, YES, False, Mode.SIDECAR),
    ],
)
def test_without_pods_it_is_predicted(
    template: dict[str, object],
    injected: Injection,
    enrolled: bool,  # noqa: FBT001
    mode: Mode,
) -> None:
    found = state(of(deployment(**template)), injected, enrolled)  # type: ignore[arg-type]

    assert (found.mode, found.seen) == (mode, False)
    assert found.detail


SIDECAR, PLAIN = {STATUS: "{}"}, dict[str, str]()
AMBIENT, PENDING = {REDIRECTION: "enabled"}, {REDIRECTION: "pending"}


@pytest.mark.parametrize(
    ("pods", "mode"),
    [
        ([SIDECAR, SIDECAR], Mode.SIDECAR),
        ([SIDECAR, PLAIN], Mode.MIXED),
        ([SIDECAR, AMBIENT], Mode.MIXED),
        ([AMBIENT, AMBIENT], Mode.AMBIENT),
        ([AMBIENT, PENDING], Mode.PENDING),
        ([AMBIENT, PLAIN, PENDING], Mode.NONE),
        ([PLAIN], Mode.NONE),
    ],
)
def test_running_pods_say_it_themselves(pods: list[dict[str, str]], mode: Mode) -> None:
    owner = deployment()
    running = [pod(f"cart-{i}", owner, annotations=marks) for i, marks in enumerate(pods)]
    found = state(of(owner, *running), YES, False)  # noqa: FBT003

    assert (found.mode, found.seen) == (mode, True)


def test_sidecars_with_and_without_hbone_are_mixed() -> None:
    owner = deployment()
    old = pod("cart-1", owner, annotations=SIDECAR)
    new = pod("cart-2", owner, labels={TUNNEL: "http"}, annotations=SIDECAR)
    found = state(of(owner, old, new), YES, False)  # noqa: FBT003

    assert found.mode is Mode.MIXED
    assert found.detail == "sidecar 1, sidecar-hbone 1"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_finished_pods_say_nothing(phase: str) -> None:
    owner = deployment()
    done = pod("cart-1", owner, phase=phase)

    assert state(of(owner, done), YES, False).mode is Mode.SIDECAR  # noqa: FBT003
    assert not state(of(owner, done), YES, False).seen  # noqa: FBT003


@pytest.mark.parametrize(
    ("annotations", "phase", "mode", "seen"),
    [
        ({}, "", Mode.SIDECAR, False),
        ({}, "Running", Mode.NONE, True),
        (AMBIENT, "", Mode.AMBIENT, True),
    ],
)
def test_a_bare_pod_of_a_manifest_is_predicted(
    annotations: dict[str, str],
    phase: str,
    mode: Mode,
    seen: bool,  # noqa: FBT001
) -> None:
    found = state(of(pod("debug", annotations=annotations, phase=phase)), YES, False)  # noqa: FBT003

    assert (found.mode, found.seen) == (mode, seen)


PODS_ONLY = ({"podSelector": {"matchLabels": {"mesh": "yes"}}},)
BOTH = (
    {
        "podSelector": {"matchLabels": {"mesh": "yes"}},
        "namespaceSelector": {"matchLabels": {"a": "b"}},
    },
)


@pytest.mark.parametrize(
    ("labels", "ns", "cni", "expected"),
    [
        ({}, {}, CniConfig(), False),
        ({}, {MODE: "ambient"}, CniConfig(), True),
        ({MODE: "none"}, {MODE: "ambient"}, CniConfig(), False),
        ({MODE: "ambient"}, {}, CniConfig(), True),
        ({MODE: "ambient"}, {MODE: "none"}, CniConfig(), True),
        ({}, {MODE: "none"}, CniConfig(), False),
        ({MODE: "ambient"}, {}, CniConfig(exclude_namespaces=frozenset({"shop"})), False),
        ({MODE: "ambient"}, {}, CniConfig(enablement_selectors=()), False),
        ({"mesh": "yes"}, {}, CniConfig(enablement_selectors=PODS_ONLY), True),
        ({"mesh": "yes"}, {}, CniConfig(enablement_selectors=BOTH), False),
        ({"mesh": "yes"}, {"a": "b"}, CniConfig(enablement_selectors=BOTH), True),
    ],
)
def test_who_would_be_enrolled(
    labels: dict[str, str],
    ns: dict[str, str],
    cni: CniConfig,
    expected: bool,  # noqa: FBT001
) -> None:
    assert eligible(of(deployment(labels=labels)), "shop", ns, cni) is expected


def test_pods_on_the_nodes_network_are_never_enrolled() -> None:
    workload = of(deployment(labels={MODE: "ambient"}, hostNetwork=True))

    assert not eligible(workload, "shop", {MODE: "ambient"}, CniConfig())
