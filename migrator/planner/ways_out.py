"""Where no order keeps every call under every policy: the three ways out, each with what it exposes.

Callers in a cycle, replicas that call each other, and headless Services under STRICT have no order that
neither refuses calls nor opens something.
"""

from collections.abc import Iterable

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import action_of
from migrator.istio.workloads import Workload

from .callers import names_its_sources

WITHOUT_ORDER = frozenset({"headless-mixed-endpoints", "statefulset-peers"})


def of_a_cycle(names: Iterable[str]) -> str:
    """For guarded servers that may call each other."""
    among = ", ".join(names)
    return (
        "No order keeps these calls under the HTTP-level policies. A window: accept this; it closes calls "
        f"among {among} from pods that still have a sidecar while the wave runs, and opens nothing. "
        "PERMISSIVE while they roll does not help: their guards refuse by identity. Guards at L4 only: let "
        "the guards of the wave admit the identities of these callers beside the waypoint's until the last "
        "has moved; it closes nothing, and opens what only HTTP-level policies deny to these callers. A "
        "declared call graph (--calls) may show an order."
    )


def of_peers(mesh: Mesh, workload: Workload) -> str:
    """For a workload that is called through a headless Service under STRICT."""
    named = _asks_for_identity(mesh, workload)
    plaintext = (
        "it opens nothing to callers without identity, whom its ALLOW policies do not name, and for the "
        "same reason it closes calls in plaintext of its own callers"
        if named
        else "it opens the pods to plaintext callers from outside the mesh meanwhile, and closes nothing"
    )
    return (
        f"Three ways, then acknowledge: a window, in which all pods of {workload.ref} stop before any starts "
        "anew: it closes every call to them meanwhile, and opens nothing. A PERMISSIVE PeerAuthentication "
        f"for these pods only, while they roll: {plaintext}. A guard at L4 only: bind nothing and let their "
        "callers, who connect to the pods themselves, be judged by identity alone: it closes nothing that "
        "has mutual TLS, and opens what only HTTP-level policies deny."
    )


def _asks_for_identity(mesh: Mesh, workload: Workload) -> bool:
    acting = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    allows = [policy for policy in acting if action_of(policy) == "ALLOW"]
    return bool(allows) and all(names_its_sources(policy) for policy in allows)
