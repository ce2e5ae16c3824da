"""What the API server's answers mean: a Status (apimachinery meta/v1) that is no success is an error of ours.

Status codes follow k8s.io/apimachinery pkg/api/errors; an admission webhook that denies answers with a
code of its own choice, and says "admission webhook … denied the request"
(k8s.io/apiserver pkg/admission/plugin/webhook/errors/statuserror.go).
"""

import json
import re
from collections.abc import Mapping

from migrator.adapters.text import printable
from migrator.errors import ClusterError, ConflictError, ForbiddenError, InvalidError, NotFoundError

_LONGEST_WORDS = 2000
_LONGEST_WAIT = 30.0
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_REFUSALS = frozenset({400, 413, 422})
_OF_ADMISSION = re.compile(r"denied the request|denied request|exceeded quota|violates PodSecurity")


class ExpiredError(ClusterError):
    """The continue token of a list is too old: the list must be read from its beginning."""


_KINDS: Mapping[int, tuple[type[ClusterError], str]] = {
    404: (NotFoundError, "there is no such object"),
    409: (ConflictError, "the object was changed by someone else, or exists"),
    410: (ExpiredError, "the list has expired"),
}


def words(body: bytes) -> str:
    """What the server says: the message of its Status, else the beginning of the text."""
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        status = None
    if isinstance(status, dict) and isinstance(status.get("message"), str):
        text = status["message"]
    else:
        text = body.decode("utf-8", "replace")
    return printable(text).strip()[:_LONGEST_WORDS]


def error_of(status: int, body: bytes, server: str) -> ClusterError:
    """The error for an answer that is no success."""
    said = words(body) or f"HTTP {status}"
    if status == _UNAUTHORIZED:
        return ClusterError(
            "the cluster does not know this user: the login is missing or expired",
            detail=f"{server}: {said}",
            hint="log in again; `kubectl auth whoami` shows whether it worked",
        )
    if status in _KINDS:
        kind, summary = _KINDS[status]
        return kind(summary, detail=said)
    if status in _REFUSALS or _OF_ADMISSION.search(said):
        return InvalidError("the API server refuses this object or change", detail=said)
    if status == _FORBIDDEN:
        return ForbiddenError(
            "the API server refuses this user", detail=said,
            hint="migrate permissions prints what is needed, as RBAC",
        )  # fmt: skip
    return ClusterError("the API server cannot answer", detail=f"{server}: HTTP {status}: {said}")


def wait_of(headers: Mapping[str, str]) -> float | None:
    """The seconds that `Retry-After` asks for, within reason; None when it asks for none."""
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() else None
