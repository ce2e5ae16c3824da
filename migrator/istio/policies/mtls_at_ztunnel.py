"""What istiod's conversion of PeerAuthentications makes ztunnel accept, port by port.

Mirrors `convertedSelectorPeerAuthentications` and `convertPeerAuthentication` of istio/istio
pilot/pkg/serviceregistry/ambient/authorization.go as they are, slips included: in some shapes ztunnel takes
plain text where sidecars refuse it. Held against istiod and ztunnel's stream by e2e/test_oracle_mtls.py.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migrator.istio.workloads import Workload
from migrator.model.resource import Resource

from .mtls import levels

_UNSET = frozenset({"", "UNSET"})
_UNNAMED = 0  # stands for every port that no policy names
_LAX = frozenset({"PERMISSIVE", "DISABLE"})


class Written(NamedTuple):
    """The modes as written at each level; an empty one stands for no policy there."""

    mesh: str
    namespace: str
    workload: str
    ports: Mapping[int, str]


def written(policies: Iterable[Resource], root: str, workload: Workload) -> Written:
    """The levels that act on `workload`."""
    mesh, namespace, own = levels(policies, root, workload)
    ports = (own.spec.get("portLevelMtls") or {}) if own else {}
    return Written(
        _mode(mesh),
        _mode(namespace),
        _mode(own),
        {int(p): (s or {}).get("mode", "") for p, s in ports.items() if str(p).isdigit()},
    )


def refuses_plaintext(found: Written, port: int, *, mesh_then: str | None = None) -> bool:
    """Whether ztunnel refuses a peer without identity at the port.

    `mesh_then` is the mesh's mode when the workload's policy was last written, if it was another: istiod
    does not convert a policy again when those above it change.
    """
    static, own = _attached(found)
    then = found if mesh_then is None else found._replace(mesh=mesh_then)
    return static or (own and _own(then, port))


def modes(
    policies: Iterable[Resource], root: str, workload: Workload
) -> tuple[str, Mapping[int, str]]:
    """STRICT or PERMISSIVE, and the same of the ports that the workload's policy names."""
    found = written(policies, root, workload)
    by_port = {port: _said(found, port) for port in found.ports}
    return _said(found, _UNNAMED), by_port


def _said(found: Written, port: int) -> str:
    return "STRICT" if refuses_plaintext(found, port) else "PERMISSIVE"


def _mode(policy: Resource | None) -> str:
    if policy is None:
        return ""
    return (policy.spec.get("mtls") or {}).get("mode", "") or "UNSET"


def _attached(found: Written) -> tuple[bool, bool]:
    """Whether the workload gets the static STRICT policy, and whether its own converted one."""
    modes = set(found.ports.values())
    above = found.mesh if found.namespace in _UNSET else found.namespace
    if found.workload == "STRICT":
        return not modes & _LAX, bool(modes & _LAX)
    if found.workload in _LAX:
        return False, "STRICT" in modes
    if above == "STRICT":
        return "PERMISSIVE" not in modes, "PERMISSIVE" in modes  # DISABLE is not looked for
    return False, "STRICT" in modes


def _own(found: Written, port: int) -> bool:
    """Whether the converted policy refuses plain text at the port; there may be none."""
    strict = {p for p, mode in found.ports.items() if mode == "STRICT"}
    exempt = {p for p, mode in found.ports.items() if mode in _LAX}
    if _strict_ports_are_left_out(found):
        strict = set()
    if _exempt_ports_are_left_out(found):
        exempt = set()
    return port in strict or (bool(exempt) and port not in exempt)


def _strict_ports_are_left_out(found: Written) -> bool:
    """The last alternative lacks the condition that the workload's own mode is UNSET."""
    return (
        found.workload == "STRICT"
        or (found.workload in _UNSET and found.namespace == "STRICT")
        or (found.namespace in _UNSET and found.mesh == "STRICT")
    )


def _exempt_ports_are_left_out(found: Written) -> bool:
    """A namespace's policy of mode UNSET counts as not STRICT here, whatever the mesh's."""
    if found.workload in _LAX:
        return True
    above = found.namespace or found.mesh
    return found.workload in _UNSET and above != "STRICT"
