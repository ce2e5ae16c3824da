"""The effective PeerAuthentication of a workload.

Mirrors `ComposePeerAuthentication` in istio/istio pilot/pkg/security/authn/policy_applier.go and
pilot/pkg/model/authentication.go: the workload's own policy over the namespace's over the mesh's, the
oldest of several, UNSET inherits, `portLevelMtls` only with a selector and outside the root namespace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.istio.selectors import has_labels
from migrator.istio.workloads import Workload
from migrator.model.resource import Resource

_UNSET = {"", "UNSET"}


@dataclass(frozen=True, eq=False)
class Mtls:
    """The mode of the workload, of single ports, and the policies that decide (strongest first)."""

    mode: str
    ports: Mapping[int, str]
    sources: tuple[Resource, ...]

    def at(self, port: int) -> str:
        return self.ports.get(port, self.mode)

    @property
    def strict(self) -> bool:
        """Whether plaintext is refused on some port."""
        return "STRICT" in {self.mode, *self.ports.values()}


def effective(policies: Iterable[Resource], root_namespace: str, workload: Workload) -> Mtls:
    """What its sidecars accept; what ztunnel makes of it is in `mtls_at_ztunnel`."""
    mesh, namespace, own = levels(policies, root_namespace, workload)
    mode = strongest(mesh, namespace, own)
    ports = {
        int(port): _port_mode(setting or {}, mode)
        for port, setting in ((own.spec.get("portLevelMtls") or {}) if own else {}).items()
        if str(port).isdigit()
    }
    return Mtls(mode, ports, tuple(p for p in (own, namespace, mesh) if p is not None))


def strongest(*policies: Resource | None) -> str:
    """The mode of the last that says one, PERMISSIVE where none does."""
    mode = "PERMISSIVE"
    for policy in policies:
        found = (policy.spec.get("mtls") or {}).get("mode", "") if policy else ""
        if found not in _UNSET:
            mode = found
    return mode


def _port_mode(setting: Mapping[str, str], inherited: str) -> str:
    mode = setting.get("mode", "")
    return inherited if mode in _UNSET else mode


def levels(
    policies: Iterable[Resource], root: str, workload: Workload
) -> tuple[Resource | None, Resource | None, Resource | None]:
    """The policy of the mesh, of the namespace and of the workload that count."""
    mesh: list[Resource] = []
    namespace: list[Resource] = []
    own: list[Resource] = []
    for policy in policies:
        chosen = (policy.spec.get("selector") or {}).get("matchLabels") or {}
        if policy.namespace == workload.namespace and chosen and policy.namespace != root:
            if has_labels(chosen, workload.labels):
                own.append(policy)
        elif policy.namespace == root and not chosen:
            mesh.append(policy)
        elif policy.namespace == workload.namespace and not chosen:
            namespace.append(policy)
    return _oldest(mesh), _oldest(namespace), _oldest(own)


def _oldest(policies: list[Resource]) -> Resource | None:
    return min(
        policies,
        key=lambda p: (str(p.metadata.get("creationTimestamp") or "~"), p.name),
        default=None,
    )
