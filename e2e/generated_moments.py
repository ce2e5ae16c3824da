"""Small meshes with their plans, made from a number: the same ones in every run.

Two namespaces, a few workloads with Services of several protocols, policies of every action with and without
selector, tokens, PeerAuthentications at every level, DestinationRules that say what callers send. Names hold
the number, so that many meshes stand side by side on one control plane; so none has policies for the whole
mesh.
"""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from migrator.istio.mesh import Mesh
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import Plan, PlanOptions, make_plan
from migrator.planner.options import Acknowledge
from migrator.rules import all_rules, analyze

APPS = ("a", "b", "c")
PROVIDERS = ("asked", "asked-http")  # what the control plane's mesh configuration has
_ALL = tuple(Acknowledge(code=rule.code) for rule in all_rules())
_MODES = ("STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET")
_PORTS = (8080, 9090)
_SERVED = (("http", 80), ("http", 80), ("tcp", 90), ("grpc", 85), ("plain", 70))
_KINDS = ("Deployment", "Deployment", "Deployment", "StatefulSet")
_KEYS = '{"keys": [{"kty": "oct", "kid": "one", "k": "bm90LWEtc2VjcmV0"}]}'
Object = dict[str, Any]


class Pair(NamedTuple):
    """A mesh, and its plan."""

    number: int
    namespaces: tuple[str, ...]
    objects: tuple[Object, ...]
    mesh: Mesh
    plan: Plan


def pair(number: int) -> Pair:
    """The pair of that number."""
    maker = _Maker(number)
    objects = tuple(maker.objects())
    waypoints = maker.chance.choice(("hard", "hard", "all"))
    strategy = maker.chance.choice(("auto", "auto", "workload"))
    return planned(objects, number, waypoints=waypoints, strategy=strategy)


def planned(objects: tuple[Object, ...], number: int = 0, **options: Any) -> Pair:
    """A mesh of these objects and its plan, all that there is to acknowledge acknowledged."""
    mesh = Mesh(Snapshot([_resource(one) for one in [*objects, _mesh_config()]]))
    found = analyze(mesh, all_rules())
    plan = make_plan(mesh, found, PlanOptions(acknowledge=_ALL, **options))
    spaces = tuple(o["metadata"]["name"] for o in objects if o["kind"] == "Namespace")
    return Pair(number, spaces, objects, mesh, plan)


def providers() -> list[Object]:
    """For the mesh configuration: external authorizers of both kinds."""
    at = {"service": "kubernetes.default.svc.cluster.local", "port": 443}
    return [
        {"name": PROVIDERS[0], "envoyExtAuthzGrpc": at},
        {"name": PROVIDERS[1], "envoyExtAuthzHttp": at},
    ]


class _Maker:
    def __init__(self, number: int) -> None:
        self.chance = random.Random(f"moments {number}")  # noqa: S311  the same in every run
        self._of_rules = random.Random(f"rules {number}")  # noqa: S311  so is this
        self._services: list[tuple[str, str]] = []
        self.namespaces = tuple(f"m{number}-{name}" for name in ("one", "two"))

    def objects(self) -> Iterator[Object]:
        labels = {"istio-injection": "enabled"}
        for namespace in self.namespaces:
            yield _object("v1", "Namespace", "", namespace, labels=labels)
            for app in self.chance.sample(APPS, self.chance.choice((1, 2, 2))):
                yield from self._app(namespace, app)
        for number in range(self.chance.choice((1, 2, 3, 4))):
            yield self._authorization(number)
        for number in range(self.chance.choice((0, 0, 1))):
            yield self._tokens(number)
        yield from self._mtls()
        yield from self._rules()

    def _app(self, namespace: str, app: str) -> Iterator[Object]:
        yield _object("v1", "ServiceAccount", namespace, app)
        port = self.chance.choice(_PORTS)
        labels = {"app": app, **self.chance.choice(({}, {}, {"version": "v1"}))}
        container = {"name": "app", "image": "app:1", "ports": [{"containerPort": port}]}
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"serviceAccountName": app, "containers": [container]},
            },
        }
        kind = self.chance.choice(_KINDS)
        if kind == "StatefulSet":
            spec["serviceName"] = app
        yield _object("apps/v1", kind, namespace, app, spec=spec)
        for name, number in self.chance.sample(_SERVED, self.chance.choice((0, 1, 1, 1))):
            ports = [{"name": name, "port": number, "targetPort": port}]
            served = {"selector": {"app": app}, "ports": ports}
            if self.chance.random() < 0.1:
                served["clusterIP"] = "None"
            self._services.append((namespace, app))
            yield _object("v1", "Service", namespace, app, spec=served)

    def _authorization(self, number: int) -> Object:
        action = self.chance.choice(("ALLOW",) * 4 + ("DENY",) * 4 + ("AUDIT", "CUSTOM", "CUSTOM"))
        count = self.chance.choice((1, 1, 1, 2)) if self.chance.random() > 0.06 else 0
        spec: Object = {**self._where(), "action": action}
        if count:
            spec["rules"] = [self._rule(action) for _ in range(count)]
        notes = {}
        if action == "CUSTOM":
            spec["provider"] = {"name": self.chance.choice((*PROVIDERS, PROVIDERS[0], "nobody"))}
        elif self.chance.random() < 0.05:
            notes = {"annotations": {"istio.io/dry-run": "true"}}
        home = self.chance.choice(self.namespaces)
        return _object(
            "security.istio.io/v1", "AuthorizationPolicy", home, f"p{number}", spec=spec, **notes
        )

    def _where(self) -> Object:
        if self.chance.random() < 0.3:
            return {}
        labels: dict[str, str] = {"app": self.chance.choice(APPS)}
        if self.chance.random() < 0.1:
            labels = {"service.istio.io/canonical-name": labels["app"]}
        return {"selector": {"matchLabels": labels}}

    def _rule(self, action: str) -> Object:
        if self.chance.random() < 0.05:
            return {}
        rule: Object = {}
        if self.chance.random() < 0.6 and action != "CUSTOM":
            rule["from"] = [
                {"source": self._source()} for _ in range(self.chance.choice((1, 1, 2)))
            ]
        if self.chance.random() < 0.6:
            rule["to"] = [
                {"operation": self._operation()} for _ in range(self.chance.choice((1, 1, 2)))
            ]
        if self.chance.random() < 0.25:
            rule["when"] = [self._condition(action)]
        return rule or {"to": [{"operation": self._operation()}]}

    def _source(self) -> Object:
        one, two = self.namespaces
        app = self.chance.choice(APPS)
        space = self.chance.choice((one, two))
        fields: dict[str, list[str]] = {
            "principals": [f"cluster.local/ns/{space}/sa/{app}"],
            "notPrincipals": [f"cluster.local/ns/{space}/sa/*"],
            "namespaces": [self.chance.choice((space, f"{space[:-1]}*", "elsewhere"))],
            "notNamespaces": [space],
            "serviceAccounts": [self.chance.choice((f"{space}/{app}", app))],
            "requestPrincipals": [self.chance.choice(("*", "https://issuer.example/*"))],
            "notRequestPrincipals": ["*"],
            "ipBlocks": ["10.0.0.0/8"],
        }
        return self._some(fields, {"serviceAccounts"})

    def _operation(self) -> Object:
        fields = {
            "ports": [str(self.chance.choice(_PORTS))],
            "notPorts": [str(self.chance.choice(_PORTS))],
            "methods": [self.chance.choice(("GET", "DELETE"))],
            "notMethods": ["GET"],
            "paths": [self.chance.choice(("/admin*", "/open", "*/end", "/x/{*}/y"))],
            "notPaths": ["/open"],
            "hosts": ["shop.example"],
        }
        return self._some(fields, set())

    def _some(self, fields: dict[str, list[str]], alone: set[str]) -> Object:
        chosen = self.chance.sample(sorted(fields), self.chance.choice((1, 1, 2)))
        if alone & set(chosen):
            chosen = sorted(alone)
        return {name: fields[name] for name in chosen}

    def _condition(self, action: str) -> Object:
        keys: dict[str, list[str]] = {
            "destination.port": ["8080"],
            "source.ip": ["10.0.0.0/8"],
            "request.headers[x-team]": ["red"],
        }
        if action != "CUSTOM":
            keys |= {
                "source.namespace": [self.namespaces[0]],
                "source.principal": [f"cluster.local/ns/{self.namespaces[1]}/sa/a"],
                "source.serviceAccount": [f"{self.namespaces[1]}/b"],
                "request.auth.claims[role]": ["admin"],
            }
        key = self.chance.choice(sorted(keys))
        return {"key": key, self.chance.choice(("values", "notValues")): keys[key]}

    def _tokens(self, number: int) -> Object:
        rule: Object = {"issuer": "https://issuer.example", "jwks": _KEYS}
        if self.chance.random() < 0.5:
            rule |= {"forwardOriginalToken": True}
        home = self.chance.choice(self.namespaces)
        spec = {**self._where(), "jwtRules": [rule]}
        return _object(
            "security.istio.io/v1", "RequestAuthentication", home, f"tokens{number}", spec=spec
        )

    def _mtls(self) -> Iterator[Object]:
        for namespace in self.namespaces:
            if self.chance.random() < 0.5:
                mode = {"mtls": {"mode": self.chance.choice(_MODES)}}
                yield _object(
                    "security.istio.io/v1", "PeerAuthentication", namespace, "default", spec=mode
                )
            if self.chance.random() < 0.3:
                spec: Object = {"selector": {"matchLabels": {"app": self.chance.choice(APPS)}}}
                spec["mtls"] = {"mode": self.chance.choice(_MODES)}
                if self.chance.random() < 0.5:
                    port = str(self.chance.choice(_PORTS))
                    spec["portLevelMtls"] = {port: {"mode": self.chance.choice(_MODES)}}
                yield _object(
                    "security.istio.io/v1", "PeerAuthentication", namespace, "own", spec=spec
                )

    def _rules(self) -> Iterator[Object]:
        """How callers send to some Services."""
        for namespace, app in self._services:
            if self._of_rules.random() < 0.8:
                continue
            tls: Object = {"tls": {"mode": self._of_rules.choice(("DISABLE", "ISTIO_MUTUAL"))}}
            if self._of_rules.random() < 0.2:
                port = {"number": self._of_rules.choice(_SERVED)[1]}
                tls = {"portLevelSettings": [{"port": port, **tls}]}
            spec: Object = {"host": app, "trafficPolicy": tls}
            if self._of_rules.random() < 0.2:
                spec["exportTo"] = ["."]
            yield _object("networking.istio.io/v1", "DestinationRule", namespace, app, spec=spec)


def _mesh_config() -> Object:
    data = {"mesh": json.dumps({"extensionProviders": providers()})}
    return _object("v1", "ConfigMap", "istio-system", "istio", data=data)


def _object(version: str, kind: str, namespace: str, name: str, **rest: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    metadata |= {key: rest.pop(key) for key in ("labels", "annotations") if key in rest}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _resource(body: Object) -> Resource:
    group = body["apiVersion"].rpartition("/")[0]
    meta = body["metadata"]
    ref = Ref(*GroupKind(group, body["kind"]), meta.get("namespace", ""), meta["name"])
    return Resource(ref, body)
