"""istio-cni that takes no notice of a namespace, and takes it again."""

import pytest

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.adapters.throwaway.enrolment import Enrolment
from migrator.errors import MigrateError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.unit.manifests import mesh, resource

AGENT = Ref(*kinds.DAEMON_SET, "istio-system", "istio-cni-node")
MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bank, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Pod
metadata: {name: by-namespace, namespace: shop}
spec: {containers: [{name: app}]}
---
apiVersion: v1
kind: Pod
metadata: {name: by-label, namespace: shop, labels: {istio.io/dataplane-mode: ambient}}
spec: {containers: [{name: app}]}
---
apiVersion: v1
kind: Pod
metadata: {name: by-namespace, namespace: bank}
spec: {containers: [{name: app}]}
---
apiVersion: v1
kind: Pod
metadata: {name: kept-out, namespace: bank, labels: {istio.io/dataplane-mode: none}}
spec: {containers: [{name: app}]}
"""


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
    found = mesh(MESH).changed({config.ref: config})
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
