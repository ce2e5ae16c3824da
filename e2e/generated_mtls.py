"""PeerAuthentications of every mode at every level: mesh, namespace, workload, port."""

from itertools import product
from typing import Any, NamedTuple

MODES = ("", "UNSET", "PERMISSIVE", "STRICT", "DISABLE")  # the first: there is no such policy
PORTS: tuple[dict[str, str], ...] = (
    {},
    {"8080": "STRICT"},
    {"8080": "PERMISSIVE"},
    {"8080": "DISABLE", "9090": "STRICT"},
    {"8080": "UNSET", "9090": "PERMISSIVE", "7070": "STRICT"},
)
ASKED = (8080, 9090, 7070)  # HTTP and TCP of the Service, and a port that no Service names
LABEL = "combination"


class Combination(NamedTuple):
    """One workload with what is said of it; its namespace says the rest."""

    namespace_mode: str
    mode: str
    ports: int

    @property
    def namespace(self) -> str:
        return f"mtls-{self.namespace_mode.lower() or 'absent'}"

    @property
    def name(self) -> str:
        return f"{self.mode.lower() or 'absent'}-{self.ports}"


COMBINATIONS = tuple(
    Combination(namespace_mode, mode, ports)
    for namespace_mode, mode, ports in product(MODES, MODES, range(len(PORTS)))
    if mode or not ports
)
NAMESPACES = tuple(sorted({one.namespace for one in COMBINATIONS}))


def objects() -> list[dict[str, Any]]:
    """Namespaces, each with a Service, a policy of its mode, and a pod and a policy per combination."""
    found: list[dict[str, Any]] = []
    for mode in MODES:
        namespace = Combination(mode, "", 0).namespace
        found.append(_namespace(namespace))
        found.append(_service(namespace))
        if mode:
            found.append(peer_authentication(namespace, "all", {"mtls": {"mode": mode}}))
    for one in COMBINATIONS:
        found.append(pod(one.namespace, one.name))
        if one.mode:
            spec: dict[str, Any] = {
                "selector": {"matchLabels": {LABEL: one.name}},
                "mtls": {"mode": one.mode},
            }
            if PORTS[one.ports]:
                spec["portLevelMtls"] = {
                    port: {"mode": mode} for port, mode in PORTS[one.ports].items()
                }
            found.append(peer_authentication(one.namespace, one.name, spec))
    return found


def peer_authentication(namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def pod(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {LABEL: name, "app": "asked"},
        },
        "spec": {
            "containers": [
                {"name": "app", "image": "app", "ports": [{"containerPort": p} for p in ASKED]}
            ]
        },
    }


def _namespace(name: str) -> dict[str, Any]:
    labels = {"istio-injection": "enabled"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _service(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "asked", "namespace": namespace},
        "spec": {
            "selector": {"app": "asked"},
            "ports": [
                {"name": "http", "port": 80, "targetPort": 8080},
                {"name": "tcp", "port": 90, "targetPort": 9090},
            ],
        },
    }
