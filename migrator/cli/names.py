"""Names that a person types: whether they are known, and what may have been meant."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_NAMESPACE = "Namespace"
_NEAR = 3
_MIN_PART = 3  # a shorter text is in too many names
_ALIKE = 0.7  # two codes of rules that share no digit are 0.67 alike


def check_namespaces(
    mesh: "Mesh", wanted: Iterable[str], option: str = "--namespace"
) -> tuple[str, ...]:
    """The namespaces asked for. A name that is not in the source is a usage error, unless namespaces could
    not all be read: then it may be there, and what is missing is said.
    """
    found = tuple(wanted)
    unread = any(one.kind == _NAMESPACE for one in mesh.snapshot.unread)
    for name in found:
        if name not in mesh.namespaces and not unread:
            message = (
                f"{option}: namespace {name!r} is not in the source{near(name, mesh.namespaces)}"
            )
            raise typer.BadParameter(message)
    return found


def near(name: str, known: Iterable[str]) -> str:
    """`; did you mean X or Y?`, or nothing: names that hold `name`, else names spelled like it."""
    from difflib import get_close_matches

    names = sorted(known)
    close = [one for one in names if len(name) >= _MIN_PART and name.lower() in one.lower()][:_NEAR]
    close = close or get_close_matches(name, names, n=_NEAR, cutoff=_ALIKE)
    return f"; did you mean {' or '.join(close)}?" if close else ""
