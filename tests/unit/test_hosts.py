"""Host names: what is short, what is not, and what a pattern covers."""

import pytest

from migrator.istio.traffic.hosts import fqdn, matches


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("cart", "cart.shop.svc.cluster.local"),
        ("cart.other.svc.cluster.local", "cart.other.svc.cluster.local"),
        ("cart.other", "cart.other"),  # a dot makes it a full name, right or wrong
        ("www.example.com", "www.example.com"),
        ("*", "*"),
        ("*.example.com", "*.example.com"),
        ("10.1.2.3", "10.1.2.3"),
        ("fd00::7", "fd00::7"),
    ],
)
def test_fqdn(host: str, expected: str) -> None:
    assert fqdn(host, "shop") == expected


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.example.org", False),
        ("*", "anything", True),
        ("a.example.com", "*.example.com", False),  # it covers less, not more
        ("*.com", "*.example.com", True),
    ],
)
def test_matches(*, pattern: str, host: str, expected: bool) -> None:
    assert matches(pattern, host) is expected
