"""What measures error rates for the gates of a plan."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .plan_files import load_plan

if TYPE_CHECKING:
    from migrator.ports import Probe


def probe_at(url: str, plan: Path) -> "Probe | None":
    """What measures error rates; a token is taken from the environment, as by `migrate plan`."""
    if not url:
        return None
    from migrator.adapters.prometheus import ErrorRates, Prometheus
    from migrator.adapters.prometheus.address import TOKEN, parse_address
    from migrator.istio import kinds
    from migrator.model.resource import Ref

    try:
        address = parse_address(url, os.environ.get(TOKEN, ""))
    except ValueError as error:
        raise typer.BadParameter(f"--prometheus: {error}") from error
    waypoints = [Ref(*kinds.GATEWAY, w.namespace, w.name) for w in load_plan(plan).waypoints]
    return ErrorRates(Prometheus(address), waypoints)
