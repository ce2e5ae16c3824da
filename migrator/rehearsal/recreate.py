"""The mesh of a snapshot as manifests for another cluster, and what cannot be made again.

Names, labels, policies, routes and ports are the same; images, volumes, values and Secrets are not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import GroupKind, Ref, Resource

from . import standin

Manifest = dict[str, Any]
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
MARK = {"migrate/rehearsal": "true"}  # on every namespace that a rehearsal makes
OWNER = "migrate/rehearsal-owner"  # a label beside it: which rehearsal
_META = ("name", "namespace", "labels", "annotations")
_MANAGED = "gateway.istio.io/managed"
_SERVERS = "kubectl.kubernetes.io/last-applied-configuration"
_OF_A_SERVICE = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort",
                 "loadBalancerIP", "loadBalancerClass", "externalIPs")  # fmt: skip
# In the order in which they are created: what others look at comes first
PLAIN = (
    kinds.NETWORK_POLICY, kinds.PDB, kinds.INGRESS, kinds.PEER_AUTHENTICATION,
    kinds.REQUEST_AUTHENTICATION, kinds.AUTHORIZATION_POLICY, kinds.SERVICE_ENTRY,
    kinds.WORKLOAD_ENTRY, kinds.WORKLOAD_GROUP, kinds.DESTINATION_RULE, kinds.VIRTUAL_SERVICE,
    kinds.SIDECAR, kinds.ISTIO_GATEWAY, kinds.ENVOY_FILTER, kinds.PROXY_CONFIG, kinds.WASM_PLUGIN,
    kinds.TELEMETRY, kinds.GATEWAY, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TCP_ROUTE,
    kinds.TLS_ROUTE,
)  # fmt: skip
DECIDING = frozenset(
    {kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION,
     kinds.NETWORK_POLICY}
)  # fmt: skip
# Whose older versions have the same fields, whatever a file says (istio/api: one message, aliases of it;
# Gateway API: v1beta1 and v1alpha2 of what has become v1)
_IN_V1 = frozenset(
    {kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION,
     kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.ISTIO_GATEWAY, kinds.SERVICE_ENTRY,
     kinds.SIDECAR, kinds.WORKLOAD_ENTRY, kinds.WORKLOAD_GROUP, kinds.TELEMETRY, kinds.GATEWAY,
     kinds.HTTP_ROUTE, kinds.GRPC_ROUTE}
)  # fmt: skip
# Nobody misses them in a rehearsal: others make them, or they say what the cluster itself is
_UNSAID = frozenset(
    {kinds.POD, kinds.REPLICA_SET, kinds.ENDPOINT_SLICE, kinds.NODE, kinds.CRD, kinds.CONFIG_MAP,
     kinds.NAMESPACE, kinds.SERVICE_ACCOUNT, kinds.SERVICE, kinds.MUTATING_WEBHOOK,
     kinds.GATEWAY_CLASS, *kinds.CONTROLLERS, *PLAIN}
)  # fmt: skip


class Wish(NamedTuple):
    """How workloads are made again. `owner`: what namespaces say of whose they are."""

    image: str = standin.IMAGE
    replicas: int = 2
    owner: str = ""

    @property
    def marks(self) -> Mapping[str, str]:
        """The labels of every namespace that is made."""
        return {**MARK, **({OWNER: self.owner} if self.owner else {})}


class Recreated(NamedTuple):
    """Manifests in the order in which they are created, and in words what is not among them."""

    manifests: tuple[Manifest, ...]
    left_out: tuple[str, ...]

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(m["metadata"]["name"] for m in self.manifests if m["kind"] == "Namespace")


def recreate(mesh: Mesh, wish: Wish) -> Recreated:
    """Everything of the mesh that a throw-away cluster can hold."""
    maker = _Maker(mesh, wish)
    return Recreated(tuple(maker.manifests()), tuple(maker.left_out()))


class _Maker:
    def __init__(self, mesh: Mesh, wish: Wish) -> None:
        self._mesh = mesh
        self._wish = wish
        self._root = mesh.config.root_namespace

    def manifests(self) -> Iterator[Manifest]:
        spaces = [n for n in self._mesh.namespaces.values() if self._is_ours(n.name)]
        for space in spaces:
            labels = {k: v for k, v in space.labels.items() if k != "kubernetes.io/metadata.name"}
            meta = {"name": space.name, "labels": {**labels, **self._wish.marks}}
            yield _manifest("v1", "Namespace", meta)
        workloads = [w for w in self._mesh.workloads if self._is_made_again(w)]
        yield from self._accounts(workloads)
        for service in self._mesh.of(kinds.SERVICE):
            if self._is_ours(service.namespace) and _MANAGED not in service.labels:
                yield _service(service)
        for kind in PLAIN:
            for resource in self._mesh.of(kind):
                if self._is_ours(resource.namespace) or resource.namespace == self._root:
                    yield _plain(resource)
        for workload in workloads:
            yield self._workload(workload)

    def _is_ours(self, namespace: str) -> bool:
        return bool(namespace) and namespace not in {*_SYSTEM, self._root}

    def _is_made_again(self, workload: Workload) -> bool:
        return (
            workload.role in {Role.APP, Role.GATEWAY}
            and self._is_ours(workload.namespace)
            and workload.ref.group_kind in {*kinds.CONTROLLERS, kinds.POD}
            and workload.resource is not None
            and _MANAGED not in {**workload.labels, **workload.resource.labels}
        )

    def _accounts(self, workloads: Iterable[Workload]) -> Iterator[Manifest]:
        """Those of the source, and those that workloads name: no pod starts without."""
        named = {(w.namespace, w.service_account) for w in workloads}
        declared = {
            (r.namespace, r.name)
            for r in self._mesh.of(kinds.SERVICE_ACCOUNT)
            if self._is_ours(r.namespace)
        }
        for namespace, name in sorted(named | declared):
            if name != "default":  # Kubernetes makes this one
                yield _manifest("v1", "ServiceAccount", {"name": name, "namespace": namespace})

    def _workload(self, workload: Workload) -> Manifest:
        resource = workload.resource
        made = _plain(resource)
        ends = resource.ref.group_kind in {kinds.JOB, kinds.CRON_JOB}
        ports = self._ports(workload)
        if resource.ref.group_kind == kinds.POD:
            made["spec"] = standin.pod_spec(resource.spec, ports, self._wish.image, ends=False)
            return made
        template = {
            "metadata": {
                k: v for k, v in (workload.template.get("metadata") or {}).items() if k in _META[2:]
            },
            "spec": standin.pod_spec(workload.pod_spec, ports, self._wish.image, ends=ends),
        }
        made["spec"] = _controller_spec(resource, template)
        if workload.replicas is not None and "replicas" in _COUNTED[resource.ref.kind]:
            made["spec"]["replicas"] = min(workload.replicas, self._wish.replicas)
        return made

    def _ports(self, workload: Workload) -> dict[int, str]:
        """What its Services expect behind their ports."""
        return {
            port.target or port.number: _PROTOCOLS.get(port.protocol, "tcp")
            for service in self._mesh.services.of_workload(workload)
            for port in service.ports
            if port.protocol not in {"UDP", "SCTP"}
        }

    def left_out(self) -> Iterator[str]:
        for workload in self._mesh.workloads:
            is_app = workload.role is Role.APP and self._is_ours(workload.namespace)
            if is_app and not self._is_made_again(workload):
                yield f"{workload.ref}: its pods have a maker that is not there"
        for kind, count in sorted(self._mesh.snapshot.counts().items()):
            if kind not in _UNSAID:
                yield f"{count} of kind {kind}"
        for name, count in self._mesh.snapshot.unknown.items():
            yield f"{count} of kind {name}, which is not read"
        yield "Secrets, volumes, values of environment variables, resource requests, autoscalers"
        yield "init containers, node selectors, affinities"


_PROTOCOLS = {"HTTP": "http", "HTTP2": "http", "GRPC": "grpc", "GRPC-WEB": "grpc",
              "UNDECLARED": "http", "HTTP_PROXY": "http"}  # fmt: skip
_COUNTED: Mapping[str, frozenset[str]] = {
    "Deployment": frozenset({"replicas", "selector", "strategy", "minReadySeconds", "paused"}),
    "StatefulSet": frozenset(
        {"replicas", "selector", "serviceName", "updateStrategy", "podManagementPolicy"}
    ),
    "DaemonSet": frozenset({"selector", "updateStrategy", "minReadySeconds"}),
    "ReplicaSet": frozenset({"replicas", "selector"}),
    "Rollout": frozenset({"replicas", "selector", "strategy"}),
    "Job": frozenset({"completions", "parallelism", "backoffLimit"}),
    "CronJob": frozenset({"schedule", "suspend", "concurrencyPolicy"}),
}


def _controller_spec(resource: Resource, template: Manifest) -> Manifest:
    made = {k: v for k, v in resource.spec.items() if k in _COUNTED[resource.ref.kind]}
    if resource.ref.group_kind in {kinds.JOB, kinds.CRON_JOB}:
        template["spec"].setdefault("restartPolicy", "Never")
    if resource.ref.group_kind == kinds.CRON_JOB:
        return {**made, "jobTemplate": {"spec": {"template": template}}}
    return {**made, "template": template}


def _service(resource: Resource) -> Manifest:
    made = _plain(resource)
    spec = {k: v for k, v in resource.spec.items() if k not in _OF_A_SERVICE}
    if resource.spec.get("clusterIP") == "None":
        spec["clusterIP"] = "None"
    if spec.get("ports"):
        spec["ports"] = [{k: v for k, v in p.items() if k != "nodePort"} for p in spec["ports"]]
    return {**made, "spec": spec}


def _plain(resource: Resource) -> Manifest:
    """The object without what a server wrote."""
    meta = {k: v for k, v in resource.metadata.items() if k in _META}
    notes = {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k != _SERVERS}
    if notes:
        meta["annotations"] = notes
    kept = {k: v for k, v in resource.body.items() if k not in {"metadata", "status"}}
    if resource.ref.group_kind in _IN_V1:
        kept["apiVersion"] = f"{resource.ref.group}/v1"
    return {**kept, "metadata": meta}


def _manifest(version: str, kind: str, meta: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": dict(meta)}


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """Which object a manifest is."""
    group = manifest["apiVersion"].rpartition("/")[0]
    meta = manifest["metadata"]
    return Ref(group, manifest["kind"], meta.get("namespace", ""), meta["name"])


def is_deciding(kind: GroupKind) -> bool:
    """Whether a missing object of the kind changes what is allowed."""
    return kind in DECIDING
