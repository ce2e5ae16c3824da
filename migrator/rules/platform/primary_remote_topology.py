"""AMB024, a control plane in another cluster."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import INSTALLERS, env_of, installers
from migrator.istio.yamltext import dig, is_true
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_REMOTE = "topology.istio.io/controlPlaneClusters"
_HOOK = "sidecar-injector.istio.io"
_VALUES = (
    ("istiodRemote", "enabled"),
    ("global", "remotePilotAddress"),
    ("global", "externalIstiod"),
)


class PrimaryRemoteTopology(Rule):
    """The cluster is served by an istiod outside it, or serves other clusters' proxies.

    ## Why
    Ambient has no primary-remote and no external control plane: a ztunnel needs an istiod of its own
    cluster.

    ## Fix
    Move to one istiod per cluster (multi-primary) while the mesh has sidecars.

    ## References
    - https://istio.io/latest/docs/ambient/install/multicluster/
    - istio/istio pilot/pkg/features/pilot.go (`EXTERNAL_ISTIOD`)
    """

    code = "AMB024"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.NAMESPACE, kinds.DEPLOYMENT, kinds.MUTATING_WEBHOOK}) | INSTALLERS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for resource, path, what in (*_seen(mesh), *_asked(mesh)):
            yield self.finding(
                resource,
                f"{what}: ambient needs an istiod in each cluster, for that cluster.",
                fix="Move to one istiod per cluster before the migration.",
                path=path,
            )


def _seen(mesh: Mesh) -> Iterator[tuple[Resource, str, str]]:
    for namespace in mesh.of(kinds.NAMESPACE):
        if clusters := namespace.annotations.get(_REMOTE):
            path = field("metadata", "annotations", _REMOTE)
            yield namespace, path, f"The control plane is in cluster {clusters}"
    for plane in mesh.control_planes:
        found = env_of(plane.resource, "EXTERNAL_ISTIOD")
        if found and is_true(found[1]):
            yield (
                plane.resource,
                found[0],
                "istiod serves other clusters' proxies (EXTERNAL_ISTIOD)",
            )
    for hook in mesh.of(kinds.MUTATING_WEBHOOK):
        for index, one in enumerate(hook.body.get("webhooks") or ()):
            if one.get("name", "").endswith(_HOOK) and dig(one, "clientConfig", "url"):
                yield hook, f"webhooks[{index}].clientConfig.url", "The injector is behind a URL"
                break


def _asked(mesh: Mesh) -> Iterator[tuple[Resource, str, str]]:
    for resource, _ in installers(mesh):
        for keys in _VALUES:
            value = dig(resource.spec, "values", *keys)
            if value and value != "false":
                yield resource, field("spec", "values", *keys), f"{'.'.join(keys)} is {value}"
