"""Services with DestinationRules that say how their callers send, in every way and from every namespace."""

from collections.abc import Iterator
from typing import Any, NamedTuple

SERVED, CLIENT, HIDING = "tls-served", "tls-client", "tls-hiding"
NAMESPACES = (SERVED, CLIENT, HIDING)
PORT, OTHER = 80, 90
Object = dict[str, Any]
Spec = dict[str, Any]


def _tls(mode: str = "") -> Spec:
    return {"tls": {"mode": mode} if mode else {}}


def _at_port(policy: Spec) -> Spec:
    return {"portLevelSettings": [{"port": {"number": PORT}, **policy}]}


_MODES = {
    "disable": _tls("DISABLE"),
    "mutual": _tls("ISTIO_MUTUAL"),
    "unwritten": _tls(),
    "simple": {"tls": {"mode": "SIMPLE", "sni": "a.example"}},
}
_BALANCED: Spec = {"loadBalancer": {"simple": "RANDOM"}}
POLICIES: dict[str, Spec | None] = {
    "absent": None,
    **_MODES,
    "other-settings": _BALANCED,
    "port-mutual": _at_port(_tls("ISTIO_MUTUAL")),
    "disable-port-mutual": {**_tls("DISABLE"), **_at_port(_tls("ISTIO_MUTUAL"))},
    "mutual-port-disable": {**_tls("ISTIO_MUTUAL"), **_at_port(_tls("DISABLE"))},
    "disable-port-silent": {**_tls("DISABLE"), **_at_port(_BALANCED)},
    "mutual-port-silent": {**_tls("ISTIO_MUTUAL"), **_at_port(_BALANCED)},
    "passthrough": {"loadBalancer": {"simple": "PASSTHROUGH"}},
}
# namespace of the rule, what it is exported to, and its host: of the Service, or all of its namespace
PLACES: dict[str, tuple[str, list[str] | None]] = {
    "own": (SERVED, None),
    "own-private": (SERVED, ["."]),
    "own-for-client": (SERVED, [CLIENT]),
    "client": (CLIENT, None),
    "client-private": (CLIENT, ["."]),
    "root": ("istio-system", None),
}


class Case(NamedTuple):
    """One Service with its rules."""

    place: str
    policy: str
    headless: bool = False

    @property
    def name(self) -> str:
        return f"{self.place}-{self.policy}{'-headless' if self.headless else ''}"


CASES = (
    *(Case("own", policy, headless) for policy in POLICIES for headless in (False, True)),
    *(
        Case(place, policy)
        for place in PLACES
        if place != "own"
        for policy in ("disable", "mutual")
    ),
)


def objects() -> list[Object]:
    """All of them; behind each Service stand pods of every kind."""
    found = [
        _object("v1", "Namespace", "", name, labels={"istio-injection": "enabled"})
        for name in NAMESPACES
    ]
    found += _pods()
    for case in CASES:
        found += [_service(case), *_rules(case)]
    return [*found, *_hidden()]


def _hidden() -> Iterator[Object]:
    """A rule that hides the one for all of its namespace from those too to whom it is not exported."""
    labels = {"app": "served", "kind": "sidecar"}
    container = {"containers": [{"name": "app", "image": "app"}]}
    yield _object("v1", "Pod", HIDING, "sidecar", labels=labels, spec=container)
    for name in ("hidden", "shown"):
        spec = {"selector": {"app": "served"}, "ports": [{"name": "http", "port": PORT}]}
        yield _object("v1", "Service", HIDING, name, spec=spec)
    one: Spec = {"host": "hidden", "exportTo": [CLIENT], "trafficPolicy": _MODES["mutual"]}
    all_: Spec = {"host": f"*.{HIDING}.svc.cluster.local", "trafficPolicy": _MODES["disable"]}
    for name, rule in (("one", one), ("all", all_)):
        yield _object("networking.istio.io/v1", "DestinationRule", HIDING, name, spec=rule)


def _pods() -> Iterator[Object]:
    none = {"selector": {"matchLabels": {"kind": "refusing"}}, "mtls": {"mode": "DISABLE"}}
    yield _object("security.istio.io/v1", "PeerAuthentication", SERVED, "refusing", spec=none)
    kinds = {
        "sidecar": {},
        "refusing": {},
        "ambient": {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "ambient"},
        "none": {"sidecar.istio.io/inject": "false"},
    }
    for kind, labels in kinds.items():
        spec = {"containers": [{"name": "app", "image": "app"}]}
        own = {"app": "served", "kind": kind, **labels}
        yield _object("v1", "Pod", SERVED, kind, labels=own, spec=spec)


def _service(case: Case) -> Object:
    ports = [
        {"name": "http", "port": PORT, "targetPort": 8080},
        {"name": "tcp", "port": OTHER, "targetPort": 9090},
    ]
    spec = {"selector": {"app": "served"}, "ports": ports}
    if case.headless:
        spec["clusterIP"] = "None"
    return _object("v1", "Service", SERVED, case.name, spec=spec)


def _rules(case: Case) -> Iterator[Object]:
    policy = POLICIES[case.policy]
    if policy is None:
        return
    namespace, exported = PLACES[case.place]
    spec: Spec = {"host": f"{case.name}.{SERVED}.svc.cluster.local", "trafficPolicy": policy}
    if exported:
        spec["exportTo"] = exported
    yield _object("networking.istio.io/v1", "DestinationRule", namespace, case.name, spec=spec)


def _object(version: str, kind: str, namespace: str, name: str, **rest: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    if "labels" in rest:
        metadata["labels"] = rest.pop("labels")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
