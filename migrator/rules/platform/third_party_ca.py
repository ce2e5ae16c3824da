"""AMB023, certificates from another authority than istiod's own."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import ZTUNNEL, agents, env_of, installers
from migrator.istio.yamltext import dig, is_true
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class ThirdPartyCa(Rule):
    """Workload certificates come from another authority than istiod.

    ## Why
    ztunnel asks the address in its own chart's `caAddress`, not the one in the mesh config, and the
    authority must let ztunnel ask on behalf of every account of its node.

    ## Fix
    Give ztunnel the same `caAddress`, and allow its account to impersonate pods at that authority.

    ## References
    - istio/istio manifests/charts/ztunnel/values.yaml (`caAddress`)
    - istio/istio pilot/pkg/bootstrap/istio_ca.go (`EXTERNAL_CA`)
    """

    code = "AMB023"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT, kinds.DAEMON_SET, kinds.ISTIO_OPERATOR, kinds.SAIL_ISTIO})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        told = sorted(
            found[1] for one in agents(mesh, ZTUNNEL) if (found := env_of(one, "CA_ADDRESS"))
        )
        asked = f"ztunnel asks {', '.join(told)}" if told else "ztunnel would ask istiod"
        for resource, path, what, address in _others(mesh):
            if address not in told:
                yield self.finding(
                    resource,
                    f"{what}, and {asked}.",
                    fix="Give ztunnel the same caAddress and the right to ask for pods' certificates.",
                    path=path,
                )


def _others(mesh: Mesh) -> Iterator[tuple[Resource, str, str, str]]:
    for plane in mesh.control_planes:
        external = env_of(plane.resource, "EXTERNAL_CA")
        if external and external[1]:
            what = f"istiod has certificates signed elsewhere (EXTERNAL_CA: {external[1]})"
            yield plane.resource, external[0], what, external[1]
        server = env_of(plane.resource, "ENABLE_CA_SERVER")
        if server and not is_true(server[1]):
            yield plane.resource, server[0], "istiod signs no certificates (ENABLE_CA_SERVER)", ""
    for resource, _ in installers(mesh):
        address = dig(resource.spec, "values", "global", "caAddress")
        if isinstance(address, str) and address and "istiod" not in address:
            path = field("spec", "values", "global", "caAddress")
            yield resource, path, f"Sidecars ask {address} for certificates", address
