"""Versions of Istio and its components, read from image tags and revision labels."""

import re
from typing import NamedTuple

_TAG = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-.+].*)?\Z")


class Version(NamedTuple):
    """`major.minor.patch`; a missing patch counts as 0."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: str) -> Version | None:
    """`1.30.3`, `v1.30.3-distroless`, `1.32-alpha.x`; None where no version is named."""
    match = _TAG.match(text)
    if match is None:
        return None
    major, minor, patch = match.groups()
    return Version(int(major), int(minor), int(patch or 0))


def image_version(image: str) -> Version | None:
    """The version in an image's tag; registry ports and digests do not confuse it."""
    name = image.partition("@")[0].rpartition("/")[2]
    _, colon, tag = name.partition(":")
    return parse_version(tag) if colon else None
