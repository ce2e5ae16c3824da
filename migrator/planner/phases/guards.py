"""Guards that no longer hang on the label by which a workload's template asks for ambient."""

from collections.abc import Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.steps import Target, UpdateSpec

from . import checks
from .expand import object_ref
from .prepare import step_name


def is_born_without_label(workload: Ref) -> bool:
    """Whether nobody writes labels on its template: a Job's is immutable (kubernetes/kubernetes
    pkg/apis/batch/validation/validation.go, `validatePodTemplateUpdate`). Its next pods are ambient by their
    namespace's label, and a guard that asks for one of their own would not bind them.
    """
    return workload.group_kind == kinds.JOB


def guard_for_all_pods(workload: Workload, manifest: Mapping[str, Any]) -> UpdateSpec:
    """When no pod with a sidecar is left."""
    ref = object_ref(dict(manifest))
    old = dict(manifest["spec"])
    chosen = {k: v for k, v in old["selector"]["matchLabels"].items() if k != names.DATAPLANE_MODE}
    why = (
        "No label is written on a Job's template: its next pods are ambient by the namespace's label, and "
        "the guard binds them from their first moment."
        if is_born_without_label(workload.ref)
        else "The template's own label may go with a later deployment; the guard must not go with it."
    )
    return UpdateSpec(
        id=f"contract.guard.{step_name(workload.ref)}",
        target=Target.of(ref),
        spec={**old, "selector": {"matchLabels": chosen}},
        old=old,
        why=why,
        rules=("AMB115",),
        after=(checks.exists(ref),),
    )
