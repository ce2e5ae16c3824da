"""Who is injected, and by which revision: the model against real webhooks, every combination of labels.

Real: the API server's choice among the webhooks, the webhooks themselves (the default revision's, those of
a second istiod of revision `canary`, those of the tag `prod` that points at it), and the decision of the
istiod that is called. Each pod is a dry run of a create: the whole admission chain runs, nothing is stored.
Simulated: nothing. The control plane is this module's own, because its webhooks change.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from migrator.istio import labels as names

from .controlplane import ControlPlane
from .istio import NAMESPACE
from .matrix import STATUS, admitted, combinations, mesh_of, namespace, present
from .matrix_revisions import apply_injection, set_tag, start_istiod
from .meshes import eventually

GONE = "gone"  # a revision that no control plane answers for
REVISIONS = (None, "default", "canary", "prod", GONE)
SPACES = [
    namespace(f"n{number}", {names.INJECTION: one["injection"], names.REVISION: one["revision"]})
    for number, one in enumerate(
        combinations(injection=(None, "enabled", "disabled", "true"), revision=REVISIONS)
    )
]
SPACES.append(namespace("kube-node-lease", {names.INJECTION: "enabled"}))
SPACES.append(namespace("kube-public", {names.REVISION: "canary"}))
BY_DEFAULT = "values.sidecarInjectorWebhook.enableNamespacesByDefault=true"


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """Two istiods with their webhooks, one tag, and a namespace for every pair of labels."""
    with ControlPlane(Path(tmp_path_factory.mktemp("revisions"))) as running:
        running.install_istio("default")
        start_istiod(running, "canary")
        set_tag(running, "prod", "canary")
        running.kubectl(
            "apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(SPACES, sort_keys=False)
        )
        for space in SPACES:  # pods are refused until their service account is there
            name = space["metadata"]["name"]
            assert eventually(lambda name=name: _has_account(running, name), 30)
        yield running


@pytest.fixture
def changed(plane):
    """Install a revision's injection with other settings; put back when the test is over."""
    ports = {
        "default": plane.ports.istiod_https,
        "canary": _port_of(plane, "istio-sidecar-injector-canary"),
    }

    def change(revision, *settings):
        of = () if revision == "default" else (f"revision={revision}",)
        apply_injection(plane, ports[revision], *of, *settings)

    yield change
    plane.kubectl(
        "delete", "mutatingwebhookconfiguration", "istio-revision-tag-default", "--ignore-not-found"
    )
    for revision in ports:
        change(revision)
    assert eventually(lambda: set(really(plane, PROBES).values()) == set(ports), 30)


def _port_of(plane, name):
    hook = plane.get("mutatingwebhookconfiguration", name)["webhooks"][0]
    return urlsplit(hook["clientConfig"]["url"]).port


def pods_for(spaces, **dimensions):
    """A pod for every combination in every namespace; a dimension is a label, `annotation` or `host`."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"p{number}",
                "namespace": space["metadata"]["name"],
                "labels": present(
                    {key: one[key] for key in one if key not in {"annotation", "host"}}
                ),
                "annotations": present({names.INJECT: one.get("annotation")}),
            },
            "spec": {
                "hostNetwork": one.get("host", False),
                "containers": [{"name": "app", "image": "app:1"}],
            },
        }
        for space in spaces
        for number, one in enumerate(combinations(**dimensions))
    ]


EVERY = pods_for(
    SPACES,
    **{names.INJECT: (None, "true", "false", "yes", ""), names.REVISION: REVISIONS},
    annotation=(None, "true", "false"),
    host=(False, True),
)


LABELLED = pods_for(
    SPACES, **{names.INJECT: (None, "true", "false", "yes"), names.REVISION: REVISIONS}
)
# refused as long as there is a selector for never
PROBES = pods_for(SPACES[:1], **{names.REVISION: ("default", "prod")}, team=("never",))


def revision_of(pod):
    """The revision that injected the pod, as the injector wrote it; empty when none did."""
    status = (pod["metadata"].get("annotations") or {}).get(STATUS)
    return json.loads(status)["revision"] if status else ""


def really(plane, pods):
    """Namespace and name of each pod, with the revision that injected it."""
    answers = admitted(plane, pods)
    return {_key(pod): revision_of(answer) for pod, answer in zip(pods, answers, strict=True)}


def predicted(folder, *objects):
    """The same from the model, with its reasons."""
    mesh = mesh_of(folder, objects)
    return {
        (w.namespace, w.name): mesh.injection(w)
        for w in mesh.workloads
        if w.resource.ref.kind == "Pod"
    }


def _key(pod):
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def seen(plane):
    """What a user of a live cluster has: webhooks, the injectors' settings, namespaces with labels."""
    found = [*plane.get("namespaces")["items"]]
    found += plane.get("mutatingwebhookconfigurations")["items"]
    found += plane.get("configmaps", "-n", NAMESPACE)["items"]
    return found


def disagreements(real, model):
    assert real.keys() == model.keys()
    return {
        key: (revision, model[key])
        for key, revision in real.items()
        if (bool(revision), revision) != model[key][:2]
    }


def test_every_combination_is_injected_as_predicted_from_the_live_webhooks(plane, tmp_path):
    real = really(plane, EVERY)
    model = predicted(tmp_path, *seen(plane), *EVERY)

    assert disagreements(real, model) == {}
    assert len(real) == len(SPACES) * 150
    assert set(real.values()) == {"", "default", "canary"}


def test_manifests_without_webhooks_differ_only_where_a_label_names_no_control_plane(
    plane, tmp_path
):
    """Istio's own webhooks are assumed for every revision that a label names.

    Two differences follow: who asks for a revision that nobody serves counts as injected (the cautious
    answer), and a tag goes by its own name, because what it points at stands only in the webhooks.
    """
    real = really(plane, EVERY)
    model = predicted(tmp_path, *SPACES, *EVERY)

    unserved = {key for key, one in model.items() if one.revision == GONE}
    assert {real[key] for key in unserved} == {""}
    tagged = {key for key, one in model.items() if one.revision == "prod"}
    assert {real[key] for key in tagged} == {"canary"}
    left = disagreements(real, model).keys() - unserved - tagged
    assert left == set()
    assert unserved
    assert tagged


def test_an_injector_decides_by_its_own_policy_and_selectors(plane, changed, tmp_path):
    """`canary` disabled, `default` enabled, each with a selector for never and one for always."""
    selectors = [
        f"values.sidecarInjectorWebhook.{when}InjectSelector[0].matchLabels.team={when}"
        for when in ("never", "always")
    ]
    changed("default", *selectors)
    changed("canary", "values.global.proxy.autoInject=disabled", *selectors)
    pods = pods_for(
        SPACES,
        **{names.INJECT: (None, "true", "false", "yes"), names.REVISION: (None, "default", "prod")},
        team=(None, "never", "always"),
        annotation=(None, "true", "false"),
    )
    assert eventually(lambda: set(really(plane, PROBES).values()) == {""}, 30)
    real = really(plane, pods)
    model = predicted(tmp_path, *seen(plane), *pods)

    assert disagreements(real, model) == {}
    assert {"never-selector", "always-selector", "policy"} <= {m.decided_by for m in model.values()}


def test_every_combination_once_namespaces_without_labels_are_injected(plane, changed, tmp_path):
    """`enableNamespacesByDefault`, read off the webhooks."""
    changed("default", BY_DEFAULT)
    real = really(plane, EVERY)
    model = predicted(tmp_path, *seen(plane), *EVERY)

    assert disagreements(real, model) == {}
    assert any(one.decided_by == "default" for one in model.values())


def test_the_tag_default_takes_the_default_webhooks_over(plane, changed, tmp_path):
    """`istioctl tag set default`: the first revision's own webhooks select nothing any more.

    When its installer puts them back, both revisions inject, and the one whose configuration has the
    later name counts.
    """
    set_tag(plane, "default", "canary")
    real = really(plane, LABELLED)
    model = predicted(tmp_path, *seen(plane), *LABELLED)

    assert disagreements(real, model) == {}
    assert set(real.values()) == {"", "canary"}

    changed("default")
    real = really(plane, LABELLED)
    model = predicted(tmp_path, *seen(plane), *LABELLED)

    assert disagreements(real, model) == {}
    assert set(real.values()) == {"", "default", "canary"}


def _has_account(plane, name):
    return plane.kubectl("get", "serviceaccount", "default", "-n", name, "--ignore-not-found")
