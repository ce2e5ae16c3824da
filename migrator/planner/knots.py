"""Guarded servers that may call each other: no order keeps all of their calls."""

from dataclasses import dataclass
from typing import Literal

from migrator.istio.workloads import Workload

Searched = Literal["all", "some", "none"]


@dataclass(frozen=True)
class Knot:
    """Guarded workloads that may call each other, in the order in which they move.

    `searched`: whether all of their orders were compared, some, or none. `refuses` is false where none of
    their calls is refused on the way.
    """

    members: tuple[Workload, ...]
    searched: Searched = "none"
    refuses: bool = True
