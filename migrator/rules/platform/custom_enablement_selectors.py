"""AMB015, istio-cni that enrols by other labels."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.labels import AMBIENT, DATAPLANE_MODE
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_BY_NAMESPACE = {
    "namespaceSelector": {DATAPLANE_MODE: AMBIENT},
    "keep_out": [(DATAPLANE_MODE, "none")],
}
_BY_POD = {"podSelector": {DATAPLANE_MODE: AMBIENT}, "keep_out": []}


class CustomEnablementSelectors(Rule):
    """istio-cni enrols pods by selectors other than those of Istio's own label.

    ## Why
    The plan moves workloads with the label `istio.io/dataplane-mode`. With other selectors the label
    may enrol nothing, or other labels may enrol pods that the plan does not know of.

    ## Fix
    Return `ambient.enablementSelectors` of the istio-cni chart to its default, or read every set of
    affected workloads in the plan against your selectors.

    ## References
    - istio/istio cni/pkg/util/enablement_selector.go
    - istio/istio releasenotes/notes/56048.yaml
    """

    code = "AMB015"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.CONFIG_MAP})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        selectors, source = mesh.cni.enablement_selectors, mesh.cni.source
        if source is None or selectors is None:
            return
        found = [_reduced(one) for one in selectors]
        if sorted(map(str, found)) != sorted(map(str, (_BY_NAMESPACE, _BY_POD))):
            yield self.finding(
                source,
                f"istio-cni enrols pods by selectors of its own ({len(selectors)}), and the plan works "
                f"with the label {DATAPLANE_MODE}.",
                fix="Return ambient.enablementSelectors to the default of the chart.",
                path="data.AMBIENT_ENABLEMENT_SELECTOR",
            )


def _reduced(selector: Mapping[str, Any]) -> Mapping[str, Any]:
    """The labels that a selector asks for, in the one form that the default has."""
    found: dict[str, Any] = {}
    keep_out = []
    for part in ("namespaceSelector", "podSelector"):
        one = selector.get(part) or {}
        if one.get("matchLabels"):
            found[part] = dict(one["matchLabels"])
        for term in one.get("matchExpressions") or ():
            values = term.get("values") or []
            plain = term.get("operator") == "NotIn" and part == "podSelector" and len(values) == 1
            keep_out.append((term.get("key"), values[0]) if plain else term)
    return {**found, "keep_out": keep_out}
