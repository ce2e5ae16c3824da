"""AMB604, Istio's filters for databases."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.istio.yamltext import is_true
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_FILTERS = {"MONGO": True, "REDIS": False, "MYSQL": False}  # on by default


class MongoRedisMysqlFilters(Rule):
    """Sidecars read a database's protocol by Istio's own filter, and nothing does so in ambient.

    ## Why
    By the port's name istiod adds a filter for MongoDB (on by default), Redis or MySQL (on request), which
    makes statistics and, for Redis, routes. ztunnel and waypoints carry TCP.

    ## Fix
    Take such statistics from the database.

    ## References
    - istio/istio pilot/pkg/features/xds.go (`EnableMongoFilter`, `EnableRedisFilter`, `EnableMysqlFilter`)
    """

    code = "AMB604"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        on = {name for name in _FILTERS if _is_on(mesh, name)}
        for service in mesh.services.all:
            for port in service.ports if is_meshed(mesh, service) else ():
                if port.protocol in on:
                    yield self.finding(
                        service.resource,
                        f"Sidecars read port {port.number} by Istio's {port.protocol} filter. In "
                        "ambient it is TCP and no more.",
                        fix="Take its statistics from the database.",
                        path=port.path,
                        affects=apps(mesh, [service]),
                        callers=["ambient"],
                    )


def _is_on(mesh: Mesh, name: str) -> bool:
    """Whether some istiod of the source adds the filter; the default where there is none."""
    values = [c.env.get(f"PILOT_ENABLE_{name}_FILTER") for c in mesh.control_planes] or [None]
    return any(_FILTERS[name] if value is None else is_true(value) for value in values)
