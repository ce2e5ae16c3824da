"""PeerAuthentication at ztunnel: what istiod's answer means, and what istiod's conversion makes of it.

The conversion mirrors `convertedSelectorPeerAuthentications` and `convertPeerAuthentication` of
istio/istio pilot/pkg/serviceregistry/ambient/authorization.go at the commit that `go/istio/go.mod` pins,
slips included; that ztunnel then accepts something else than a sidecar is Istio's doing.
"""

from collections.abc import Mapping
from typing import NamedTuple

from .oracle_ztunnel import Authorization, Condition, ZtunnelWorkload, bound_to

_UNSET = frozenset({"", "UNSET"})
_LAX = frozenset({"PERMISSIVE", "DISABLE"})


class Written(NamedTuple):
    """The modes as written at each level; an empty one stands for no policy there."""

    mesh: str
    namespace: str
    workload: str
    ports: Mapping[str, str]


def refuses_plaintext(
    workload: ZtunnelWorkload, policies: Mapping[str, Authorization], port: int
) -> bool:
    """Whether some DENY policy that ztunnel asks for the workload matches a peer without identity."""

    def truth(condition: Condition) -> bool:
        match condition.field:
            case "notPrincipals":
                return True
            case "destinationPorts":
                return str(port) in condition.values
            case "notDestinationPorts":
                return str(port) not in condition.values
            case _:
                return False

    return any(
        policies[name].action == "DENY" and policies[name].matches(truth)
        for name in bound_to(workload, policies)
    )


def converted(written: Written, mesh_then: str, port: int) -> bool:
    """What `refuses_plaintext` is expected to say.

    `mesh_then` is the mesh's mode when the workload's policy was last written: istiod's conversion does
    not depend on the policies above it, so it is not done again when these change.
    """
    static, own = _attached(written)
    return static or (own and _own(written._replace(mesh=mesh_then), port))


def _attached(written: Written) -> tuple[bool, bool]:
    """Whether the workload gets the static STRICT policy, and whether its own converted one."""
    modes = set(written.ports.values())
    above = written.mesh if written.namespace in _UNSET else written.namespace
    if written.workload == "STRICT":
        return not modes & _LAX, bool(modes & _LAX)
    if written.workload in _LAX:
        return False, "STRICT" in modes
    if above == "STRICT":
        return "PERMISSIVE" not in modes, "PERMISSIVE" in modes  # DISABLE is not looked for
    return False, "STRICT" in modes


def _own(written: Written, port: int) -> bool:
    """Whether the converted policy refuses plaintext at the port; also when there is none."""
    strict = {p for p, mode in written.ports.items() if mode == "STRICT"}
    exempt = {p for p, mode in written.ports.items() if mode in _LAX}
    if _strict_ports_are_left_out(written):
        strict = set()
    if _exempt_ports_are_left_out(written):
        exempt = set()
    if str(port) in strict:
        return True
    return bool(exempt) and str(port) not in exempt


def _strict_ports_are_left_out(written: Written) -> bool:
    """The last alternative lacks the condition that the workload's own mode is UNSET."""
    return (
        written.workload == "STRICT"
        or (written.workload in _UNSET and written.namespace == "STRICT")
        or (written.namespace in _UNSET and written.mesh == "STRICT")
    )


def _exempt_ports_are_left_out(written: Written) -> bool:
    """A namespace's policy of mode UNSET counts as not STRICT here, whatever the mesh's."""
    if written.workload in _LAX:
        return True
    above = written.namespace or written.mesh
    return written.workload in _UNSET and above != "STRICT"
