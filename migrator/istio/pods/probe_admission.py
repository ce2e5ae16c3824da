"""Which NetworkPolicies would refuse the kubelet's probes once istio-cni gives them its own address."""

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio.network.networkpolicy import Direction, admits_probes, rules
from migrator.istio.workloads import Workload
from migrator.model.resource import Resource

from .probes import Probe, probes

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh


class RefusedProbes(NamedTuple):
    """Probes that no policy lets in; `policy` is one that isolates the pods, the widest if any is."""

    policy: Resource
    probes: tuple[Probe, ...]
    workloads: tuple[Workload, ...]


def refused_probes(mesh: "Mesh") -> tuple[RefusedProbes, ...]:
    """One answer for each policy that isolates probed pods of the mesh."""
    found: dict[Resource, list[tuple[Workload, tuple[Probe, ...]]]] = {}
    for workload in mesh.meshed if mesh.network.policies else ():
        isolated_by = mesh.network.isolating(mesh.network.pod_of(workload), Direction.INGRESS)
        if not isolated_by:
            continue
        let_in = rules(isolated_by, Direction.INGRESS)
        refused = tuple(
            probe
            for probe in probes(workload)
            if probe.over_network and not any(admits_probes(rule, probe.port) for rule in let_in)
        )
        if refused:
            widest = min(isolated_by, key=lambda policy: bool(policy.spec.get("podSelector")))
            found.setdefault(widest, []).append((workload, refused))
    return tuple(
        RefusedProbes(
            policy,
            tuple(probe for _, refused in hits for probe in refused),
            tuple(workload for workload, _ in hits),
        )
        for policy, hits in found.items()
    )
