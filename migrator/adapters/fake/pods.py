"""Simulated pods: admitted by the injector, started by a kubelet, enrolled by istio-cni.

Who is injected and who is enrolled is the project's own model (`istio.injection`, `istio.dataplane`); what
is written on a pod are the labels and annotations that Istio writes (pkg/kube/inject/webhook.go,
cni/pkg/util/podutil.go of istio/istio).
"""

import json
from collections.abc import Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.pods import dataplane, injection
from migrator.istio.pods.injection import Injection
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref, Resource

from .bodies import condition, controller, is_active, owner_reference, ref_of, set_status
from .facts import Facts
from .faults import Faults
from .loop import Loop
from .store import Object, Store

_START, _END = 1.0, 0.5
_PROXY = {"name": "istio-proxy", "image": "istio/proxyv2:simulated"}


class Pods:
    """Everything that happens to a pod between its creation and its end."""

    def __init__(self, store: Store, loop: Loop, facts: Facts, faults: Faults) -> None:
        self._store = store
        self._loop = loop
        self._facts = facts
        self._faults = faults
        self._placed = 0

    def make(
        self, owner: Object, name: str, template: Mapping[str, Any], labels: Mapping[str, str]
    ) -> None:
        """Create a pod of `owner` from a template, with the labels that its controller adds."""
        metadata = template.get("metadata") or {}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **{k: v for k, v in metadata.items() if k == "annotations" and v},
                "name": name,
                "namespace": owner["metadata"]["namespace"],
                "labels": {**(metadata.get("labels") or {}), **labels},
                "ownerReferences": [owner_reference(owner)],
            },
            "spec": dict(template.get("spec") or {}),
        }
        self._store.add(ref_of(pod), self.admitted(pod))

    def admitted(self, pod: Object) -> Object:
        """The pod as admission leaves it: with a sidecar, where the model says so, and a node."""
        decision = self._decision(pod)
        if decision.injected:
            pod = self._injected(pod, decision.revision)
        spec = pod.get("spec") or {}
        if not spec.get("nodeName"):
            spec = {**spec, "nodeName": self._node()}
        conditions = [condition("Ready", "False", "ContainersNotReady")]
        return {**pod, "spec": spec, "status": {"phase": "Pending", "conditions": conditions}}

    def end(self, pod: Object) -> None:
        """Delete gracefully: it is ending at once, and gone a little later."""
        ref = ref_of(pod)
        if not pod["metadata"].get("deletionTimestamp"):
            self._store.change(
                ref, _with(pod, deletionTimestamp=pod["metadata"]["creationTimestamp"])
            )
        self._loop.soon(_END, self._gone, ref, pod["metadata"]["uid"])

    def changed(self, ref: Ref, old: Object | None, new: Object | None) -> None:
        """A pod is new, or its labels are others."""
        if new is None:
            return
        if old is None:
            self._loop.soon(_START, self.start, ref, new["metadata"]["uid"])
        if old is None or old["metadata"].get("labels") != new["metadata"].get("labels"):
            self.enrol_soon(ref)

    def start(self, ref: Ref, uid: str) -> None:
        """The kubelet's part: Running, and Ready unless a fault says otherwise."""
        pod = self._store.get(ref)
        if pod is None or pod["metadata"]["uid"] != uid or not is_active(pod):
            return
        ready = not self._is_held_back(pod)
        state = {"running": {}} if ready else {"waiting": {"reason": "simulated"}}
        containers = [
            {"name": one.get("name", ""), "ready": ready, "state": state}
            for one in (pod.get("spec") or {}).get("containers") or ()
        ]
        word, why = ("True", "") if ready else ("False", "ContainersNotReady")
        status = {
            "phase": "Running" if ready or _runs(pod) else "Pending",
            "conditions": [condition("Ready", word, why)],
            "containerStatuses": containers,
        }
        set_status(self._store, pod, status)

    def enrol_soon(self, ref: Ref) -> None:
        self._loop.soon(self._faults.cni_seconds, self._enrol, ref)

    def _enrol(self, ref: Ref) -> None:
        pod = self._store.get(ref)
        if pod is None or not is_active(pod) or self._faults.cni == "never":
            return
        annotations = dict(pod["metadata"].get("annotations") or {})
        if self._is_eligible(pod):
            annotations[names.REDIRECTION] = self._faults.cni
        else:
            annotations.pop(names.REDIRECTION, None)
        if annotations != (pod["metadata"].get("annotations") or {}):
            self._store.change(ref, _with(pod, annotations=annotations))

    def _is_eligible(self, pod: Object) -> bool:
        if names.SIDECAR_STATUS in (pod["metadata"].get("annotations") or {}):
            return False
        if not self._facts.has_cni or dataplane.has_own_proxy(pod.get("spec") or {}):
            return False
        namespace = pod["metadata"].get("namespace", "")
        labels = self._namespace_labels(namespace)
        return dataplane.eligible(_workload(pod), namespace, labels, self._facts.cni)

    def _decision(self, pod: Object) -> Injection:
        labels = self._namespace_labels(pod["metadata"].get("namespace", ""))
        return injection.predict(self._facts.hooks, labels, _workload(pod))

    def _namespace_labels(self, name: str) -> Mapping[str, str]:
        namespace = self._store.get(Ref(*kinds.NAMESPACE, "", name))
        found = (namespace or {}).get("metadata", {}).get("labels") or {}
        return {names.CANONICAL_NAMESPACE: name, **found}

    def _injected(self, pod: Object, revision: str) -> Object:
        metadata, spec = pod["metadata"], pod.get("spec") or {}
        status = json.dumps({"containers": [_PROXY["name"]], "revision": revision})
        labels = {**(metadata.get("labels") or {}), names.TLS_MODE: "istio"}
        if self._facts.hbone:
            labels[names.TUNNEL] = "http"
        annotations = {**(metadata.get("annotations") or {}), names.SIDECAR_STATUS: status}
        containers = list(spec.get("containers") or ())
        if not dataplane.has_own_proxy(spec):
            containers.append(_PROXY)
        return {
            **pod,
            "metadata": {**metadata, "labels": labels, "annotations": annotations},
            "spec": {**spec, "containers": containers},
        }

    def _node(self) -> str:
        nodes = self._store.of(kinds.NODE)
        self._placed += 1
        return str(nodes[self._placed % len(nodes)]["metadata"]["name"]) if nodes else ""

    def _is_held_back(self, pod: Object) -> bool:
        """By a fault on the pod, or on whoever made it."""
        at: Object | None = pod
        while at is not None:
            if ref_of(at) in self._faults.unready:
                return True
            maker = controller(at)
            at = self._store.get(maker) if maker else None
        return False

    def _gone(self, ref: Ref, uid: str) -> None:
        pod = self._store.get(ref)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._store.remove(ref)


def _workload(pod: Object) -> Workload:
    """The pod as the model sees it: its own template."""
    ref = ref_of(pod)
    return Workload(ref, Resource(ref, pod), pod, "", 1, (), Role.APP)


def _runs(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def _with(pod: Object, **metadata: Any) -> Object:
    return {**pod, "metadata": {**pod["metadata"], **metadata}}
