"""Field paths as findings print them: `spec.rules[0].to[1].operation`, `metadata.labels["istio.io/rev"]`."""

import re
from functools import lru_cache

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_PART = re.compile(r'\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([A-Za-z_][A-Za-z0-9_-]*)')


@lru_cache(maxsize=4096)  # the same few paths, for every object of a mesh
def field(*parts: str | int) -> str:
    """Join `parts` to a path; a key that is no plain word is quoted, an integer is an index."""
    out = ""
    for part in parts:
        if isinstance(part, int):
            out += f"[{part}]"
        elif _PLAIN.match(part):
            out += f".{part}" if out else part
        else:
            quoted = part.replace("\\", "\\\\").replace('"', '\\"')
            out += f'["{quoted}"]'
    return out


@lru_cache(maxsize=4096)
def below(path: str, *parts: str | int) -> str:
    """`path` with `parts` after it."""
    tail = field(*parts)
    return f"{path}{tail}" if not path or tail.startswith("[") else f"{path}.{tail}"


def parts(path: str) -> tuple[str | int, ...]:
    """Split what `field` joined. Raises ValueError for a text that is no path."""
    found: list[str | int] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            msg = f"not a field path: {path!r}"
            raise ValueError(msg)
        index, quoted, plain = match.groups()
        if index is not None:
            found.append(int(index))
        elif quoted is not None:
            found.append(re.sub(r"\\(.)", r"\1", quoted))
        else:
            found.append(plain)
        at = match.end()
    return tuple(found)
