"""What must be seen before and after a step: exact predicates, with the fields that they read.

Sources: istio/cni/pkg/util/podutil.go (pod annotations), pilot/pkg/model/status.go and
pilot/pkg/serviceregistry/ambient (conditions), the Kubernetes API's own status fields.
"""

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.steps import Check, Target

ROLLOUT_SECONDS = 600
ENROLMENT_SECONDS = 120
WAYPOINT_SECONDS = 180
BIND_SECONDS = 60


def rolled_out(ref: Ref) -> Check:
    return Check(
        predicate="rolled-out",
        about=Target.of(ref),
        says="status.observedGeneration has reached metadata.generation, and all replicas are updated "
        "and available",
        timeout_seconds=ROLLOUT_SECONDS,
    )


def pods_ambient(ref: Ref) -> Check:
    return Check(
        predicate="pods-ambient",
        about=Target.of(ref),
        says="every pod has the annotation ambient.istio.io/redirection=enabled and neither "
        "sidecar.istio.io/status nor a container istio-proxy; no annotation in time is a failure",
        timeout_seconds=ENROLMENT_SECONDS,
    )


def pods_have_sidecar(ref: Ref) -> Check:
    """Asked after an undo."""
    return Check(
        predicate="pods-have-sidecar",
        about=Target.of(ref),
        says="every pod is Ready and has the annotation sidecar.istio.io/status",
        timeout_seconds=ROLLOUT_SECONDS,
    )


def pods_accept_hbone(ref: Ref) -> Check:
    return Check(
        predicate="pods-accept-hbone",
        about=Target.of(ref),
        says="every pod with a sidecar has the label networking.istio.io/tunnel=http",
        timeout_seconds=ROLLOUT_SECONDS,
    )


def labels_set(ref: Ref) -> Check:
    return Check(
        predicate="labels-set",
        about=Target.of(ref),
        says="the labels have the values of the step",
        timeout_seconds=30,
    )


def exists(ref: Ref) -> Check:
    return Check(
        predicate="exists",
        about=Target.of(ref),
        says="the object is there with the spec of the step",
        timeout_seconds=30,
    )


def absent(ref: Ref) -> Check:
    return Check(
        predicate="absent", about=Target.of(ref), says="the object is gone", timeout_seconds=60
    )


def waypoint_ready(namespace: str, name: str) -> Check:
    return Check(
        predicate="waypoint-ready",
        about=Target.of(Ref(*kinds.GATEWAY, namespace, name)),
        says="Gateway Accepted and Programmed, status.addresses[0].value is set, and its Deployment "
        "has all wanted replicas available (Programmed alone does not say so)",
        timeout_seconds=WAYPOINT_SECONDS,
    )


def service_bound(ref: Ref) -> Check:
    return Check(
        predicate="service-bound",
        about=Target.of(ref),
        says="condition istio.io/WaypointBound is True",
        timeout_seconds=BIND_SECONDS,
    )


def policy_attached(ref: Ref) -> Check:
    """Only AuthorizationPolicies get a condition; of the others the targets are resolved."""
    authz = ref.group_kind == kinds.AUTHORIZATION_POLICY
    return Check(
        predicate="policy-attached",
        about=Target.of(ref),
        says="condition WaypointAccepted is True with reason Accepted at the current generation"
        if authz
        else "every target reference resolves to a Service of the namespace that is bound",
        timeout_seconds=BIND_SECONDS,
    )


def route_accepted(ref: Ref) -> Check:
    return Check(
        predicate="route-accepted",
        about=Target.of(ref),
        says="conditions Accepted and ResolvedRefs are True for every parent at the current generation",
        timeout_seconds=BIND_SECONDS,
    )


def nodes_ready() -> Check:
    return Check(
        predicate="nodes-ready",
        says="on every schedulable Linux node the pods of istio-cni-node and of ztunnel are Ready, and no "
        "ConfigMap istio-cni-config has an AMBIENT_ENABLED that is not true",
        timeout_seconds=300,
    )


def istiod_ambient() -> Check:
    return Check(
        predicate="istiod-ambient",
        says="every istiod has PILOT_ENABLE_AMBIENT=true and is rolled out; the mesh config has "
        "defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE=true",
        timeout_seconds=300,
    )


def gateway_api() -> Check:
    return Check(
        predicate="gateway-api-present",
        says="the CRDs of gateway.networking.k8s.io are there and GatewayClass istio-waypoint is Accepted",
        timeout_seconds=60,
    )


def jobs_done(ref: Ref) -> Check:
    return Check(
        predicate="jobs-done",
        about=Target.of(ref),
        says="no pod of it is running with a sidecar",
        timeout_seconds=3600,
    )


def jobs_left_ambient(ref: Ref) -> Check:
    return Check(
        predicate="jobs-left-ambient",
        about=Target.of(ref),
        says="no pod of it is running with the annotation ambient.istio.io/redirection",
        timeout_seconds=3600,
    )
