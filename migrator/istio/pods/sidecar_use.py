"""Where an application's containers count on a sidecar beside them: its ports, its binary, its name.

The ports are those of Envoy and pilot-agent (pilot/cmd/pilot-agent/options, status/server.go); in
ambient nothing in the pod listens there. Readers keep fragments of commands only, so that patterns
look for words in their order.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.istio.workloads import Workload

from .probes import own_containers

_ADMIN_PORTS = frozenset({"15000", "15004", "15020", "15021", "15090"})
_ADMIN = re.compile(
    r"(?:localhost|127\.0\.0\.1):(?:15000|15004|15020|15021|15090)\b[/\w-]*|\bpilot-agent\b"
)
_QUIT = re.compile(r"(?::(\d+))?/quitquitquit\b")
_EXEC = re.compile(r"\bkubectl\b.*\bexec\b.*\bistio-proxy\b|\bpkill\b.*\b(?:envoy|pilot-agent)\b")
# scuttle and its like: the wrapper does nothing unless one of these is set.
_WRAPPER_ENV = frozenset({"ENVOY_ADMIN_API", "ISTIO_QUIT_API", "WAIT_FOR_ENVOY_TIMEOUT"})


class Use(NamedTuple):
    """One place of the manifest: the text that shows it, and its path."""

    text: str
    path: str


def admin_uses(workload: Workload) -> tuple[Use, ...]:
    """Calls of the sidecar's own endpoints, and wrappers that are set up to make them."""
    return (*_search(workload, _admin), *_hooks(workload), *_wrappers(workload))


def exec_uses(workload: Workload) -> tuple[Use, ...]:
    """Commands that enter the container `istio-proxy`, or signal its processes."""
    return tuple(_search(workload, _exec))


def _admin(text: str) -> str:
    if _EXEC.search(text):
        return ""  # what it does, it does in another place
    found = _ADMIN.search(text)
    if found:
        return found[0]
    quits = _QUIT.search(text)  # other proxies have the same path on ports of their own
    return quits[0] if quits and quits[1] in {None, *_ADMIN_PORTS} else ""


def _exec(text: str) -> str:
    found = _EXEC.search(text)
    return found[0] if found else ""


def _search(workload: Workload, what: Any) -> Iterator[Use]:
    for path, container in own_containers(workload):
        for below, words in _commands(container):
            shown = what(" ".join(words))
            if shown:
                yield Use(shown, f"{path}.{below}")


def _commands(container: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key in ("command", "args"):
        yield key, tuple(container.get(key) or ())
    for hook, action in (container.get("lifecycle") or {}).items():
        if isinstance(action, dict):
            words = tuple((action.get("exec") or {}).get("command") or ())
            yield f"lifecycle.{hook}.exec.command", words
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        words = tuple(((container.get(probe) or {}).get("exec") or {}).get("command") or ())
        yield f"{probe}.exec.command", words


def _hooks(workload: Workload) -> Iterator[Use]:
    for path, container in own_containers(workload):
        for hook, action in (container.get("lifecycle") or {}).items():
            call = (action.get("httpGet") or {}) if isinstance(action, dict) else {}
            if str(call.get("port")) in _ADMIN_PORTS:
                yield Use(f"port {call['port']}", f"{path}.lifecycle.{hook}.httpGet")


def _wrappers(workload: Workload) -> Iterator[Use]:
    for path, container in own_containers(workload):
        for i, env in enumerate(container.get("env") or ()):
            if env.get("name") in _WRAPPER_ENV:
                yield Use(env["name"], f"{path}.env[{i}]")
