"""Whether a run changed anything that its plan does not name, field by field."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from migrator.planner.plan import Plan

_WAYPOINTS = "gateway.networking.k8s.io/gateway-name"
Path = tuple[str, ...]


def changes(before: Mapping[str, Any], now: Mapping[str, Any], plan: Plan) -> list[str]:
    """Of two images, the fields that differ and that no step of `plan` writes.

    What istiod makes for a Gateway of the plan is the plan's.
    """
    mine: dict[str, set[Path]] = {}
    for _, _, step in plan.steps():
        ref = step.target.ref
        paths = {write.path for write in step.writes("")}
        mine.setdefault(f"{ref.kind}/{ref.namespace}/{ref.name}", set()).update(paths)
    found = []
    for key in sorted(before.keys() | now.keys()):
        if key not in before and _WAYPOINTS in json.dumps(now[key]):
            continue
        paths = mine.get("/".join(key.split("/")[-3:]), set())
        then, there = dict(_leaves(before.get(key), ())), dict(_leaves(now.get(key), ()))
        found += [
            f"{key}: {'.'.join(path)}"
            for path in sorted(then.keys() | there.keys())
            if then.get(path) != there.get(path) and not _is_below(path, paths)
        ]
    return found


def _is_below(path: Path, paths: set[Path]) -> bool:
    return any(path[: len(one)] == one for one in paths)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, (*path, key))
    elif value is not None:
        yield path, value
