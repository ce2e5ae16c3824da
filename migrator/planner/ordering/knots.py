"""Guarded servers that may call each other: no order keeps all of their calls."""

from dataclasses import dataclass

from migrator.istio.workloads import Workload


@dataclass(frozen=True)
class Knot:
    """Guarded workloads that may call each other, in the order in which they move.

    `says`: what is refused, whether that is the least, and the ways out; empty where nothing is refused.
    """

    members: tuple[Workload, ...]
    says: str = ""
