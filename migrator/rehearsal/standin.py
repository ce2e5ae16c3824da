"""The stand-in for every application: one image that listens where the original does.

What the image must do, by its arguments: `serve` listens on each `PORT/PROTOCOL` that follows (http, grpc,
tcp), answers probes of all types with success, and runs until it is ended; `ok` succeeds at once; `once` runs
for a second and succeeds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

IMAGE = "migrate/rehearsal:latest"
PROGRAM = "/standin"
_KEPT = ("hostNetwork", "serviceAccountName", "restartPolicy", "dnsPolicy", "shareProcessNamespace",
         "terminationGracePeriodSeconds", "automountServiceAccountToken")  # fmt: skip
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_ISTIO = "istio-proxy"
_BY_NAME = (("grpc", "grpc"), ("http", "http"))
_SPOKEN = (
    ("tcpSocket", "tcp"),
    ("grpc", "grpc"),
    ("httpGet", "http"),
)  # the last one asks for the most
Ports = Mapping[int, str]


def pod_spec(spec: Mapping[str, Any], ports: Ports, image: str, *, ends: bool) -> dict[str, Any]:
    """The pod spec with stand-ins in place of its containers.

    `ports` are those that Services lead to, with their protocol; `ends`: its pods are those of a Job.
    Volumes, node selection and init containers stay behind.
    """
    made = {key: spec[key] for key in _KEPT if key in spec}
    containers = spec.get("containers") or [{"name": "app"}]
    shares = _shares(containers, ports)
    made["containers"] = [
        container(one, share, image, ends=ends)
        for one, share in zip(containers, shares, strict=True)
    ]
    return made


def container(
    old: Mapping[str, Any], ports: Ports, image: str, *, ends: bool = False
) -> dict[str, Any]:
    """One container's stand-in; what Istio injects by name or with image `auto` stays what it is."""
    made: dict[str, Any] = {"name": old["name"], "image": image, "imagePullPolicy": "IfNotPresent"}
    if old.get("name") == _ISTIO or old.get("image") == "auto":
        return made | {key: old[key] for key in ("image", "ports") if key in old}
    served = [f"{number}/{protocol}" for number, protocol in sorted(ports.items())]
    made["command"] = [PROGRAM, "once"] if ends else [PROGRAM, "serve", *served]
    if old.get("ports"):
        made["ports"] = old["ports"]
    for key in _PROBES:
        if key in old:
            made[key] = _probe(old[key])
    return made


def _shares(containers: Sequence[Mapping[str, Any]], ports: Ports) -> Iterator[dict[int, str]]:
    """Which container serves which port: who declares it, else the first; each port once."""
    left = dict(ports)
    found: list[dict[int, str]] = []
    for one in containers:
        asked = dict(_probed(one))
        share = {}
        for number, protocol in {**asked, **dict(_declared(one))}.items():
            if not _is_in(number, found):
                served = left.pop(number, protocol)
                share[number] = asked.get(number, served) if served == "tcp" else served
        found.append(share)
    found[0] |= left
    yield from found


def _is_in(number: int, shares: Iterable[Mapping[int, str]]) -> bool:
    return any(number in share for share in shares)


def _declared(one: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for port in one.get("ports") or ():
        if port.get("protocol", "TCP") == "TCP" and "containerPort" in port:
            name = str(port.get("name", ""))
            protocol = next((p for prefix, p in _BY_NAME if name.startswith(prefix)), "tcp")
            yield int(port["containerPort"]), protocol


def _probed(one: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Ports that probes ask, by number or by name, and what they must speak to answer."""
    named = {port.get("name"): port.get("containerPort") for port in one.get("ports") or ()}
    for kind, protocol in _SPOKEN:
        for key in _PROBES:
            port = ((one.get(key) or {}).get(kind) or {}).get("port")
            number = named.get(port, port) if port else None
            if isinstance(number, int):
                yield number, protocol


def _probe(old: Mapping[str, Any]) -> dict[str, Any]:
    """The same kind of probe; a command becomes one that succeeds."""
    made = dict(old)
    if "exec" in made:
        made["exec"] = {"command": [PROGRAM, "ok"]}
    if "httpGet" in made:
        http = {k: v for k, v in made["httpGet"].items() if k not in {"httpHeaders", "host"}}
        made["httpGet"] = {**http, "scheme": "HTTP"}
    return made
