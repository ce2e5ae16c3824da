"""The mesh of the packet lab in manifests of our own: two servers, two callers, one caller outside.

`orders` admits c1's GETs below /ok and denies DELETE from its namespace; `stock` only denies DELETE.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from migrator.exposure.compare import Change, compare
from migrator.exposure.state import State
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.unit.manifests import resource

NS = "shop"
SERVERS, CALLERS = ("orders", "stock"), ("c1", "c2")
ORDERS, STOCK, C1, C2 = (Ref(*kinds.DEPLOYMENT, NS, name) for name in (*SERVERS, *CALLERS))


def ref(name: str) -> Ref:
    return Ref(*kinds.DEPLOYMENT, NS, name)


ORDERS_SERVICE, STOCK_SERVICE = (Ref(*kinds.SERVICE, NS, name) for name in SERVERS)
WAYPOINT_IDENTITY = "cluster.local/ns/shop/sa/waypoint"
TLS, MODE = "security.istio.io/tlsMode", "istio.io/dataplane-mode"
Objects = dict[str, dict[str, Any]]


def identity(name: str) -> str:
    return f"cluster.local/ns/{NS}/sa/{name}"


def _object(api: str, kind: str, name: str, namespace: str = NS, **body: Any) -> dict[str, Any]:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": {**meta, **body.pop("meta", {})}, **body}


def workload(name: str, namespace: str = NS) -> dict[str, Any]:
    spec = {"serviceAccountName": name, "containers": [{"name": "app", "image": "app:1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    return _object(
        "apps/v1", "Deployment", name, namespace,
        spec={"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template},
    )  # fmt: skip


def service(name: str, *, headless: bool = False) -> dict[str, Any]:
    port = {"name": "http", "port": 8080 if headless else 80, "targetPort": 8080}
    spec: dict[str, Any] = {"selector": {"app": name}, "ports": [port]}
    if headless:
        return _object("v1", "Service", f"{name}-h", spec={**spec, "clusterIP": "None"})
    return _object("v1", "Service", name, spec=spec)


def policy(name: str, **spec: Any) -> dict[str, Any]:
    return _object("security.istio.io/v1", "AuthorizationPolicy", name, spec=spec)


def select(app: str, **more: str) -> dict[str, Any]:
    return {"matchLabels": {"app": app, **more}}


ALLOW_C1 = {
    "from": [{"source": {"principals": [identity("c1")]}}],
    "to": [{"operation": {"methods": ["GET"], "paths": ["/ok*"]}}],
}
NO_DELETE = {
    "from": [{"source": {"namespaces": [NS]}}],
    "to": [{"operation": {"methods": ["DELETE"]}}],
}
ALLOW_WAYPOINT = {"from": [{"source": {"principals": [WAYPOINT_IDENTITY]}}]}
OLD = (
    ("orders-allow", "orders", "ALLOW", ALLOW_C1),
    ("orders-deny", "orders", "DENY", NO_DELETE),
    ("stock-deny", "stock", "DENY", NO_DELETE),
)


def start() -> Objects:
    """All have sidecars, STRICT, the old policies."""
    found = [
        _object("v1", "Namespace", NS, "", meta={"labels": {"istio-injection": "enabled"}}),
        _object("v1", "Namespace", "outside", ""),
        _object(
            "security.istio.io/v1",
            "PeerAuthentication",
            "default",
            spec={"mtls": {"mode": "STRICT"}},
        ),
        *(workload(name) for name in (*SERVERS, *CALLERS)),
        workload("c3", "outside"),
        *(service(name) for name in SERVERS),
        *(service(name, headless=True) for name in SERVERS),
        *(policy(n, selector=select(app), action=a, rules=[rule]) for n, app, a, rule in OLD),
    ]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


class Run:
    """The objects of a run as they change, and the state of the mesh after each step."""

    def __init__(self, objects: Objects | None = None, state: State | None = None) -> None:
        self.objects = objects or start()
        self.first = self.state = state or State(self._mesh())

    def _mesh(self) -> Mesh:
        return Mesh(Snapshot(resource(copy.deepcopy(body)) for body in self.objects.values()))

    def step(
        self, *, restarted: Iterable[Ref] = (), rolling: Iterable[Ref] = (), **more: Any
    ) -> State:
        """The state once the objects are what they are now."""
        self.state = self.state.then(self._mesh(), restarted=restarted, rolling=rolling, **more)
        return self.state

    def add(self, *bodies: Mapping[str, Any]) -> None:
        for body in bodies:
            self.objects[f"{body['kind']}/{body['metadata']['name']}"] = dict(body)

    def drop(self, *keys: str) -> None:
        for key in keys:
            del self.objects[key]

    def label(self, key: str, **labels: str | None) -> None:
        """Set labels of an object; None removes one. Underscores and dots stand in `LABELS`."""
        meta = self.objects[key]["metadata"]
        _update(meta.setdefault("labels", {}), labels)

    def template(self, name: str, **labels: str | None) -> None:
        meta = self.objects[f"Deployment/{name}"]["spec"]["template"]["metadata"]
        _update(meta["labels"], labels)

    # -- the steps of the lab's scripts

    def waypoint(self) -> None:
        listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
        self.add(
            _object(
                "gateway.networking.k8s.io/v1", "Gateway", "waypoint",
                meta={"labels": {"istio.io/waypoint-for": "service"}},
                spec={"gatewayClassName": "istio-waypoint", "listeners": [listener]},
            )
        )  # fmt: skip

    def copies(self) -> None:
        for name, app, action, rule in OLD:
            ref = {"group": "", "kind": "Service", "name": app}
            self.add(policy(f"{name}-wp", targetRefs=[ref], action=action, rules=[rule]))

    def extend(self) -> None:
        self.objects["AuthorizationPolicy/orders-allow"]["spec"]["rules"].append(ALLOW_WAYPOINT)

    def bind(self) -> None:
        for name in SERVERS:
            self.label(f"Service/{name}", **{"istio.io/use-waypoint": "waypoint"})

    def unbind(self) -> None:
        for name in SERVERS:
            self.label(f"Service/{name}", **{"istio.io/use-waypoint": None})

    def ambient(self, name: str) -> None:
        self.template(name, **{MODE: "ambient", "sidecar.istio.io/inject": "false"})

    def sidecar(self, name: str) -> None:
        self.template(name, **{MODE: None, "sidecar.istio.io/inject": None})

    def namespace_ambient(self) -> None:
        self.label(f"Namespace/{NS}", **{MODE: "ambient"})

    def no_injection(self) -> None:
        self.label(f"Namespace/{NS}", **{"istio-injection": None})

    def narrow(self) -> None:
        for name, *_ in OLD:
            self.objects[f"AuthorizationPolicy/{name}"]["spec"]["selector"]["matchLabels"][TLS] = (
                "istio"
            )

    def guard(self, *, ambient_only: bool = True) -> None:
        """The lab's guard: an ALLOW of the waypoint's identity."""
        more = {MODE: "ambient"} if ambient_only else {}
        for app in SERVERS:
            self.add(
                policy(
                    f"{app}-guard",
                    selector=select(app, **more),
                    action="ALLOW",
                    rules=[ALLOW_WAYPOINT],
                )
            )

    def guard_by_denial(self) -> None:
        """The product's own: a DENY of everybody else."""
        rule = {"from": [{"source": {"notPrincipals": [WAYPOINT_IDENTITY]}}]}
        for app in SERVERS:
            spec = {"selector": select(app, **{MODE: "ambient"}), "action": "DENY", "rules": [rule]}
            self.add(policy(f"{app}-guard", **spec))

    def drop_old(self) -> None:
        self.drop(*(f"AuthorizationPolicy/{name}" for name, *_ in OLD))

    def restore_narrowed(self) -> None:
        """The old policies, the ALLOW extended, for pods with a sidecar only."""
        for name, app, action, rule in OLD:
            self.add(policy(name, selector=select(app), action=action, rules=[copy.deepcopy(rule)]))
        self.extend()
        self.narrow()


def _update(held: dict[str, str], labels: Mapping[str, str | None]) -> None:
    for key, value in labels.items():
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value


CALLS = {
    ORDERS: frozenset({C1, C2}),
    STOCK: frozenset({C1, C2}),
}
"""Who calls whom in the lab."""


def holes(before: State, after: State) -> set[tuple[str, str]]:
    """Who gets through where, by account and server; `pods of` a server past its Service.

    `like c1` are callers that no policy tells from c1.
    """
    return {_told(change) for change in compare(before, after, calls=CALLS).opens}


def outages(before: State, after: State) -> set[tuple[str, str]]:
    """Who is refused where, on the way through the Service: nobody of the lab calls pods directly."""
    found = compare(before, after, calls=CALLS).closes
    return {_told(change) for change in found if not change.direct}


def _told(change: Change) -> tuple[str, str]:
    account = change.principal.rpartition("/")[2] or str(change.caller)
    caller = f"like {account}" if change.alike else account
    server = change.server.name if change.server else ""
    return caller, f"pods of {server}" if change.direct else server
