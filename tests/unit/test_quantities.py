"""Quantities of resources."""

from fractions import Fraction

import pytest

from migrator.istio.quantities import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        (2, 2),
        (0.5, Fraction(1, 2)),
        ("100m", Fraction(1, 10)),
        ("250u", Fraction(250, 1_000_000)),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", Fraction(3, 2) * 1024**3),
        ("2E", 2 * 10**18),
        ("2Ei", 2 * 1024**6),
        ("2e3", 2000),
        ("2E-1", Fraction(1, 5)),
        ("-1", -1),
        (None, None),
        ("", None),
        ("much", None),
        ("1 Gi", None),
        ("1e9999999999", None),
    ],
)
def test_reads_what_kubernetes_writes(text: str | float | None, value: Fraction | None) -> None:
    assert quantity(text) == value
