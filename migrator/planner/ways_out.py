"""Where no order keeps every call under every policy: the three ways out, each with what it exposes.

Callers in a cycle, replicas that call each other, and headless Services under STRICT have no order that
neither refuses calls nor opens something.
"""

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import action_of
from migrator.istio.workloads import Workload

from .callers import names_its_sources
from .knots import Knot

_HOW = {
    "all": "All orders of these {count} were compared; theirs in this plan refuses the least, for the "
    "shortest time.",
    "some": "{count} have too many orders to compare all; theirs in this plan is what moving one after "
    "another to its best place has found.",
    "none": "The orders of these {count} were not compared: they move by name.",
}
WITHOUT_ORDER = frozenset({"headless-mixed-endpoints", "statefulset-peers"})


def of_a_knot(knot: Knot) -> str:
    """For guarded servers that may call each other."""
    among = ", ".join(sorted(str(w.ref) for w in knot.members))
    return (
        f"{among} may call each other and are guarded: while they move, some of these calls are refused. "
        f"{_HOW[knot.searched].format(count=len(knot.members))} "
        f"A window: accept this; it closes calls "
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
