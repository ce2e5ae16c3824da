"""AMB016, a gateway that the ambient profile would prune."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.yamltext import dig
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_INGRESS, _EGRESS = "istio-ingressgateway", "istio-egressgateway"
_COMPONENTS = (("ingressGateways", "IngressGateways"), ("egressGateways", "EgressGateways"))
_BY_PROFILE = {"demo": (_INGRESS, _EGRESS), "minimal": (), "empty": (), "remote": ()}
_BY_ISTIOCTL = "operator.istio.io/managed"


class ProfileSwitchPrunesIngress(Rule):
    """istioctl installed a gateway that its profile `ambient` disables.

    ## Why
    `istioctl upgrade --set profile=ambient` deletes what the new profile disables: the ingress gateway
    of the profiles `default` and `demo` among it. All traffic from outside then stops.

    ## Fix
    In the same change say `components.ingressGateways: [{name: istio-ingressgateway, enabled: true}]`
    (and egressGateways alike), and read `istioctl manifest diff` first. Helm releases are not affected.

    ## References
    - istio/istio manifests/profiles/{default,demo,ambient}.yaml
    - istio/istio operator/pkg/install/install.go
    """

    code = "AMB016"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.ISTIO_OPERATOR, kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        operators, gateways = mesh.of(kinds.ISTIO_OPERATOR), mesh.of(kinds.DEPLOYMENT)
        planes = mesh.control_planes
        if planes and all(plane.ambient for plane in planes):
            return
        at_risk = [(one, _pruned(one)) for one in operators]
        if not operators:
            at_risk = [(one, (one.name,)) for one in gateways if _by_istioctl(one)]
        for resource, names in at_risk:
            for name in names:
                yield self.finding(
                    resource,
                    f"{name} is there by the profile of istioctl, and profile ambient disables it: "
                    "the upgrade to that profile deletes it.",
                    fix=f"Say `enabled: true` for {name} under spec.components in the same change.",
                    path="spec.profile" if operators else "metadata.labels",
                )


def _pruned(operator: Resource) -> tuple[str, ...]:
    profile = operator.spec.get("profile") or "default"
    if "ambient" in str(profile):
        return ()
    said = {_name(one): one.get("enabled") for one in _listed(operator)}
    by_profile = _BY_PROFILE.get(profile, (_INGRESS,))
    return tuple(name for name in by_profile if said.get(name) is None)


def _listed(operator: Resource) -> list[Mapping[str, Any]]:
    lists = (dig(operator.spec, "components", key) for key, _ in _COMPONENTS)
    return [one for found in lists if isinstance(found, list) for one in found if dig(one, "name")]


def _name(gateway: Mapping[str, Any]) -> str:
    return str(gateway["name"])


def _by_istioctl(deployment: Resource) -> bool:
    component = deployment.labels.get("operator.istio.io/component")
    return _BY_ISTIOCTL in deployment.labels and component in {name for _, name in _COMPONENTS}
