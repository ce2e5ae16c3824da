"""istio-cni that takes no notice of a namespace, and takes it again."""

import pytest

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.adapters.throwaway.enrolment import Enrolment
from migrator.errors import MigrateError
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.unit.manifests import resource

AGENT = Ref(*kinds.DAEMON_SET, "istio-system", "istio-cni-node")
PODS = {
    ("shop", "by-namespace"): {},
    ("shop", "by-label"): {"istio.io/dataplane-mode": "ambient"},
    ("bank", "by-namespace"): {},
    ("bank", "kept-out"): {"istio.io/dataplane-mode": "none"},
}


def ambient_namespaces():
    labels = {"istio.io/dataplane-mode": "ambient"}
    for name in ("shop", "bank"):
        yield resource({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    for (namespace, name), own in PODS.items():
        meta = {"name": name, "namespace": namespace, "labels": own}
        spec = {"containers": [{"name": "app"}]}
        yield resource({"kind": "Pod", "metadata": meta, "spec": spec})


def cluster(*, ambient=True):
    clock = FakeClock()
    made = FakeCluster.of(Snapshot(()), clock, ambient=ambient)
    return made, Enrolment(made, clock)


def environment(made):
    (container,) = made.get(AGENT)["spec"]["template"]["spec"]["containers"]
    return container.get("env", [])


def enrolled(selectors):
    """By the product's own reading of istio-cni's configuration."""
    meta = {"name": "istio-cni-config", "namespace": "istio-system"}
    data = {"AMBIENT_ENABLEMENT_SELECTOR": selectors}
    config = resource({"kind": "ConfigMap", "metadata": meta, "data": data})
    found = Mesh(Snapshot([*ambient_namespaces(), config]))
    return {f"{w.namespace}/{w.name}" for w in found.workloads if found.would_be_enrolled(w)}


def test_of_one_namespace_no_pod_is_enrolled_and_of_others_as_before():
    made, enrolment = cluster()
    enrolment.stop("shop")
    (own,) = environment(made)
    assert own["name"] == "AMBIENT_ENABLEMENT_SELECTOR"
    assert enrolled(own["value"]) == {"bank/by-namespace"}


def test_it_comes_back_as_it_was_and_twice_is_no_error():
    made, enrolment = cluster()
    before = [{"name": "NODE_NAME", "value": "a"}]
    (container,) = made.get(AGENT)["spec"]["template"]["spec"]["containers"]
    spec = {"containers": [{**container, "env": before}]}
    made.patch(AGENT, {"spec": {"template": {"spec": spec}}})
    enrolment.stop("shop")
    assert len(environment(made)) == 2
    enrolment.resume()
    assert environment(made) == before
    version = made.get(AGENT)["metadata"]["generation"]
    enrolment.resume()
    assert made.get(AGENT)["metadata"]["generation"] == version


def test_without_istio_cni_there_is_nothing_to_hinder():
    _, enrolment = cluster(ambient=False)
    enrolment.resume()
    with pytest.raises(MigrateError, match="no pod is enrolled anyway"):
        enrolment.stop("shop")
