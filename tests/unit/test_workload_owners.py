"""Which object a pod belongs to, when operators stand above Kubernetes' own controllers."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.workloads import collect
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

CANARY = GroupKind("flagger.app", "Canary")  # a kind that the tool keeps
CLUSTER = GroupKind("search.example", "SearchCluster")  # one that it does not


def resource(kind: GroupKind, name: str, owner: Ref | None = None, **labels: str) -> Resource:
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "labels": labels}
    if owner is not None:
        api = f"{owner.group}/v1" if owner.group else "v1"
        reference = {"apiVersion": api, "kind": owner.kind, "name": owner.name, "controller": True}
        meta["ownerReferences"] = [reference]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
    return Resource(Ref(*kind, "shop", name), {"metadata": meta, "spec": {"template": template}})


def ref(kind: GroupKind, name: str) -> Ref:
    return Ref(*kind, "shop", name)


@pytest.mark.parametrize("above", [CANARY, CLUSTER])
@pytest.mark.parametrize("in_source", [True, False])
def test_an_operators_deployment_is_the_workload_and_has_the_pods(
    above: GroupKind,
    in_source: bool,  # noqa: FBT001
) -> None:
    top = resource(above, "search")
    deployment = resource(kinds.DEPLOYMENT, "search", top.ref)
    replicas = resource(kinds.REPLICA_SET, "search-7d", deployment.ref)
    pod = resource(kinds.POD, "search-7d-x", replicas.ref)
    more = [top] if in_source else []

    (found,) = collect(Snapshot([deployment, replicas, pod, *more]))

    assert found.ref == deployment.ref
    assert [one.name for one in found.pods] == ["search-7d-x"]


def test_without_a_controller_the_pods_belong_to_the_operators_resource() -> None:
    pod = resource(kinds.POD, "broker-0", ref(CLUSTER, "broker"))

    (found,) = collect(Snapshot([pod]))

    assert found.ref == ref(CLUSTER, "broker")


def test_a_cron_job_that_is_not_in_the_source_has_its_jobs_pods() -> None:
    job = resource(kinds.JOB, "report-1", ref(kinds.CRON_JOB, "report"))
    pod = resource(kinds.POD, "report-1-x", job.ref)

    (found,) = collect(Snapshot([job, pod]))

    assert found.ref == ref(kinds.CRON_JOB, "report")


def test_a_replica_set_that_is_not_in_the_source_is_named_by_its_hash() -> None:
    hash_label = {"pod-template-hash": "7d"}
    pod = resource(kinds.POD, "cart-7d-x", ref(kinds.REPLICA_SET, "cart-7d"), **hash_label)

    (found,) = collect(Snapshot([pod]))

    assert found.ref == ref(kinds.DEPLOYMENT, "cart")
