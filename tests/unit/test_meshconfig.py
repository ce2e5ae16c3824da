"""The mesh configuration, the control planes and istio-cni's settings."""

import json

import pytest

from migrator.istio.meshconfig import cni_config, control_planes, mesh_config
from migrator.istio.versions import Version

from .manifests import snapshot

OPERATOR = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: install, namespace: istio-system}
spec:
  meshConfig:
    trustDomain: bank.example
    defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: "true"}, concurrency: 2}
  values:
    meshConfig: {trustDomain: weaker.example, rootNamespace: istio-config}
"""
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    rootNamespace: istio-root
    defaultConfig: {concurrency: 4}
"""
CANARY = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-1-30, namespace: istio-system}
data:
  mesh: "rootNamespace: elsewhere\\nenableTracing: true\\n"
"""
SAIL = """
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec: {values: {meshConfig: {trustDomain: sail.example}}}
"""


@pytest.mark.parametrize(
    ("text", "root", "domain"),
    [
        ("", "istio-system", "cluster.local"),
        (CONFIG, "istio-root", "cluster.local"),
        (OPERATOR, "istio-config", "bank.example"),
        (SAIL, "istio-system", "sail.example"),
        (f"{OPERATOR}---{CONFIG}", "istio-root", "bank.example"),
        (f"{CANARY}---{CONFIG}", "istio-root", "cluster.local"),
        (CANARY, "elsewhere", "cluster.local"),
    ],
)
def test_what_istiod_reads_wins_over_an_installers_values(
    text: str, root: str, domain: str
) -> None:
    config = mesh_config(snapshot(text))

    assert (config.root_namespace, config.trust_domain) == (root, domain)


def test_layers_are_merged_key_by_key() -> None:
    config = mesh_config(snapshot(f"{OPERATOR}---{CONFIG}---{CANARY}"))

    assert config.get("defaultConfig") == {
        "proxyMetadata": {"ISTIO_META_ENABLE_HBONE": "true"},
        "concurrency": 4,
    }
    assert config.get("enableTracing") is True
    assert config.get("defaultConfig", "nothing", "below") is None


def test_says_which_resource_a_value_comes_from() -> None:
    config = mesh_config(snapshot(f"{OPERATOR}---{CONFIG}"))
    places = {
        keys: found and (found[0].ref.kind, found[1])
        for keys in (
            ("trustDomain",),
            ("rootNamespace",),
            ("defaultConfig", "proxyMetadata"),
            ("no",),
        )
        for found in [config.where(*keys)]
    }

    assert places == {
        ("trustDomain",): ("IstioOperator", "spec.meshConfig.trustDomain"),
        ("rootNamespace",): ("ConfigMap", "data.mesh"),
        ("defaultConfig", "proxyMetadata"): (
            "IstioOperator",
            "spec.meshConfig.defaultConfig.proxyMetadata",
        ),
        ("no",): None,
    }


@pytest.mark.parametrize(
    "mesh", ["rootNamespace: [", "[1, 2]", "just text", "rootNamespace: {}", "[" * 9999]
)
def test_text_that_is_no_mesh_config_is_unknown(mesh: str) -> None:
    text = f"""
    kind: ConfigMap
    metadata: {{name: istio, namespace: istio-system}}
    data: {{mesh: {mesh!r}}}
    """
    assert mesh_config(snapshot(text)).root_namespace == "istio-system"


def test_other_config_maps_are_no_mesh_config() -> None:
    other = (
        "kind: ConfigMap\nmetadata: {name: istiox, namespace: a}\ndata: {mesh: 'rootNamespace: x'}"
    )

    assert mesh_config(snapshot(other)).layers == ()


ISTIOD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: istio-system, labels: {LABELS}}
spec:
  template:
    spec:
      containers:
        - {name: istio-proxy, image: "example/proxyv2:1.20.0"}
        - {name: discovery, image: "registry.example:5000/istio/pilot:1.29.6-distroless", env: [ENV], EXTRA}
"""


def istiod(
    name: str = "istiod", labels: str = "app: istiod", env: str = "", extra: str = ""
) -> str:
    text = ISTIOD.replace("NAME", name, 1).replace("LABELS", labels).replace("[ENV]", f"[{env}]")
    return text.replace(", EXTRA", f", {extra}" if extra else "")


ON, OFF = (
    '{name: PILOT_ENABLE_AMBIENT, value: "true"}',
    '{name: PILOT_ENABLE_AMBIENT, value: "false"}',
)
FROM = "{name: PILOT_ENABLE_AMBIENT, valueFrom: {configMapKeyRef: {name: a, key: b}}}"


@pytest.mark.parametrize(
    ("env", "extra", "ambient"),
    [
        (ON, "", True),
        (OFF, "", False),
        ("", "", False),
        (FROM, "", None),
        ("", "envFrom: [{configMapRef: {name: a}}]", None),
        (ON, "envFrom: [{configMapRef: {name: a}}]", True),
    ],
)
def test_ambient_is_read_off_the_environment(env: str, extra: str, ambient: bool | None) -> None:  # noqa: FBT001
    (plane,) = control_planes(snapshot(istiod(env=env, extra=extra)))

    assert plane.ambient is ambient
    assert plane.version == Version(1, 29, 6)
    assert plane.container_path == "spec.template.spec.containers[1]"


@pytest.mark.parametrize(
    ("labels", "env", "revision"),
    [
        ("app: istiod", "", "default"),
        ("app: istiod, istio.io/rev: 1-29", "", "1-29"),
        ("app: istiod", "{name: REVISION, value: blue}", "blue"),
    ],
)
def test_the_revision_stands_on_the_deployment(labels: str, env: str, revision: str) -> None:
    (plane,) = control_planes(snapshot(istiod(labels=labels, env=env)))

    assert plane.revision == revision


@pytest.mark.parametrize(
    ("name", "labels", "found"),
    [
        ("pilot", "app: istiod", True),
        ("istiod-1-29", "a: b", True),
        ("istiodashboard", "a: b", False),
    ],
)
def test_only_istiod_is_a_control_plane(name: str, labels: str, found: bool) -> None:  # noqa: FBT001
    assert bool(control_planes(snapshot(istiod(name, labels)))) is found


def test_a_tool_named_like_istiod_is_none() -> None:
    tool = istiod("istiod-exporter", "a: b").replace("discovery", "exporter")

    assert control_planes(snapshot(tool)) == ()


CNI = """
kind: ConfigMap
metadata: {name: istio-cni-config, namespace: kube-system}
data: DATA
"""


def test_cni_defaults_hold_where_nothing_is_known() -> None:
    cni = cni_config(snapshot(""))

    assert not cni.known
    assert cni.exclude_namespaces == {"kube-system"}
    assert cni.enablement_selectors is None


@pytest.mark.parametrize(
    ("data", "excluded"),
    [
        ("{EXCLUDE_NAMESPACES: 'kube-system, legacy,'}", {"kube-system", "legacy"}),
        ("{EXCLUDE_NAMESPACES: ''}", set()),
        ("{AMBIENT_ENABLED: 'true'}", {"kube-system"}),
    ],
)
def test_excluded_namespaces(data: str, excluded: set[str]) -> None:
    cni = cni_config(snapshot(CNI.replace("DATA", data)))

    assert cni.known
    assert cni.exclude_namespaces == excluded


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("- podSelector: {matchLabels: {mesh: ambient}}", 1),
        (
            "- podSelector: {matchExpressions: [{key: a, operator: Exists}]}\n- namespaceSelector: []",
            2,
        ),
        ("- podSelector: {matchLabels: [a]}\n- just-text", 0),
        ("", 0),
        ("null\n", 0),
        ("[]", 0),
    ],
)
def test_enablement_selectors_of_the_right_shape_count(text: str, count: int) -> None:
    data = json.dumps({"AMBIENT_ENABLEMENT_SELECTOR": text})
    cni = cni_config(snapshot(CNI.replace("DATA", data)))

    assert cni.enablement_selectors is not None
    assert len(cni.enablement_selectors) == count


def test_an_unreadable_enablement_selector_is_unknown() -> None:
    cni = cni_config(
        snapshot(CNI.replace("DATA", "{AMBIENT_ENABLEMENT_SELECTOR: 'podSelector: ['}"))
    )

    assert cni.enablement_selectors is None
