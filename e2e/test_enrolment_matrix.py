"""Who would be enrolled in ambient: the model against istio-cni's own code, every combination.

Real: `CompiledEnablementSelectors` and `SplitExcludeNamespaces` of istio/istio cni/pkg/util, compiled from
the pinned module and fed with the ConfigMap that Istio's chart renders. Simulated: nothing, but nothing
runs either: what the node agent does with the answer is not covered. No control plane is needed.
"""

import json
import subprocess

import pytest
import yaml

from migrator.istio import labels as names
from migrator.istio.pods import dataplane

from .binaries import binaries
from .matrix import STATUS, combinations, mesh_of, namespace, present
from .matrix_enablement import enrolled

MODES = (None, "ambient", "none", "sidecar", "")
TEAMS = (None, "blue", "red")
SPACES = [
    namespace(
        f"n{number}",
        {"kubernetes.io/metadata.name": f"n{number}", names.DATAPLANE_MODE: mode, "team": team},
    )
    for number, (mode, team) in enumerate((mode, team) for mode in MODES for team in TEAMS)
]
PODS = [
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"p{number}",
            "namespace": space["metadata"]["name"],
            "labels": present({names.DATAPLANE_MODE: one["mode"], "team": one["team"]}),
            "annotations": present({STATUS: one["status"]}),
        },
        "spec": {"hostNetwork": one["host"], "containers": [{"name": "app", "image": "app:1"}]},
    }
    for space in SPACES
    for number, one in enumerate(
        combinations(mode=MODES, team=TEAMS, status=(None, "{}"), host=(False, True))
    )
]
BLUE_SPACES = {"namespaceSelector": {"matchLabels": {"team": "blue"}}}
SELECTORS = {
    "none at all": [],
    "one that takes everything": [{}],
    "pods by label": [{"podSelector": {"matchLabels": {"team": "blue"}}}],
    "namespaces by label": [BLUE_SPACES],
    "a namespace by its name": [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "n4"}}}
    ],
    "both": [{**BLUE_SPACES, "podSelector": {"matchLabels": {names.DATAPLANE_MODE: "ambient"}}}],
    "either": [
        {
            **BLUE_SPACES,
            "podSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
        },
        {"podSelector": {"matchLabels": {names.DATAPLANE_MODE: "ambient", "team": "red"}}},
    ],
    "all operators": [
        {
            "podSelector": {
                "matchExpressions": [
                    {"key": "team", "operator": "NotIn", "values": ["red"]},
                    {"key": names.DATAPLANE_MODE, "operator": "In", "values": ["ambient", ""]},
                ]
            },
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": names.DATAPLANE_MODE, "operator": "DoesNotExist"},
                    {"key": "team", "operator": "Exists"},
                ]
            },
        }
    ],
}


def config_map(selectors, excluded):
    data = {"AMBIENT_ENABLEMENT_SELECTOR": selectors, "EXCLUDE_NAMESPACES": excluded}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio-cni-config", "namespace": "istio-system"},
        "data": present(data),
    }


def disagreements(folder, settings):
    """The pods for which istio-cni decides otherwise than the model, and how many it takes."""
    mesh = mesh_of(folder, [settings, *SPACES, *PODS])
    model = {
        (w.namespace, w.name): mesh.would_be_enrolled(w) and STATUS not in w.annotations
        for w in mesh.workloads
    }
    labels = {space["metadata"]["name"]: space["metadata"]["labels"] for space in SPACES}
    answers = enrolled(
        {
            "selectors": settings["data"]["AMBIENT_ENABLEMENT_SELECTOR"],
            "excluded": settings["data"].get("EXCLUDE_NAMESPACES", ""),
            "namespaceLabels": labels[pod["metadata"]["namespace"]],
            "pod": pod,
        }
        for pod in PODS
    )
    found = {
        (pod["metadata"]["namespace"], pod["metadata"]["name"]): answer
        for pod, answer in zip(PODS, answers, strict=True)
    }
    return {key for key in found | model if found.get(key) != model.get(key)}, sum(answers)


@pytest.fixture(scope="module")
def stock():
    """The ConfigMap of istio-cni that the ambient profile installs."""
    manifest = subprocess.run(
        [str(binaries()["istioctl"]), "manifest", "generate", "--set=profile=ambient"],
        check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    found = yaml.load_all(manifest, yaml.CSafeLoader)
    return next(d for d in found if d and d["metadata"]["name"] == "istio-cni-config")


def test_every_combination_under_the_settings_that_istio_installs(stock, tmp_path):
    different, taken = disagreements(tmp_path, stock)

    assert different == set()
    assert 0 < taken < len(PODS)


def test_without_a_configmap_the_model_takes_what_istio_installs(stock, tmp_path):
    known = mesh_of(tmp_path, [stock, *SPACES, *PODS])
    assumed = mesh_of(tmp_path, [*SPACES, *PODS])

    for workload in known.workloads:
        namesake = assumed.workload(workload.ref)
        assert known.would_be_enrolled(workload) == assumed.would_be_enrolled(namesake)
    assert (known.cni.known, assumed.cni.known) == (True, False)


@pytest.mark.parametrize("excluded", ["", "n1", " n3 ,n7,, n0", "n1;n2"])
def test_every_combination_with_excluded_namespaces(stock, tmp_path, excluded):
    selectors = stock["data"]["AMBIENT_ENABLEMENT_SELECTOR"]
    different, _ = disagreements(tmp_path, config_map(selectors, excluded))

    assert different == set()


@pytest.mark.parametrize("selectors", SELECTORS.values(), ids=SELECTORS)
def test_every_combination_under_custom_selectors(tmp_path, selectors):
    for text in (yaml.safe_dump(selectors), json.dumps(selectors)):
        different, taken = disagreements(tmp_path, config_map(text, "n3"))

        assert different == set()
        assert bool(taken) == bool(selectors)


@pytest.mark.parametrize("text", ["", "null", "[]\n"])
def test_settings_that_hold_no_selector_enrol_nobody(tmp_path, text):
    different, taken = disagreements(tmp_path, config_map(text, ""))

    assert different == set()
    assert taken == 0


def test_the_mode_of_a_pod_that_bears_the_mark_of_a_sidecar_is_never_ambient(tmp_path, stock):
    """`would_be_enrolled` speaks of a pod without sidecar; what the pod is now stands in its state."""
    mesh = mesh_of(tmp_path, [stock, *SPACES, *PODS])
    marked = [w for w in mesh.workloads if STATUS in w.annotations]

    assert {mesh.state(w).mode for w in marked} == {dataplane.Mode.SIDECAR}
