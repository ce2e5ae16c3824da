"""AMB021, more than one trust domain in use."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class TrustDomainAliases(Rule):
    """The mesh accepts identities of more than its own trust domain.

    ## Why
    ztunnel knows no aliases: it verifies callers against its own trust domain and compares principals
    as they are written. Callers of another domain are refused, and policies that name an alias stop
    matching. Waypoints do accept aliases, so the two disagree.

    ## Fix
    Finish the migration to one trust domain while the mesh has sidecars, then remove the aliases.

    ## References
    - https://github.com/istio/ztunnel/pull/2092
    - https://github.com/istio/istio/issues/61608
    """

    code = "AMB021"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.CONFIG_SOURCES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        own = mesh.config.trust_domain
        for key, others in (
            ("trustDomainAliases", _texts(mesh.config.get("trustDomainAliases"))),
            ("caCertificates", _of_certificates(mesh.config.get("caCertificates"))),
        ):
            foreign = sorted(others - {own})
            where = mesh.config.where(key)
            if where and foreign:
                yield self.finding(
                    where[0],
                    f"Beside its own trust domain {own} the mesh takes {', '.join(foreign)} "
                    f"({key}); ztunnel takes only its own.",
                    fix="Finish the trust domain migration with sidecars, then remove the others.",
                    path=where[1],
                )


def _texts(found: object) -> set[str]:
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()


def _of_certificates(found: object) -> set[str]:
    certificates = found if isinstance(found, list) else ()
    domains = (_texts(one.get("trustDomains")) for one in certificates if isinstance(one, dict))
    return set().union(*domains)
