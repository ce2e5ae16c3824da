"""Simulated StatefulSets and DaemonSets, as their controllers keep them.

Statuses and marks as k8s.io/kubernetes pkg/controller/{statefulset,daemon} write them. One pod is replaced
at a time, when all others are Ready; with `OnDelete` only what somebody deletes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from migrator.istio import kinds
from migrator.istio.nodes import is_virtual, is_windows
from migrator.istio.selectors import has_labels
from migrator.model.resource import Ref

from .bodies import is_active, is_ready, ref_of, set_status, short_hash, spec_of, template_of
from .pods import Pods
from .store import Object, Store

_HASH = "controller-revision-hash"
_GENERATION = "deprecated.daemonset.template.generation"
_POD_GENERATION = "pod-template-generation"


class Sets:
    """One look at a workload, and what its controller would do next."""

    def __init__(self, store: Store, pods: Pods) -> None:
        self._store = store
        self._pods = pods
        self._revisions: dict[Ref, dict[str, Mapping[str, Any]]] = {}
        self._nodes: dict[Ref, tuple[str, ...]] = {}
        self._newest: dict[Ref, str] = {}

    def reconcile_stateful(self, ref: Ref) -> None:
        body = self._store.get(ref)
        if body is None:
            return
        pods = {_ordinal(pod): pod for pod in self._store.owned(body, kinds.POD)}
        update = self._revision(body, tuple(pods.values()))
        current = str((body.get("status") or {}).get("currentRevision") or update)
        strategy = spec_of(body).get("updateStrategy") or {}
        replicas = spec_of(body).get("replicas")
        wanted = 1 if replicas is None else int(replicas)
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        for ordinal in set(range(wanted)) - set(pods):
            self._make_ordinal(body, ordinal, current if ordinal < partition else update)
        for ordinal in set(pods) - set(range(wanted)):
            self._pods.end(pods[ordinal])
        old = [
            pods[n] for n in sorted(pods, reverse=True) if n >= partition and _of(pods[n]) != update
        ]
        if strategy.get("type") != "OnDelete":
            self._replace_one(old, tuple(pods.values()), wanted)
        self._report_stateful(body, wanted, current, update)

    def reconcile_daemon(self, ref: Ref) -> None:
        body = self._store.get(ref)
        if body is None:
            return
        pods = self._store.owned(body, kinds.POD)
        update = self._revision(body, pods)
        body = self._counted(body, update, pods)
        there = {str(spec_of(pod).get("nodeName")): pod for pod in pods}
        nodes = self._places(body, pods)
        number = body["metadata"]["annotations"][_GENERATION]
        marks = {_HASH: update.rpartition("-")[2], _POD_GENERATION: number}
        for node in nodes:
            if node not in there:
                template = template_of(body, kinds.DAEMON_SET)
                there_spec = {**(template.get("spec") or {}), "nodeName": node}
                name = f"{ref.name}-{short_hash(node, ref.name, number, self._store.version)[:5]}"
                self._pods.make(body, name, {**template, "spec": there_spec}, marks)
        old = [pod for pod in pods if _marked(pod, _POD_GENERATION) != number]
        strategy = spec_of(body).get("updateStrategy") or {}
        if strategy.get("type") != "OnDelete":
            self._replace_one(old, pods, len(nodes))
        self._report_daemon(body, number, nodes)

    def _revision(self, body: Object, pods: Sequence[Object]) -> str:
        """The name of the current template; at first sight the one that the running pods bear."""
        ref, kind = ref_of(body), ref_of(body).group_kind
        template = template_of(body, kind)
        known = self._revisions.setdefault(ref, {})
        for name, one in known.items():
            if one == template:
                return name
        seen = "" if known or not pods else _marked(pods[0], _HASH)
        name = seen or f"{ref.name}-{short_hash(template, str(ref))}"
        known[name] = template
        return name

    def _make_ordinal(self, body: Object, ordinal: int, revision: str) -> None:
        ref = ref_of(body)
        name = f"{ref.name}-{ordinal}"
        template = self._revisions[ref].get(revision) or template_of(body, kinds.STATEFUL_SET)
        labels = {
            _HASH: revision,
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
        self._pods.make(body, name, template, labels)

    def _replace_one(self, old: Sequence[Object], every: Sequence[Object], wanted: int) -> None:
        """A broken one first; else one of them when all are Ready."""
        broken = [pod for pod in old if is_active(pod) and not is_ready(pod)]
        whole = len(every) >= wanted and all(is_active(p) and is_ready(p) for p in every)
        for pod in (broken or (old if whole else ()))[:1]:
            self._pods.end(pod)

    def _report_stateful(self, body: Object, wanted: int, current: str, update: str) -> None:
        pods = [pod for pod in self._store.owned(body, kinds.POD) if is_active(pod)]
        ready = sum(map(is_ready, pods))
        updated = sum(_of(pod) == update for pod in pods)
        by_hand = (spec_of(body).get("updateStrategy") or {}).get("type") == "OnDelete"
        if updated == len(pods) == ready == wanted and not by_hand:
            current = update
        status = {
            "observedGeneration": body["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": sum(_of(pod) == current for pod in pods),
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": update,
        }
        set_status(self._store, body, status)

    def _counted(self, body: Object, update: str, pods: Sequence[Object]) -> Object:
        """The API server itself numbers the templates of DaemonSets, on the object and on its pods."""
        annotations = dict(body["metadata"].get("annotations") or {})
        first = next((mark for pod in pods if (mark := _marked(pod, _POD_GENERATION))), "1")
        if _GENERATION not in annotations:
            annotations[_GENERATION] = first
        elif self._newest.get(ref_of(body), update) != update:
            annotations[_GENERATION] = str(int(annotations[_GENERATION]) + 1)
        self._newest[ref_of(body)] = update
        metadata = {**body["metadata"], "annotations": annotations}
        return self._store.change(ref_of(body), {**body, "metadata": metadata})

    def _places(self, body: Object, pods: Sequence[Object]) -> tuple[str, ...]:
        """The nodes where it runs already; of one that runs nowhere yet those that its template takes."""
        ref = ref_of(body)
        if ref not in self._nodes:
            seen = {str(spec_of(pod)["nodeName"]) for pod in pods if spec_of(pod).get("nodeName")}
            self._nodes[ref] = tuple(sorted(seen or self._fitting(body)))
        return self._nodes[ref]

    def _fitting(self, body: Object) -> set[str]:
        spec = template_of(body, kinds.DAEMON_SET).get("spec") or {}
        wanted = {"kubernetes.io/os": "linux", **(spec.get("nodeSelector") or {})}
        found = set()
        for node in self._store.of(kinds.NODE):
            labels = {"kubernetes.io/os": "linux", **(node["metadata"].get("labels") or {})}
            if has_labels(wanted, labels) and not is_windows(labels) and not is_virtual(labels):
                found.add(node["metadata"]["name"])
        return found

    def _report_daemon(self, body: Object, number: str, nodes: Sequence[str]) -> None:
        pods = [pod for pod in self._store.owned(body, kinds.POD) if is_active(pod)]
        ready = sum(map(is_ready, pods))
        status = {
            "observedGeneration": body["metadata"]["generation"],
            "desiredNumberScheduled": len(nodes),
            "currentNumberScheduled": len(pods),
            "updatedNumberScheduled": sum(_marked(p, _POD_GENERATION) == number for p in pods),
            "numberReady": ready,
            "numberAvailable": ready,
            "numberMisscheduled": 0,
        }
        set_status(self._store, body, status)


def _marked(pod: Object, label: str) -> str:
    return str((pod["metadata"].get("labels") or {}).get(label, ""))


def _of(pod: Object) -> str:
    return _marked(pod, _HASH)


def _ordinal(pod: Object) -> int:
    number = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
