"""Simulated waypoints: for a Gateway of the class istiod makes a Deployment, a Service and an account.

Made as pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go of istio/istio makes them, with the
overlays for autoscaling and disruption of the ConfigMap that the Gateway names.
"""

from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.yamltext import mapping
from migrator.model.resource import GroupKind, Ref

from .bodies import condition, owner_reference, ref_of, spec_of, with_conditions
from .istiod import CONTROLLER
from .store import Object, Store

_OVERLAYS = {"horizontalPodAutoscaler": kinds.HPA, "podDisruptionBudget": kinds.PDB}
_VERSIONS = {
    kinds.SERVICE_ACCOUNT: "v1", kinds.SERVICE: "v1", kinds.DEPLOYMENT: "apps/v1",
    kinds.HPA: "autoscaling/v2", kinds.PDB: "policy/v1",
}  # fmt: skip


class Waypoints:
    """One look at a Gateway, and what istiod would do next."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self, ref: Ref) -> None:
        """Called again whenever the Deployment of the waypoint has changed."""
        gateway = self._store.get(ref)
        if gateway is None or spec_of(gateway).get("gatewayClassName") != names.WAYPOINT_CLASS:
            return
        if self._store.get(Ref(*kinds.GATEWAY_CLASS, "", names.WAYPOINT_CLASS)) is None:
            return
        options = self._options(gateway)
        if options is None:
            self._report(gateway, "InvalidParameters")
            return
        for body in _parts(gateway, options):
            if self._store.get(ref_of(body)) is None:
                self._store.add(ref_of(body), body)
        self._report(gateway, "")

    def of_deployment(self, deployment: Object) -> Ref | None:
        """The Gateway that a Deployment was made for."""
        labels = deployment["metadata"].get("labels") or {}
        name = labels.get(names.GATEWAY_NAME)
        return Ref(*kinds.GATEWAY, deployment["metadata"]["namespace"], name) if name else None

    def _options(self, gateway: Object) -> Object | None:
        """What the ConfigMap asks for; None when it is named and not there."""
        named = (spec_of(gateway).get("infrastructure") or {}).get("parametersRef") or {}
        if not named:
            return {}
        ref = Ref(*kinds.CONFIG_MAP, gateway["metadata"]["namespace"], named.get("name", ""))
        found = self._store.get(ref)
        return None if found is None else dict(found.get("data") or {})

    def _report(self, gateway: Object, refused: str) -> None:
        ref = ref_of(gateway)
        made = self._store.get(Ref(*kinds.DEPLOYMENT, ref.namespace, ref.name)) or {}
        available = int((made.get("status") or {}).get("availableReplicas") or 0)
        generation = gateway["metadata"]["generation"]
        accepted = condition("Accepted", "True", "Accepted", observedGeneration=generation)
        if refused:
            accepted = condition("Accepted", "False", refused, observedGeneration=generation)
        was = bool((gateway.get("status") or {}).get("addresses"))
        ready = not refused and (available > 0 or was)
        programmed = (
            condition("Programmed", "True", "Programmed", observedGeneration=generation)
            if ready
            else condition(
                "Programmed", "False", "AddressNotAssigned", "no instances found",
                observedGeneration=generation,
            )
        )  # fmt: skip
        new = with_conditions(gateway, (accepted, programmed))
        if ready:
            host = f"{ref.name}.{ref.namespace}.svc.cluster.local"
            address = {"type": "Hostname", "value": host}
            new = {**new, "status": {**new["status"], "addresses": [address]}}
        self._store.change(ref, new)


def _parts(gateway: Object, options: Object) -> list[Object]:
    name = gateway["metadata"]["name"]
    own = {
        names.GATEWAY_NAME: name,
        names.GATEWAY_CLASS_NAME: names.WAYPOINT_CLASS,
        names.MANAGED: CONTROLLER.replace("/", "-"),
    }
    if names.REVISION in (gateway["metadata"].get("labels") or {}):
        own[names.REVISION] = gateway["metadata"]["labels"][names.REVISION]
    overlays = {
        kind: mapping(options[key]).get("spec") or {}
        for key, kind in _OVERLAYS.items()
        if key in options
    }
    replicas = int((overlays.get(kinds.HPA) or {}).get("minReplicas") or 1)
    match = {names.GATEWAY_NAME: name}
    of_pods = {**own, names.INJECT: "false", names.DATAPLANE_MODE: "none"}
    container = {
        "name": "istio-proxy",
        "image": "istio/proxyv2:simulated",
        "args": ["proxy", "waypoint"],
    }
    template = {
        "metadata": {"labels": of_pods},
        "spec": {"serviceAccountName": name, "containers": [container]},
    }
    specs: dict[GroupKind, dict[str, Any]] = {
        kinds.SERVICE_ACCOUNT: {},
        kinds.SERVICE: {
            "selector": match,
            "ports": [{"name": "mesh", "port": 15008, "appProtocol": "hbone"}],
        },
        kinds.DEPLOYMENT: {
            "replicas": replicas,
            "selector": {"matchLabels": match},
            "template": template,
        },
        **{
            kind: {**spec, **({"selector": {"matchLabels": match}} if kind == kinds.PDB else {})}
            for kind, spec in overlays.items()
        },
    }
    return [_part(gateway, kind, own, spec) for kind, spec in specs.items()]


def _part(gateway: Object, kind: GroupKind, labels: Object, spec: Object) -> Object:
    metadata = {
        "name": gateway["metadata"]["name"],
        "namespace": gateway["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": [owner_reference(gateway)],
    }
    body = {"apiVersion": _VERSIONS[kind], "kind": kind.kind, "metadata": metadata}
    return {**body, "spec": spec} if spec else body
