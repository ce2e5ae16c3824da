"""How policies compare a value with what they name, and values that tell such patterns apart.

Mirrors istio/istio pilot/pkg/security/authz/matcher/string.go and header.go, and
pilot/pkg/security/authz/model/generator.go (namespaces, service accounts, trust domains, tokens); for
ztunnel `stringToMatch` of pilot/pkg/serviceregistry/ambient/authorization.go, which means the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

UNMATCHED = (
    "unmatched"  # in no pattern that people write; it fills the gap between prefix and suffix
)
UNMATCHED_IP = "198.51.100.7"  # an address of RFC 5737, for documentation only
_ADDRESSES = frozenset({"source.ip", "remote.ip"})
_TEMPLATE = re.compile(r"\{\*\*?\}")


def matches(key: str, pattern: str, value: str) -> bool:
    """Whether `pattern` of a policy covers `value`, as fields of the kind `key` are compared."""
    return _MATCHERS.get(key, _wildcard)(pattern, value)


def _wildcard(pattern: str, value: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return pattern == value


def _host(pattern: str, value: str) -> bool:
    return _wildcard(pattern.lower(), value.lower())


def _path(pattern: str, value: str) -> bool:
    if _TEMPLATE.search(pattern):
        return _template(pattern).fullmatch(value) is not None
    return _wildcard(pattern, value)


@lru_cache(maxsize=4096)
def _template(pattern: str) -> re.Pattern[str]:
    """`{*}` is one segment of a path, `{**}` any number of them."""
    parts = _TEMPLATE.split(pattern)
    holes = ["[^/]+" if hole == "{*}" else ".*" for hole in _TEMPLATE.findall(pattern)]
    text = "".join(re.escape(p) + h for p, h in zip(parts, [*holes, ""], strict=True))
    return re.compile(text)


def _namespace(pattern: str, value: str) -> bool:
    return _glob(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))


def _token(pattern: str, value: str) -> bool:
    """A request principal `issuer/subject`; an issuer may hold slashes itself."""
    issuer, _, subject = value.rpartition("/")
    wanted_issuer, slash, wanted_subject = pattern.rpartition("/")
    if pattern == "*":
        return bool(issuer and subject)
    if pattern.startswith("*"):
        if not slash:
            return bool(issuer) and subject.endswith(pattern[1:])
        return _filled(wanted_issuer, issuer) and subject == wanted_subject
    if pattern.endswith("*"):
        if not slash:
            return bool(subject) and issuer.startswith(pattern[:-1])
        return issuer == wanted_issuer and _filled(wanted_subject, subject)
    return value == pattern and bool(slash)


def _filled(pattern: str, value: str) -> bool:
    """A lone `*` is `.+` here: something must be there."""
    return bool(value) if pattern == "*" else _wildcard(pattern, value)


@lru_cache(maxsize=65536)
def _in_block(pattern: str, value: str) -> bool:
    block = _block(pattern)
    return block is not None and ip_address(value) in block


@lru_cache(maxsize=4096)
def _block(pattern: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(pattern, strict=False)
    except ValueError:
        return None


_MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "source.ip": _in_block,
    "remote.ip": _in_block,
    "host": _host,
    "path": _path,
    "namespace": _namespace,
    "trust": _namespace,
    "token": _token,
}


def candidates(key: str, patterns: Iterable[str]) -> tuple[str, ...]:
    """Values of the field that tell the patterns apart: each set of patterns that some value meets.

    Exact texts, prefixes and suffixes are told apart completely: which of them a text meets follows from
    its longest prefix, its longest suffix, or the exact text itself. Of a path template one example is made.
    """
    wanted = tuple(dict.fromkeys(patterns))
    raw = _addresses(wanted) if key in _ADDRESSES else _texts(key, wanted)
    found: dict[tuple[bool, ...], str] = {}
    for value in raw:
        found.setdefault(tuple(matches(key, pattern, value) for pattern in wanted), value)
    return tuple(found.values())


def _texts(key: str, patterns: tuple[str, ...]) -> Iterator[str]:
    filler = _FILLERS.get(key, UNMATCHED)
    yield filler
    prefixes, suffixes = [""], [""]
    for pattern in patterns:
        if _TEMPLATE.search(pattern):
            yield _TEMPLATE.sub(UNMATCHED, pattern)
        elif pattern == "*":
            continue
        elif pattern.startswith("*"):
            suffixes.append(pattern[1:])
            yield pattern[1:]
        elif pattern.endswith("*"):
            prefixes.append(pattern[:-1])
            yield pattern[:-1]
        else:
            yield pattern
    for prefix in prefixes:
        for suffix in suffixes:
            between = filler if not prefix else filler.lstrip("/")
            yield f"{prefix}{between}{suffix}"


_FILLERS = {"path": f"/{UNMATCHED}", "token": f"{UNMATCHED}/{UNMATCHED}", "method": "UNMATCHED"}


def _addresses(patterns: tuple[str, ...]) -> Iterator[str]:
    """The first and last address of each block, and their neighbours outside."""
    yield UNMATCHED_IP
    for pattern in patterns:
        block = _block(pattern)
        if block is None:
            continue
        first, last = block.network_address, block.broadcast_address
        yield str(first)
        yield str(last)
        if int(first) > 0:
            yield str(first - 1)
        if int(last) + 1 < 2**block.max_prefixlen:
            yield str(last + 1)
