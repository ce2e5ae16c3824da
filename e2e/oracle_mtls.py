"""PeerAuthentication at ztunnel: what istiod's answer means, beside what the model expects of it."""

from collections.abc import Mapping
from typing import NamedTuple

from migrator.istio.policies import mtls_at_ztunnel

from .oracle_ztunnel import Authorization, Condition, ZtunnelWorkload, bound_to


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
    ports = {int(port): mode for port, mode in written.ports.items()}
    found = mtls_at_ztunnel.Written(written.mesh, written.namespace, written.workload, ports)
    return mtls_at_ztunnel.refuses_plaintext(found, port, mesh_then=mesh_then)
