"""YAML that stands as text in a ConfigMap's value or an annotation.

Nobody has checked such a text; one that is no YAML is unknown, never an error of the run.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent

from migrator.model.resource import Resource

_MAX_DEPTH = 100  # libyaml's composer recurses in C, where no limit of the interpreter holds
_NOT_YAML = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError)


def value_of(config_map: Resource, key: str) -> str:
    """The text under `key` of the ConfigMap's data; empty when there is none."""
    data = config_map.body.get("data")
    text = data.get(key) if isinstance(data, Mapping) else None
    return text if isinstance(text, str) else ""


@lru_cache(maxsize=1024)  # several questions are put to the same few texts
def parse(text: str) -> Any:
    """The value that `text` holds; None for what is no YAML. Callers must not change it."""
    try:
        return None if _too_deep(text) else yaml.load(text, Loader=yaml.CSafeLoader)
    except _NOT_YAML:
        return None


def mapping(text: str) -> Mapping[str, Any]:
    """The mapping that `text` holds; empty for anything else."""
    value = parse(text)
    return value if isinstance(value, Mapping) else {}


def dig(value: Any, *keys: str) -> Any:
    """What stands below `keys`, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def is_true(value: object) -> bool:
    """Whether a switch is on: a boolean of YAML, or a text that Go's strconv.ParseBool takes as true."""
    return value is True or (
        isinstance(value, str) and value in {"1", "t", "T", "TRUE", "true", "True"}
    )


def _too_deep(text: str) -> bool:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            return True
    return False
