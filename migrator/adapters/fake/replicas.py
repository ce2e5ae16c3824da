"""Simulated Deployments, Argo Rollouts and ReplicaSets, as their controllers keep them.

Statuses and marks as k8s.io/kubernetes pkg/controller/deployment and argoproj/argo-rollouts write them. A
Rollout's steps are not simulated: whoever promotes it does so at once.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import Ref

from .bodies import (
    condition,
    is_active,
    is_ready,
    owner_reference,
    ref_of,
    set_status,
    short_hash,
    spec_of,
    template_of,
)
from .pods import Pods
from .store import Object, Store

_REVISION = "deployment.kubernetes.io/revision"
_HASH = {kinds.DEPLOYMENT: names.POD_TEMPLATE_HASH, kinds.ROLLOUT: "rollouts-pod-template-hash"}


class Replicas:
    """One look at a workload, and what its controller would do next."""

    def __init__(self, store: Store, pods: Pods) -> None:
        self._store = store
        self._pods = pods
        self._made = 0

    def reconcile(self, ref: Ref) -> None:
        """Of a Deployment or a Rollout. Called again whenever one of its pods has changed."""
        body = self._store.get(ref)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return
        template = self._template(body)
        if spec_of(body).get("paused") or not template:
            self._observe(body)
            return
        newest = self._newest(body, template)
        groups = {
            one["metadata"]["name"]: self._active(one)
            for one in self._store.owned(body, kinds.REPLICA_SET)
        }
        new = groups.pop(newest["metadata"]["name"])
        old = [pod for group in groups.values() for pod in group]
        self._step(body, newest, new, old)
        self._report(body, newest)

    def reconcile_set(self, ref: Ref) -> None:
        """Of a ReplicaSet that no Deployment makes."""
        body = self._store.get(ref)
        if body is None:
            return
        wanted, pods = _wanted(body), self._active(body)
        self._make(body, wanted - len(pods))
        self._end(pods[wanted:])
        set_status(self._store, body, _set_status(body, self._active(body)))

    def _template(self, body: Object) -> Mapping[str, Any]:
        """A Rollout may borrow a Deployment's template."""
        named = (spec_of(body).get("workloadRef") or {}).get("name")
        found = template_of(body, kinds.DEPLOYMENT)
        if not found and named:
            lender = Ref(*kinds.DEPLOYMENT, body["metadata"]["namespace"], named)
            found = template_of(self._store.get(lender) or {}, kinds.DEPLOYMENT)
        return found

    def _newest(self, body: Object, template: Mapping[str, Any]) -> Object:
        """The ReplicaSet of the current template, found by the template as the real controller does."""
        sets = self._store.owned(body, kinds.REPLICA_SET)
        numbers = [_revision(one) for one in sets]
        highest = max(numbers, default=0)
        for one, number in zip(sets, numbers, strict=True):
            if _bare(template_of(one, kinds.REPLICA_SET)) == _bare(template):
                if number == highest and highest:
                    return one
                return self._mark(one, highest + 1)
        return self._make_set(body, template, highest + 1)

    def _make_set(self, body: Object, template: Mapping[str, Any], number: int) -> Object:
        ref = ref_of(body)
        key, value = _HASH[ref.group_kind], short_hash(template, str(ref))
        metadata = template.get("metadata") or {}
        labels = {**(metadata.get("labels") or {}), key: value}
        made = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{ref.name}-{value}",
                "namespace": ref.namespace,
                "labels": labels,
                "annotations": {_REVISION: str(number)},
                "ownerReferences": [owner_reference(body)],
            },
            "spec": {
                "replicas": _wanted(body),
                "selector": {"matchLabels": labels},
                "template": {**template, "metadata": {**metadata, "labels": labels}},
            },
        }
        return self._store.add(ref_of(made), made)

    def _mark(self, one: Object, number: int) -> Object:
        annotations = {**(one["metadata"].get("annotations") or {}), _REVISION: str(number)}
        new = {**one, "metadata": {**one["metadata"], "annotations": annotations}}
        return self._store.change(ref_of(one), new)

    def _step(
        self, body: Object, newest: Object, new: Sequence[Object], old: Sequence[Object]
    ) -> None:
        wanted = _wanted(body)
        surge, missing = _bounds(body, wanted)
        if missing == wanted and surge == 0:
            self._end(old)
        room = wanted + surge - len(new) - len(old)
        self._make(newest, min(room, wanted - len(new)) if old else wanted - len(new))
        self._end(sorted(new, key=is_ready)[: max(len(new) - wanted, 0)])
        spare = sum(map(is_ready, (*new, *old))) - (wanted - missing)
        broken = [pod for pod in old if not is_ready(pod)]
        self._end(broken)
        self._end([pod for pod in old if is_ready(pod)][: max(spare, 0)])

    def _report(self, body: Object, newest: Object) -> None:
        ref = ref_of(body)
        counts = {
            one["metadata"]["name"]: self._active(one)
            for one in self._store.owned(body, kinds.REPLICA_SET)
        }
        wanted = _wanted(body)
        for one in self._store.owned(body, kinds.REPLICA_SET):
            pods = counts[one["metadata"]["name"]]
            size = wanted if ref_of(one) == ref_of(newest) else len(pods)
            scaled = {**one, "spec": {**spec_of(one), "replicas": size}}
            self._store.change(ref_of(one), {**scaled, "status": _set_status(one, pods)})
        new = counts[newest["metadata"]["name"]]
        every = [pod for group in counts.values() for pod in group]
        ready = sum(map(is_ready, every))
        done = len(new) == len(every) == wanted and all(map(is_ready, new))
        status: dict[str, Any] = {
            "replicas": len(every),
            "updatedReplicas": len(new),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(wanted - ready, 0),
        }
        if ref.group_kind == kinds.ROLLOUT:
            status |= _argo(body, newest, done=done)
            set_status(self._store, body, status)
            return
        status |= {
            "observedGeneration": body["metadata"]["generation"],
            "conditions": _progress(done=done, available=ready >= wanted),
        }
        self._write(body, status, _revision(newest))

    def _write(self, body: Object, status: Mapping[str, Any], number: int) -> None:
        """Status and the number of the revision in one: that does not count as a change of the spec."""
        metadata = body["metadata"]
        annotations = {**(metadata.get("annotations") or {}), _REVISION: str(number)}
        new = {**body, "metadata": {**metadata, "annotations": annotations}, "status": status}
        self._store.change(ref_of(body), new)

    def _observe(self, body: Object) -> None:
        generation = body["metadata"]["generation"]
        is_argo = ref_of(body).group_kind == kinds.ROLLOUT
        seen = str(generation) if is_argo else generation
        set_status(self._store, body, {"observedGeneration": seen})

    def _active(self, owner: Object) -> tuple[Object, ...]:
        return tuple(pod for pod in self._store.owned(owner, kinds.POD) if is_active(pod))

    def _make(self, owner: Object, number: int) -> None:
        template = template_of(owner, kinds.REPLICA_SET)
        ref = ref_of(owner)
        for _ in range(number):
            self._made += 1
            self._pods.make(owner, f"{ref.name}-{short_hash(self._made)[:5]}", template, {})

    def _end(self, pods: Iterable[Object]) -> None:
        for pod in pods:
            self._pods.end(pod)


def _wanted(body: Object) -> int:
    replicas = spec_of(body).get("replicas")
    return 1 if replicas is None else int(replicas)


def _bounds(body: Object, wanted: int) -> tuple[int, int]:
    """How many pods more, and how many fewer, there may be while rolling (a quarter by default)."""
    strategy = spec_of(body).get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or strategy.get("canary") or {}
    surge = _share(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    return (surge, missing) if surge or missing else (1, 0)


def _share(value: object, of: int, rounded: Any) -> int:
    text = str(value)
    return int(rounded(of * float(text[:-1]) / 100)) if text.endswith("%") else int(text)


def _bare(template: Mapping[str, Any]) -> dict[str, Any]:
    """A template without the labels that controllers add."""
    metadata = dict(template.get("metadata") or {})
    labels = {
        k: v for k, v in (metadata.pop("labels", None) or {}).items() if k not in _HASH.values()
    }
    kept = {key: value for key, value in {**metadata, "labels": labels}.items() if value}
    return {**template, "metadata": kept}


def _revision(one: Object) -> int:
    return int((one["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _set_status(one: Object, pods: Sequence[Object]) -> dict[str, Any]:
    ready = sum(map(is_ready, pods))
    return {
        "observedGeneration": one["metadata"].get("generation", 1),
        "replicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }


def _progress(*, done: bool, available: bool) -> list[Object]:
    progress = "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
    enough = "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"
    return [
        condition("Available", str(available), enough),
        condition("Progressing", "True", progress),
    ]


def _argo(body: Object, newest: Object, *, done: bool) -> dict[str, Any]:
    key = _HASH[kinds.ROLLOUT]
    current = newest["metadata"]["labels"].get(key, "")
    stable = (body.get("status") or {}).get("stableRS") or current
    return {
        "observedGeneration": str(body["metadata"]["generation"]),
        "phase": "Healthy" if done else "Progressing",
        "currentPodHash": current,
        "stableRS": current if done else stable,
    }
