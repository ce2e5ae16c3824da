"""The types of every field that the tool walks, kind by kind.

What does not fit would be refused by the API server too; so it never reaches a rule, and a rule need not
check. Fields that are not listed may hold anything and are not walked.
"""

from functools import cache
from typing import Any

from migrator.model.resource import GroupKind

from . import kinds
from .shape_pods import CONTROLLER_STATUS, METADATA, POD, SELECTOR, TEMPLATE, UNTYPED
from .shape_types import B, I, Misfit, Shape

_CONTROLLER = {
    "metadata": METADATA,
    "spec": {"replicas": I, "selector": SELECTOR, "template": TEMPLATE, "paused": B},
    "status": CONTROLLER_STATUS,
}
_TABLES: dict[GroupKind, Any] = {
    kinds.POD: POD,
    kinds.DEPLOYMENT: _CONTROLLER,
    kinds.STATEFUL_SET: _CONTROLLER,
    kinds.DAEMON_SET: _CONTROLLER,
    kinds.REPLICA_SET: _CONTROLLER,
    kinds.ROLLOUT: _CONTROLLER,
}


@cache
def _shape(kind: GroupKind) -> Shape:
    return Shape(_TABLES.get(kind, UNTYPED))


def misfit(kind: GroupKind, body: dict[str, Any]) -> Misfit | None:
    """The first field of `body` whose type is not that of its kind, or None."""
    return _shape(kind).misfit(body)
