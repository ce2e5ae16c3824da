"""What a plain YAML scalar means to kubectl.

Mirrors resolve.go of go-yaml v2 as sigs.k8s.io/yaml carries it: YAML 1.1 booleans with `y` and `n`, no
base-60 numbers, and timestamps stay text.
"""

import re
from functools import lru_cache
from typing import Final

_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{w: True for t in ("y", "yes", "true", "on") for w in (t, t.capitalize(), t.upper())},
    **{w: False for t in ("n", "no", "false", "off") for w in (t, t.capitalize(), t.upper())},
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_FIRST = frozenset("0123456789+-.~yYnNtTfFoO")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_OLD_OCTAL = re.compile(r"\A([-+]?)0(?=[0-7])")
_LONGEST_NUMBER = 64  # Python's own limit on digits is far off; no field needs so many


@lru_cache(maxsize=65536)
def plain(text: str) -> object:
    """The value of an unquoted scalar without a tag."""
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "yYnNtTfFoO~" or len(text) > _LONGEST_NUMBER:
        return text
    digits = text.replace("_", "")
    if _INTEGER.match(digits):
        return int(_OLD_OCTAL.sub(r"\g<1>0o", digits), 0)
    return float(digits) if _FLOAT.match(digits) else text
