"""The kinds that the tool reads, one constant each, and the sets in which they are asked for.

A kind that is not listed in `KNOWN` is counted by the readers and otherwise left alone.
"""

from migrator.model.resource import GroupKind

_APPS, _BATCH, _NET, _SEC = "apps", "batch", "networking.istio.io", "security.istio.io"
_GWAPI, _K8SNET = "gateway.networking.k8s.io", "networking.k8s.io"

NAMESPACE = GroupKind("", "Namespace")
NODE = GroupKind("", "Node")
POD = GroupKind("", "Pod")
SERVICE = GroupKind("", "Service")
SERVICE_ACCOUNT = GroupKind("", "ServiceAccount")
CONFIG_MAP = GroupKind("", "ConfigMap")
RESOURCE_QUOTA = GroupKind("", "ResourceQuota")
LIMIT_RANGE = GroupKind("", "LimitRange")
ENDPOINT_SLICE = GroupKind("discovery.k8s.io", "EndpointSlice")

DEPLOYMENT = GroupKind(_APPS, "Deployment")
STATEFUL_SET = GroupKind(_APPS, "StatefulSet")
DAEMON_SET = GroupKind(_APPS, "DaemonSet")
REPLICA_SET = GroupKind(_APPS, "ReplicaSet")
JOB = GroupKind(_BATCH, "Job")
CRON_JOB = GroupKind(_BATCH, "CronJob")
ROLLOUT = GroupKind("argoproj.io", "Rollout")

HPA = GroupKind("autoscaling", "HorizontalPodAutoscaler")
VPA = GroupKind("autoscaling.k8s.io", "VerticalPodAutoscaler")
SCALED_OBJECT = GroupKind("keda.sh", "ScaledObject")
PDB = GroupKind("policy", "PodDisruptionBudget")
NETWORK_POLICY = GroupKind(_K8SNET, "NetworkPolicy")
INGRESS = GroupKind(_K8SNET, "Ingress")
MUTATING_WEBHOOK = GroupKind("admissionregistration.k8s.io", "MutatingWebhookConfiguration")
VALIDATING_ADMISSION_POLICY = GroupKind("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")
CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")

AUTHORIZATION_POLICY = GroupKind(_SEC, "AuthorizationPolicy")
REQUEST_AUTHENTICATION = GroupKind(_SEC, "RequestAuthentication")
PEER_AUTHENTICATION = GroupKind(_SEC, "PeerAuthentication")

VIRTUAL_SERVICE = GroupKind(_NET, "VirtualService")
DESTINATION_RULE = GroupKind(_NET, "DestinationRule")
SERVICE_ENTRY = GroupKind(_NET, "ServiceEntry")
WORKLOAD_ENTRY = GroupKind(_NET, "WorkloadEntry")
WORKLOAD_GROUP = GroupKind(_NET, "WorkloadGroup")
SIDECAR = GroupKind(_NET, "Sidecar")
ISTIO_GATEWAY = GroupKind(_NET, "Gateway")
ENVOY_FILTER = GroupKind(_NET, "EnvoyFilter")
PROXY_CONFIG = GroupKind(_NET, "ProxyConfig")
WASM_PLUGIN = GroupKind("extensions.istio.io", "WasmPlugin")
TRAFFIC_EXTENSION = GroupKind("extensions.istio.io", "TrafficExtension")
TELEMETRY = GroupKind("telemetry.istio.io", "Telemetry")

GATEWAY = GroupKind(_GWAPI, "Gateway")
GATEWAY_CLASS = GroupKind(_GWAPI, "GatewayClass")
HTTP_ROUTE = GroupKind(_GWAPI, "HTTPRoute")
GRPC_ROUTE = GroupKind(_GWAPI, "GRPCRoute")
TCP_ROUTE = GroupKind(_GWAPI, "TCPRoute")
TLS_ROUTE = GroupKind(_GWAPI, "TLSRoute")

ISTIO_OPERATOR = GroupKind("install.istio.io", "IstioOperator")
SAIL_ISTIO = GroupKind("sailoperator.io", "Istio")
SAIL_ISTIO_CNI = GroupKind("sailoperator.io", "IstioCNI")
SAIL_ZTUNNEL = GroupKind("sailoperator.io", "ZTunnel")

FELIX_CONFIGURATION = GroupKind("crd.projectcalico.org", "FelixConfiguration")
CALICO_INSTALLATION = GroupKind("operator.tigera.io", "Installation")
CILIUM_NETWORK_POLICY = GroupKind("cilium.io", "CiliumNetworkPolicy")
CILIUM_CLUSTERWIDE_NETWORK_POLICY = GroupKind("cilium.io", "CiliumClusterwideNetworkPolicy")
SECURITY_GROUP_POLICY = GroupKind("vpcresources.k8s.aws", "SecurityGroupPolicy")
KYVERNO_CLUSTER_POLICY = GroupKind("kyverno.io", "ClusterPolicy")
KYVERNO_POLICY = GroupKind("kyverno.io", "Policy")
ARGO_APPLICATION = GroupKind("argoproj.io", "Application")
FLAGGER_CANARY = GroupKind("flagger.app", "Canary")
ANALYSIS_TEMPLATE = GroupKind("argoproj.io", "AnalysisTemplate")
KNATIVE_SERVICE = GroupKind("serving.knative.dev", "Service")
PROMETHEUS_RULE = GroupKind("monitoring.coreos.com", "PrometheusRule")
POD_MONITOR = GroupKind("monitoring.coreos.com", "PodMonitor")
SERVICE_MONITOR = GroupKind("monitoring.coreos.com", "ServiceMonitor")

ROUTES = frozenset({HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE})
CONTROLLERS = (
    DEPLOYMENT, STATEFUL_SET, DAEMON_SET, ROLLOUT, CRON_JOB, JOB, REPLICA_SET,
)  # fmt: skip

# What `Mesh` asks for to answer a question; a rule that asks the question declares the set.
CONFIG_SOURCES = frozenset({CONFIG_MAP, ISTIO_OPERATOR, SAIL_ISTIO})
NAMESPACES = frozenset({NAMESPACE})
WORKLOADS = frozenset({*CONTROLLERS, POD, NAMESPACE})
SERVICES = frozenset({SERVICE})
MESHED = WORKLOADS | CONFIG_SOURCES | {MUTATING_WEBHOOK}  # `mesh.meshed` and `mesh.injection`
INJECTION = MESHED
# `mesh.waypoints.needs`: who asks why a Service needs a waypoint reads all that could be a reason.
WAYPOINT_REASONS = MESHED | SERVICES | ROUTES | {
    AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION, VIRTUAL_SERVICE, DESTINATION_RULE,
    ENVOY_FILTER, WASM_PLUGIN, TRAFFIC_EXTENSION,
}  # fmt: skip

KNOWN = frozenset(value for value in globals().values() if isinstance(value, GroupKind))

CLUSTER_SCOPED = frozenset(
    {
        NAMESPACE, NODE, MUTATING_WEBHOOK, VALIDATING_ADMISSION_POLICY, CRD, GATEWAY_CLASS,
        FELIX_CONFIGURATION, CALICO_INSTALLATION, CILIUM_CLUSTERWIDE_NETWORK_POLICY,
        KYVERNO_CLUSTER_POLICY, SAIL_ISTIO, SAIL_ISTIO_CNI, SAIL_ZTUNNEL,
    }
)  # fmt: skip
