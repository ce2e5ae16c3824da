"""A plan is for the cluster that it was made from, whatever a kubeconfig calls it."""

from typing import TYPE_CHECKING

from migrator.errors import StalePlanError

if TYPE_CHECKING:
    from migrator.adapters.kube.client import Api
    from migrator.planner.plan import Plan


def refuse_other_cluster(api: "Api", plan: "Plan") -> None:
    """Raises StalePlanError when `plan` was made from another cluster, where both are known."""
    from migrator.adapters.kube.identity import identity

    made_from = plan.header.cluster
    here = identity(api) if made_from else ""
    if here and here != made_from:
        raise StalePlanError(
            "The plan is of another cluster, nothing was changed",
            detail=f"It was made from {made_from}; context {api.context} leads to {here} (the uids of their "
            "namespaces kube-system).",
            hint="kubectl config current-context",
        )
