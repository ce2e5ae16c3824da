"""Where access logs and traces are asked for: in the mesh configuration and by Telemetry.

Mirrors `AccessLogging` and `Tracing` of istio/istio pilot/pkg/model/telemetry.go and the fields of
istio.io/api mesh/v1alpha1/config.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.istio.mesh import Mesh
    from migrator.istio.workloads import Workload
    from migrator.model.resource import Resource


class Source(NamedTuple):
    """An object that asks for it: where, what it says, and the workloads to be moved that lose it."""

    resource: Resource
    path: str
    said: str
    apps: tuple[Workload, ...]


def access_logs(mesh: Mesh) -> Iterator[Source]:
    """Every object that makes sidecars write access logs."""
    yield from _from_mesh(mesh, "accessLogFile")
    yield from _from_mesh(mesh, "defaultProviders", "accessLogging")
    yield from _from_telemetry(mesh, "accessLogging", "disabled")


def traces(mesh: Mesh) -> Iterator[Source]:
    """Every object that makes sidecars report spans."""
    if mesh.config.get("enableTracing") is not False:
        yield from _from_mesh(mesh, "defaultProviders", "tracing")
        yield from _from_mesh(mesh, "defaultConfig", "tracing")
    yield from _from_telemetry(mesh, "tracing", "disableSpanReporting")


def _from_mesh(mesh: Mesh, *keys: str) -> Iterator[Source]:
    found = mesh.config.where(*keys) if mesh.config.get(*keys) else None
    if found is not None and mesh.meshed:
        yield Source(*found, f"{'.'.join(keys)} of the mesh configuration", mesh.meshed)


def _from_telemetry(mesh: Mesh, key: str, switch: str) -> Iterator[Source]:
    for telemetry in mesh.of(kinds.TELEMETRY):
        wanted = any(not one.get(switch) for one in telemetry.spec.get(key) or ())
        apps = mesh.attachments.apps_of(telemetry) if wanted else ()
        if apps:
            yield Source(telemetry, f"spec.{key}", f"Telemetry {telemetry.name}", apps)
