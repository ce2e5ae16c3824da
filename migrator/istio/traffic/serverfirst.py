"""Ports whose protocol nobody declared, and hints that the server speaks first on them.

On such a port a waypoint waits for the client's first bytes to tell HTTP from TCP
(istio/istio pilot/pkg/networking/core/listener_waypoint.go); a client that waits for the server's greeting
never sends any. Istio itself never sniffs 25, 53, 3306 and 27017 (pkg/config/kube/conversion.go).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.istio.services import UNDECLARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Port, Service

_BY_PORT = {
    21: "FTP", 22: "SSH", 110: "POP3", 143: "IMAP", 587: "SMTP", 4222: "NATS", 5900: "VNC",
}  # fmt: skip
_IMAGES = re.compile(r"(?<![a-z])(mysql|mariadb|mongo|mongodb|nats|postfix)(?![a-z])")


def undeclared(service: Service) -> Iterator[Port]:
    """The TCP ports that Istio would sniff."""
    return (port for port in service.ports if port.protocol == UNDECLARED)


def hint(mesh: Mesh, service: Service, port: Port) -> str:
    """Why the server may speak first on the port; empty where nothing says so."""
    for number in (port.number, port.target):
        if number in _BY_PORT:
            return f"{number} is the port of {_BY_PORT[number]}"
    if len(service.ports) > 1:
        return ""  # of several ports an image does not say which
    for workload in mesh.services.workloads(service):
        for container in workload.containers:
            image = str(container.get("image", "")).partition("@")[0].rpartition("/")[2]
            if found := _IMAGES.search(image.partition(":")[0]):
                return f"{workload.ref} runs {found[1]}"
    return ""
