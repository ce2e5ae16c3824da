"""A waypoint: the Gateway, and the options that make it highly available.

The exact listener is what istiod accepts (istio/pilot/pkg/config/kube/gateway, class
`istio-waypoint`); the option keys are those of
pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (`parametersRef`, from Istio 1.26 on).
"""

from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names

from .manifest import manifest

NAME = "waypoint"

_HPA = """\
spec:
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 70
"""
_PDB = """\
spec:
  maxUnavailable: 1
"""
_SPREAD = """\
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector:
          matchLabels:
            gateway.networking.k8s.io/gateway-name: {name}
"""
_SECCOMP = """\
      securityContext:
        seccompProfile:
          type: RuntimeDefault
"""


def options(namespace: str, *, restricted: bool, name: str = NAME) -> dict[str, Any]:
    """At least two replicas, spread over nodes, with a disruption budget; `restricted` adds what the
    Pod Security level of that name asks for.
    """
    pod = _SPREAD.format(name=name) + (_SECCOMP if restricted else "")
    data = {
        "deployment": f"spec:\n  template:\n    spec:\n{pod}",
        "horizontalPodAutoscaler": _HPA,
        "podDisruptionBudget": _PDB,
    }
    return manifest(kinds.CONFIG_MAP, namespace, f"{name}-options", data=data)


def gateway(
    namespace: str, *, revision: str, with_options: bool, name: str = NAME
) -> dict[str, Any]:
    """The Gateway; `revision` is written on it so that taking the namespace's label cannot orphan it."""
    labels = {names.WAYPOINT_FOR: "service"}
    if revision:
        labels[names.REVISION] = revision
    spec: dict[str, Any] = {
        "gatewayClassName": names.WAYPOINT_CLASS,
        "listeners": [
            {
                "name": "mesh",
                "port": 15008,
                "protocol": "HBONE",
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
        ],
    }
    if with_options:
        parameters = {"group": "", "kind": "ConfigMap", "name": f"{name}-options"}
        spec["infrastructure"] = {"parametersRef": parameters}
    return manifest(kinds.GATEWAY, namespace, name, labels=labels, spec=spec)


def principal(trust_domain: str, namespace: str, service_account: str = NAME) -> str:
    """The waypoint's identity as policies name it."""
    return f"{trust_domain}/ns/{namespace}/sa/{service_account}"
