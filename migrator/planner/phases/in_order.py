"""The phases of a plan, from the decisions that were made for it."""

from migrator.planner.decisions.layout import Layout
from migrator.planner.ordering.order import Order
from migrator.planner.plan import Phase

from .contract import contract
from .expand import expand
from .handover import HandOver
from .prepare import prepare
from .switch import switch


def phases_of(layout: Layout, handover: HandOver, order: Order) -> tuple[Phase, ...]:
    """Prepare, expand, switch, contract: those in which something is done."""
    if not layout.moving:
        return ()
    phases = (
        prepare(layout),
        expand(layout, handover),
        switch(layout, handover, order),
        contract(layout, handover),
    )
    return tuple(phase for phase in phases if phase.waves)
