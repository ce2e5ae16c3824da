"""The running pods of a workload, as the cluster has them now."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.ports import Body, ClusterReader

# What stands between a workload and its pods: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
# (owners), and https://argo-rollouts.readthedocs.io/en/stable/architecture/ (ReplicaSets of a Rollout)
_BETWEEN: Mapping[GroupKind, tuple[GroupKind, ...]] = {
    kinds.DEPLOYMENT: (kinds.REPLICA_SET,),
    kinds.ROLLOUT: (kinds.REPLICA_SET,),
    kinds.CRON_JOB: (kinds.JOB,),
}


def running_pods(cluster: ClusterReader, workload: Ref) -> Iterator[Body]:
    """Pods that `workload` owns, directly or through ReplicaSets and Jobs, and that are not ending."""
    if workload.group_kind == kinds.POD:
        found = cluster.get(workload)
        if found is not None:
            yield found
        return
    owners = _owners(cluster, workload)
    for pod in cluster.list(kinds.POD, workload.namespace):
        meta = pod["metadata"]
        if _owner(meta) in owners and not meta.get("deletionTimestamp"):
            yield pod


def _owners(cluster: ClusterReader, workload: Ref) -> set[tuple[str, str]]:
    owners = {(workload.kind, workload.name)}
    for kind in _BETWEEN.get(workload.group_kind, ()):
        for body in cluster.list(kind, workload.namespace):
            if _owner(body["metadata"]) == (workload.kind, workload.name):
                owners.add((kind.kind, body["metadata"]["name"]))
    return owners


def _owner(metadata: Mapping[str, Any]) -> tuple[str, str]:
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return reference["kind"], reference["name"]
    return "", ""
