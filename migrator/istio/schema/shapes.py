"""The types of every field that the tool walks, kind by kind.

What does not fit, the API server would refuse too; it never reaches a rule, so that a rule need not check.
Fields that are not listed may hold anything.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from migrator.istio import kinds
from migrator.model.resource import GroupKind

from . import shape_gateway, shape_istio
from .shape_pods import (
    ANY_STATUS,
    CONDITIONS,
    CONTROLLER_STATUS,
    METADATA,
    POD,
    POD_SPEC,
    SELECTOR,
    TEMPLATE,
)
from .shape_types import IS, MAP, OBJECT, OBJECTS, STRS, B, I, Map, Misfit, Q, S, Shape

_STRATEGY = {
    "type": S,
    "rollingUpdate": {"maxUnavailable": IS, "maxSurge": IS, "partition": I},
    "canary": OBJECT,
    "blueGreen": OBJECT,
}
_CONTROLLER_SPEC = {
    "replicas": I, "selector": SELECTOR, "template": TEMPLATE, "paused": B, "serviceName": S,
    "strategy": _STRATEGY, "updateStrategy": _STRATEGY, "podManagementPolicy": S,
    "minReadySeconds": I, "progressDeadlineSeconds": I, "revisionHistoryLimit": I,
    "volumeClaimTemplates": OBJECTS,
}  # fmt: skip
_ROLLOUT_VS = {"name": S, "routes": STRS}
_ROLLOUT_SPEC = {
    **_CONTROLLER_SPEC,
    "workloadRef": {"apiVersion": S, "kind": S, "name": S},
    "strategy": {
        "canary": {
            "canaryService": S, "stableService": S, "steps": OBJECTS,
            "trafficRouting": {
                "istio": {
                    "virtualService": _ROLLOUT_VS, "virtualServices": [_ROLLOUT_VS],
                    "destinationRule": {
                        "name": S, "canarySubsetName": S, "stableSubsetName": S,
                    },
                },
                "plugins": OBJECT,
            },
        },
        "blueGreen": {"activeService": S, "previewService": S},
    },
}  # fmt: skip
_JOB_SPEC = {
    "parallelism": I, "completions": I, "backoffLimit": I, "suspend": B, "template": TEMPLATE,
    "ttlSecondsAfterFinished": I, "activeDeadlineSeconds": I, "selector": SELECTOR,
}  # fmt: skip
_SERVICE_SPEC = {
    "type": S, "clusterIP": S, "clusterIPs": STRS, "externalIPs": STRS, "externalName": S,
    "selector": MAP, "externalTrafficPolicy": S, "internalTrafficPolicy": S,
    "publishNotReadyAddresses": B, "sessionAffinity": S, "trafficDistribution": S,
    "loadBalancerClass": S, "loadBalancerSourceRanges": STRS, "ipFamilies": STRS,
    "ipFamilyPolicy": S,
    "ports": [
        {"name": S, "port": I, "targetPort": IS, "protocol": S, "appProtocol": S, "nodePort": I}
    ],
}  # fmt: skip
_PEER = {
    "podSelector": SELECTOR, "namespaceSelector": SELECTOR,
    "ipBlock": {"cidr": S, "except": STRS},
}  # fmt: skip
_NETWORK_PORTS = [{"port": IS, "endPort": I, "protocol": S}]
_NETWORK_POLICY_SPEC = {
    "podSelector": SELECTOR, "policyTypes": STRS,
    "ingress": [{"from": [_PEER], "ports": _NETWORK_PORTS}],
    "egress": [{"to": [_PEER], "ports": _NETWORK_PORTS}],
}  # fmt: skip
_TARGET_REF = {"apiVersion": S, "kind": S, "name": S}
_OF_METRIC = {"metric": {"name": S, "selector": SELECTOR}, "target": OBJECT}
_METRIC = {
    "type": S, "resource": {"name": S, "target": OBJECT},
    "containerResource": {"name": S, "container": S, "target": OBJECT},
    "pods": _OF_METRIC, "object": {**_OF_METRIC, "describedObject": _TARGET_REF},
    "external": _OF_METRIC,
}  # fmt: skip
_CONTAINER_POLICY = {"containerName": S, "mode": S, "minAllowed": Map(Q), "maxAllowed": Map(Q)}
_INGRESS_BACKEND = {
    "service": {"name": S, "port": {"number": I, "name": S}},
    "resource": OBJECT,
}
_INGRESS_SPEC = {
    "ingressClassName": S, "defaultBackend": _INGRESS_BACKEND,
    "tls": [{"hosts": STRS, "secretName": S}],
    "rules": [
        {
            "host": S,
            "http": {"paths": [{"path": S, "pathType": S, "backend": _INGRESS_BACKEND}]},
        }
    ],
}  # fmt: skip
_WEBHOOK = {
    "name": S, "namespaceSelector": SELECTOR, "objectSelector": SELECTOR, "failurePolicy": S,
    "reinvocationPolicy": S, "matchPolicy": S, "sideEffects": S, "timeoutSeconds": I,
    "clientConfig": {"url": S, "service": {"name": S, "namespace": S, "path": S, "port": I}},
    "rules": [
        {"apiGroups": STRS, "apiVersions": STRS, "operations": STRS, "resources": STRS}
    ],
}  # fmt: skip
_MONITOR = {
    "selector": SELECTOR, "namespaceSelector": {"any": B, "matchNames": STRS},
    "endpoints": [{"port": S, "targetPort": IS, "path": S, "scheme": S, "tlsConfig": OBJECT}],
    "podMetricsEndpoints": [{"port": S, "targetPort": IS, "portNumber": I, "path": S, "scheme": S}],
}  # fmt: skip
_ARGO_SOURCE = {"repoURL": S, "path": S, "chart": S, "targetRevision": IS}


def _with(spec: Any, status: Any = ANY_STATUS) -> dict[str, Any]:
    return {"metadata": METADATA, "spec": spec, "status": status}


_CONTROLLER = _with(_CONTROLLER_SPEC, CONTROLLER_STATUS)
_UNTYPED = _with(OBJECT, ANY_STATUS)
_TABLES: Mapping[GroupKind, Any] = {
    **shape_istio.TABLES,
    **shape_gateway.TABLES,
    **dict.fromkeys(
        (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.REPLICA_SET), _CONTROLLER
    ),
    kinds.POD: POD,
    kinds.ROLLOUT: _with(_ROLLOUT_SPEC, {"conditions": CONDITIONS}),
    kinds.JOB: _with(_JOB_SPEC, CONTROLLER_STATUS),
    kinds.CRON_JOB: _with(
        {
            "schedule": S, "suspend": B, "concurrencyPolicy": S,
            "jobTemplate": {"metadata": METADATA, "spec": _JOB_SPEC},
        },
    ),
    kinds.NAMESPACE: _with({"finalizers": STRS}, {"phase": S, "conditions": CONDITIONS}),
    kinds.NODE: _with(
        {"podCIDR": S, "providerID": S, "taints": [MAP]},
        {"conditions": CONDITIONS, "nodeInfo": MAP, "allocatable": Map(Q), "capacity": Map(Q)},
    ),
    kinds.SERVICE: _with(_SERVICE_SPEC, {"loadBalancer": {"ingress": OBJECTS}}),
    kinds.CONFIG_MAP: {"metadata": METADATA, "data": MAP, "binaryData": MAP},
    kinds.RESOURCE_QUOTA: _with({"hard": Map(Q), "scopes": STRS}, {"hard": Map(Q), "used": Map(Q)}),
    kinds.LIMIT_RANGE: _with(
        {"limits": [{"type": S, **dict.fromkeys(("default", "defaultRequest", "max", "min"), Map(Q))}]}
    ),
    kinds.NETWORK_POLICY: _with(_NETWORK_POLICY_SPEC),
    kinds.INGRESS: _with(_INGRESS_SPEC, OBJECT),
    kinds.HPA: _with(
        {
            "scaleTargetRef": _TARGET_REF, "minReplicas": I, "maxReplicas": I,
            "metrics": [_METRIC], "targetCPUUtilizationPercentage": I,
        }
    ),
    kinds.VPA: _with(
        {
            "targetRef": _TARGET_REF, "updatePolicy": {"updateMode": S},
            "resourcePolicy": {"containerPolicies": [_CONTAINER_POLICY]},
        }
    ),
    kinds.SCALED_OBJECT: _with(
        {
            "scaleTargetRef": _TARGET_REF, "minReplicaCount": I, "maxReplicaCount": I,
            "triggers": [{"type": S, "name": S, "metricType": S, "metadata": MAP}],
        }
    ),
    kinds.PDB: _with({"minAvailable": IS, "maxUnavailable": IS, "selector": SELECTOR}),
    kinds.MUTATING_WEBHOOK: {"metadata": METADATA, "webhooks": [_WEBHOOK]},
    kinds.CRD: _with(
        {
            "group": S, "scope": S, "names": {"kind": S, "plural": S},
            "versions": [{"name": S, "served": B, "storage": B}],
        }
    ),
    kinds.SERVICE_MONITOR: _with(_MONITOR),
    kinds.POD_MONITOR: _with(_MONITOR),
    kinds.PROMETHEUS_RULE: _with(
        {"groups": [{"name": S, "rules": [{"alert": S, "record": S, "expr": IS}]}]}, OBJECT
    ),
    kinds.ARGO_APPLICATION: _with(
        {
            "project": S, "source": _ARGO_SOURCE, "sources": [_ARGO_SOURCE],
            "destination": {"server": S, "name": S, "namespace": S},
            "syncPolicy": {"automated": {"prune": B, "selfHeal": B}, "syncOptions": STRS},
            "ignoreDifferences": OBJECTS,
        },
        OBJECT,
    ),
    kinds.FLAGGER_CANARY: _with(
        {
            "targetRef": _TARGET_REF, "provider": S, "analysis": OBJECT,
            "service": {
                "name": S, "port": IS, "targetPort": IS, "gateways": STRS, "hosts": STRS,
                "gatewayRefs": [MAP], "trafficPolicy": OBJECT,
            },
            "autoscalerRef": _TARGET_REF,
        }
    ),
    kinds.ANALYSIS_TEMPLATE: _with(
        {
            "metrics": [{"name": S, "provider": {"prometheus": {"address": S, "query": S}}}],
            "args": OBJECTS,
        },
        OBJECT,
    ),
    kinds.KNATIVE_SERVICE: _with({"template": TEMPLATE, "traffic": OBJECTS}),
    kinds.SECURITY_GROUP_POLICY: _with(
        {
            "podSelector": SELECTOR, "serviceAccountSelector": SELECTOR,
            "securityGroups": {"groupIds": STRS},
        }
    ),
    kinds.ENDPOINT_SLICE: {
        "metadata": METADATA,
        "addressType": S,
        "endpoints": [{"addresses": STRS, "targetRef": {"kind": S, "name": S, "namespace": S}}],
        "ports": [{"name": S, "port": I, "protocol": S, "appProtocol": S}],
    },
}  # fmt: skip


@cache
def _shape(kind: GroupKind) -> Shape:
    return Shape(_TABLES.get(kind, _UNTYPED))


@cache
def _pod_spec() -> Shape:
    return Shape(POD_SPEC)


def fits_pod_spec(value: Mapping[str, Any]) -> bool:
    """Whether a mapping that lists containers, wherever it stands, is the spec of a pod."""
    return _pod_spec().misfit(value) is None


def misfit(kind: GroupKind, body: Mapping[str, Any]) -> Misfit | None:
    """The first field of `body` whose type is not that of its kind, or None."""
    return _shape(kind).misfit(body)
