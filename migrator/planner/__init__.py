"""Findings and facts in, a phased plan out. Pure: the same mesh in any order gives the same bytes.

What may go in: scope (who moves, who stays behind), order (waves), the phases' steps, the plan file.
What may not: Istio's semantics (istio/), the text of manifests (translate/), I/O.
"""

from .builder import make_plan
from .options import PlanOptions
from .plan import Plan

__all__ = ["Plan", "PlanOptions", "make_plan"]
