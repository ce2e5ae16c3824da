"""The NetworkPolicies of a mesh: which of them isolate which pods, and which workloads their peers name."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from migrator.istio import kinds
from migrator.istio.selectors import Labelled
from migrator.istio.workloads import Workload
from migrator.model.resource import Resource

from .networkpolicy import Direction, Peer, Pod, by_namespace, isolating

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh, Namespace

_encode = msgspec.json.Encoder(order="deterministic").encode


class Isolation:
    """Answers are kept: many pods and policies ask the same."""

    def __init__(self, mesh: "Mesh") -> None:
        self._mesh = mesh
        self._members: dict[tuple[str, bytes], tuple[Workload, ...]] = {}

    @cached_property
    def policies(self) -> Mapping[str, tuple[Resource, ...]]:
        """Every policy, by namespace."""
        return by_namespace(self._mesh.of(kinds.NETWORK_POLICY))

    def pod_of(self, workload: Workload) -> Pod:
        """A pod of `workload` as policies see it."""
        labels = self._mesh.namespace(workload.namespace).labels
        return Pod(workload.namespace, labels, workload.labels)

    def isolating(self, pod: Pod, direction: Direction) -> tuple[Resource, ...]:
        """The policies that isolate `pod`; none means that everything passes."""
        return isolating(self.policies.get(pod.namespace, ()), direction, pod)

    def members(self, peer: Peer, namespace: str) -> tuple[Workload, ...]:
        """The workloads whose pods `peer` names, for a policy of `namespace`; an ipBlock names none."""
        if "ipBlock" in peer:
            return ()
        key = ("" if "namespaceSelector" in peer else namespace, _encode(peer))
        if key not in self._members:
            self._members[key] = self._named(peer, namespace)
        return self._members[key]

    def _named(self, peer: Peer, namespace: str) -> tuple[Workload, ...]:
        pods = peer.get("podSelector")
        if "namespaceSelector" not in peer:
            return self._mesh.labelled_in(namespace).selected(pods)
        if not peer["namespaceSelector"]:
            return self._mesh.labelled.selected(pods)
        return tuple(
            workload
            for home in self._namespaces.selected(peer["namespaceSelector"])
            for workload in self._mesh.labelled_in(home.name).selected(pods)
        )

    @cached_property
    def _namespaces(self) -> "Labelled[Namespace]":
        return Labelled(self._mesh.namespaces.values(), lambda namespace: namespace.labels)
