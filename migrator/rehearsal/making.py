"""The recreated mesh put on the cluster: created in order, and waited for."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from migrator.engine.pods import running_pods
from migrator.errors import ConflictError, MigrateError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.ports import Body, Clock, Cluster

from .persons import Persons
from .recreate import MARK, OWNER, Manifest, Recreated, is_deciding, ref_of

_COUNTED = (kinds.DEPLOYMENT, kinds.STATEFUL_SET)
_PAUSE = 1.0


class Made(NamedTuple):
    """What the cluster refused, and of that what decides about traffic."""

    refused: tuple[str, ...]
    deciding: tuple[str, ...]


def make(cluster: Cluster, recreated: Recreated, persons: Persons) -> Made:
    """Create every object. One that the cluster refuses is left out and said."""
    refused: list[str] = []
    deciding: list[str] = []
    for manifest in recreated.manifests:
        ref = ref_of(manifest)
        says = _create(cluster, manifest)
        if says:
            (deciding if is_deciding(ref.group_kind) else refused).append(f"{ref}: {says}")
        elif ref.group_kind == kinds.POD:
            persons.remember(manifest)
    return Made((*refused, *deciding), tuple(deciding))


def _create(cluster: Cluster, manifest: Manifest) -> str:
    try:
        cluster.create(manifest)
    except ConflictError:
        return _again(cluster, manifest)
    except MigrateError as error:
        return f"{error.summary} {error.detail}".strip()
    return ""


def _again(cluster: Cluster, manifest: Manifest) -> str:
    """An object that is there already, as the namespace `default` is, gets what it lacks, but no mark."""
    meta = manifest["metadata"]
    kept = {k: v for k, v in (meta.get("labels") or {}).items() if k not in {*MARK, OWNER}}
    manifest = {**manifest, "metadata": {**meta, "labels": kept}}
    wanted: Body = {key: manifest[key] for key in ("metadata", "spec") if key in manifest}
    try:
        cluster.patch(ref_of(manifest), wanted)
    except MigrateError as error:
        return f"{error.summary} {error.detail}".strip()
    return ""


def wait(cluster: Cluster, clock: Clock, namespaces: Iterable[str], seconds: float) -> str:
    """Until all pods are there and ready; else which workloads lack some, and why."""
    spaces, begin = set(namespaces), clock.now()
    while True:
        waiting = [
            Ref(*kind, body["metadata"]["namespace"], body["metadata"]["name"])
            for kind in _COUNTED
            for body in cluster.list(kind)
            if body["metadata"]["namespace"] in spaces and not _is_ready(body)
        ]
        if not waiting:
            return ""
        if (clock.now() - begin).total_seconds() > seconds:
            return ", ".join(f"{ref} ({_why(cluster, ref)})" for ref in waiting)
        clock.sleep(_PAUSE)


def _is_ready(body: Mapping[str, Any]) -> bool:
    status = body.get("status") or {}
    wanted = (body.get("spec") or {}).get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= body["metadata"].get("generation", 0)
    return seen and int(status.get("readyReplicas", 0)) >= int(wanted)


def _why(cluster: Cluster, workload: Ref) -> str:
    """What the first of its pods that is not ready says of itself."""
    for pod in running_pods(cluster, workload):
        status = pod.get("status") or {}
        for key in ("initContainerStatuses", "containerStatuses"):
            for one in status.get(key) or ():
                state = one.get("state") or {}
                if "waiting" in state:
                    said = state["waiting"]
                    words = (str(said.get(part, "")) for part in ("reason", "message"))
                    return f"{one['name']}: {' '.join(filter(None, words))}"
                if "running" in state and not one.get("ready"):
                    return f"{one['name']} runs and does not get ready"
    return "no pod says why"
