"""istio-cni told to take no notice of the pods of a namespace, by the selectors that it has for it.

Its agent goes on to run, so nothing but the pods themselves says that they are not enrolled.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from migrator.engine.predicates.rolled_out import readiness
from migrator.errors import MigrateError
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import Ref
from migrator.model.verdict import State
from migrator.ports import Body, Clock, Cluster

from .istio import ROOT

_AGENT = Ref(*kinds.DAEMON_SET, ROOT, "istio-cni-node")
_VARIABLE = "AMBIENT_ENABLEMENT_SELECTOR"  # istio/istio cni/pkg/constants/constants.go
_SECONDS = 120


class Enrolment:
    """What the agent enrols; each change makes its pods anew, and waits for them."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster, self._clock = cluster, clock

    def stop(self, namespace: str) -> None:
        """Raises MigrateError where istio-cni is not there, or does not come back."""
        agent = self._cluster.get(_AGENT)
        if agent is None:
            raise MigrateError(f"there is no {_AGENT}, so no pod is enrolled anyway")
        own = {"name": _VARIABLE, "value": json.dumps(_all_but(namespace))}
        self._write([{**one, "env": [*_others(one), own]} for one in _containers(agent)])

    def resume(self) -> None:
        """As Istio's configuration of it says; nothing to do is no error."""
        agent = self._cluster.get(_AGENT)
        if agent is not None and any(_others(one) != _env(one) for one in _containers(agent)):
            self._write([{**one, "env": _others(one)} for one in _containers(agent)])

    def _write(self, containers: Sequence[Body]) -> None:
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        self._cluster.patch(_AGENT, patch)
        for _ in range(_SECONDS):
            self._clock.sleep(1)
            agent = self._cluster.get(_AGENT)
            if agent is not None and readiness(_AGENT, agent).state is State.DONE:
                return
        raise MigrateError(f"{_AGENT} does not get ready")


def _all_but(namespace: str) -> list[dict[str, Any]]:
    """The selectors of Istio's chart (manifests/charts/istio-cni/values.yaml), without a namespace."""
    ambient = {names.DATAPLANE_MODE: names.AMBIENT}
    others = [{"key": names.CANONICAL_NAMESPACE, "operator": "NotIn", "values": [namespace]}]
    not_none = [{"key": names.DATAPLANE_MODE, "operator": "NotIn", "values": ["none"]}]
    return [
        {
            "podSelector": {"matchLabels": ambient},
            "namespaceSelector": {"matchExpressions": others},
        },
        {
            "podSelector": {"matchExpressions": not_none},
            "namespaceSelector": {"matchLabels": ambient, "matchExpressions": others},
        },
    ]


def _containers(agent: Body) -> Sequence[Body]:
    return list(agent["spec"]["template"]["spec"]["containers"])


def _env(container: Body) -> list[Mapping[str, Any]]:
    return list(container.get("env") or ())


def _others(container: Body) -> list[Mapping[str, Any]]:
    return [one for one in _env(container) if one.get("name") != _VARIABLE]
