"""AMB350, a disruption budget that allows no disruption."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import selects
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class PdbBlocksDrainNotRollout(Rule):
    """A PodDisruptionBudget allows no disruption of pods that are to move.

    ## Why
    Budgets hold back evictions, such as a node's drain. A rollout replaces pods without asking them,
    so that the plan's restarts run; what the budget stops is a node upgrade done at the same time.

    ## Fix
    Nothing for the migration, which never evicts.

    ## References
    - https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
    """

    code = "AMB350"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | {kinds.PDB}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for pdb in mesh.of(kinds.PDB):
            key = _allows_none(pdb)
            selector = pdb.spec.get("selector")
            affected = [
                w
                for w in mesh.meshed_in(pdb.namespace)
                if selector is not None and selects(selector, w.labels)
            ]
            if key and affected:
                yield self.finding(
                    pdb,
                    f"{pdb.ref} allows no disruption; rollouts do not ask it, and the migration "
                    "restarts by rollouts only.",
                    fix="Nothing to do; do not drain nodes while the migration runs.",
                    path=field("spec", key),
                    affects=affected,
                )


def _allows_none(pdb: Resource) -> str:
    """The key by which it allows none."""
    if pdb.spec.get("maxUnavailable") in {0, "0", "0%"}:
        return "maxUnavailable"
    return "minAvailable" if pdb.spec.get("minAvailable") == "100%" else ""
