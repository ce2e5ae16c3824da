"""Quantities of resources, as k8s.io/apimachinery/pkg/api/resource/quantity.go writes them."""

import re
from fractions import Fraction

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d{1,3}|[numkMGTPE]|[KMGTPE]i)?\Z")
_SCALES = {
    **{
        unit: Fraction(10) ** power
        for unit, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{unit}i": Fraction(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def quantity(value: str | float | None) -> Fraction | None:
    """`100m`, `1Gi`, `2`, `1e3`; None where nothing, or no quantity, is written."""
    match = _QUANTITY.match(str(value).strip()) if value is not None else None
    if match is None:
        return None
    number, suffix = Fraction(match[1]), match[2] or ""
    if suffix[:1] in {"e", "E"} and len(suffix) > 1 and suffix != "Ei":
        return number * Fraction(10) ** int(suffix[1:])
    return number * _SCALES.get(suffix, Fraction(1))
