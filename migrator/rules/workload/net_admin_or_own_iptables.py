"""AMB341, a container with network rules of its own."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import own_containers
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_TAKES_OVER = re.compile(
    r"\b(?:dind|wireguard|openvpn|strongswan|tailscale|gluetun|tproxy)\b", re.IGNORECASE
)
_EDITS = re.compile(r"\b(?:ip6?tables(?:-\w+)?|nft|ipset)\b")


class NetAdminOrOwnIptables(Rule):
    """A privileged container changes the packet filter of its pod, as istio-cni does.

    ## Why
    In ambient the rules that capture traffic stand in the pod's own network namespace. Other rules
    there run before or after them. A nested Docker, a VPN or a transparent proxy takes over the same
    packets, hence a blocker for these.

    ## Fix
    Keep the workload out with the pod label `istio.io/dataplane-mode: none`, or test it in ambient.

    ## References
    - istio/istio cni/pkg/iptables/iptables.go
    """

    code = "AMB341"
    severity = Severity.WARNING
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for path, container in own_containers(workload):
                if not _may_edit(container):
                    continue
                text = " ".join(_words(container))
                taken = _TAKES_OVER.search(text)
                found = taken or _EDITS.search(text)
                if found:
                    yield self.finding(
                        workload.resource,
                        f"The container {container.get('name')} of {workload.ref} may change the "
                        f"pod's packet filter ({found[0]}), where ambient has its own rules.",
                        fix="Keep it out with istio.io/dataplane-mode: none, or test it in ambient.",
                        path=path,
                        severity=Severity.BLOCKER if taken else Severity.WARNING,
                        affects=[workload],
                    )


def _may_edit(container: Mapping[str, Any]) -> bool:
    context = container.get("securityContext") or {}
    added = (context.get("capabilities") or {}).get("add") or ()
    return bool(context.get("privileged")) or bool({"NET_ADMIN", "ALL"}.intersection(added))


def _words(container: Mapping[str, Any]) -> Iterator[str]:
    yield container.get("image", "")
    yield from container.get("command") or ()
    yield from container.get("args") or ()
