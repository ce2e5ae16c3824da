"""Requests to the API server: connected like kubectl, raw bytes in and out, retried where that is safe."""

import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from migrator.adapters.text import printable
from migrator.errors import ClusterError, UnknownOutcomeError, UnreachableError

from .answers import error_of, wait_of
from .login import Login, log_in

_ATTEMPTS = 5
_PATIENCE = 45  # seconds after which a request that failed is not repeated
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 8.0
_CONNECT_TIMEOUT = 10
_TOO_MANY, _UNAUTHORIZED = 429, 401
_FIRST_ERROR, _FIRST_SERVER_ERROR = 400, 500
_SAFE = frozenset({"GET", "HEAD"})
_LOOKS_FIRST = "run the same command again: it looks first"
_NOT_ASKED = "failed calling webhook"  # in the words of k8s.io/apiserver: nothing was stored
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class _Request(NamedTuple):
    method: str
    target: str
    data: bytes | None
    headers: Mapping[str, str]
    timeout: float

    @property
    def safe(self) -> bool:
        return self.method in _SAFE

    def may_repeat(self, status: int) -> bool:
        return status == _TOO_MANY or (self.safe and status >= _FIRST_SERVER_ERROR)


class _Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def connect(kubeconfig: str = "", context: str = "") -> "Api":
    """The cluster that kubectl would talk to: --kubeconfig, KUBECONFIG, ~/.kube/config, or the pod's own.

    Raises ClusterError when there is none. Nothing is sent yet.
    """
    return Api(lambda: log_in(kubeconfig, context))


class Api:
    """One API server, as one user. Safe to use from several threads."""

    def __init__(
        self, renew: Callable[[], Login], *, sleep: Callable[[float], None] | None = None
    ) -> None:
        self._renew = renew
        self._sleep = sleep or time.sleep  # noqa: TID251  the back-off of requests is I/O too
        self._take(renew())

    def request(  # noqa: PLR0913  what HTTP has
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = 30,
    ) -> bytes:
        """The body of the answer.

        A GET is repeated on 429, on 5xx and when the connection fails. A write is repeated only when the
        server surely did not act on it: on 429, and when no connection was made. Raises ClusterError or
        one of its kinds.
        """
        headers = {"Accept": accept, "User-Agent": "migrate"}
        if body is not None:
            headers["Content-Type"] = content_type
        target = path + (f"?{urlencode(list(query))}" if query else "")
        data = msgspec.json.encode(body) if isinstance(body, Mapping) else body
        return self._insist(_Request(method, target, data, headers, timeout))

    def _insist(self, request: _Request) -> bytes:
        renewed = False
        began = time.monotonic()
        for attempt in range(_ATTEMPTS):
            last = attempt == _ATTEMPTS - 1 or time.monotonic() - began > _PATIENCE
            reply = self._try(request, last=last)
            if reply is None:
                self._sleep(_pause(attempt))
            elif reply.status < _FIRST_ERROR:
                return reply.body
            elif reply.status == _UNAUTHORIZED and not renewed:
                renewed = True
                self._take(self._renew())
            elif last or not request.may_repeat(reply.status):
                raise _refusal(request, reply, self.server)
            else:
                self._sleep(_pause(attempt, reply))
        raise UnreachableError("the cluster does not answer", detail=self.server)

    def _take(self, login: Login) -> None:
        self._login = login
        self.context = login.context
        self.server = login.server
        local = urlsplit(login.server).hostname in _LOCAL
        self._encoding = {} if local else {"Accept-Encoding": "gzip"}

    def _try(self, request: _Request, *, last: bool) -> _Reply | None:
        """The server's answer; None when there was none and asking again is safe."""
        headers = {**request.headers, **self._encoding, **self._login.credentials()}
        try:
            found = self._login.pool.request(
                request.method, self.server + request.target, body=request.data, headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT, read=request.timeout),
                retries=False, redirect=False,
            )  # fmt: skip
        except SSLError as error:
            raise _untrusted(self.server, error) from error
        except (HTTPError, OSError) as error:
            unsent = isinstance(error, NewConnectionError | ConnectTimeoutError)
            if last or not (unsent or request.safe):
                raise _silent(self.server, error, lost=not unsent and not request.safe) from error
            return None
        return _Reply(found.status, found.headers, found.data)


def _pause(attempt: int, reply: _Reply | None = None) -> float:
    """What the server asks for, else twice as long each time; never the same for two clients."""
    asked = wait_of(reply.headers) if reply else None
    if asked is not None:
        return asked
    longest: float = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
    return longest * random.uniform(0.75, 1.0)  # noqa: S311  no secret


def _refusal(request: _Request, reply: _Reply, server: str) -> ClusterError:
    """A server that fails in the middle of a change may have stored it."""
    error = error_of(reply.status, reply.body, server)
    failed = type(error) is ClusterError and reply.status >= _FIRST_SERVER_ERROR
    if request.safe and failed:
        return UnreachableError(error.summary, detail=error.detail)
    if not failed or _NOT_ASKED in error.detail:
        return error
    return UnknownOutcomeError(
        "the API server failed during a change; whether it was made is not known",
        detail=error.detail,
        hint=_LOOKS_FIRST,
    )


def _untrusted(server: str, error: SSLError) -> ClusterError:
    if not isinstance(_innermost(error), ssl.SSLCertVerificationError):
        return ClusterError("no TLS with the cluster", detail=f"{server}: {_reason(error)}")
    return ClusterError(
        "the cluster's certificate is not trusted",
        detail=f"{server}: {_reason(error)}",
        hint="the cluster's `certificate-authority` in the kubeconfig must be who signed it",
    )


def _silent(server: str, error: Exception, *, lost: bool) -> ClusterError:
    if lost:
        return UnknownOutcomeError(
            "the connection broke during a change; whether it was made is not known",
            detail=f"{server}: {_reason(error)}",
            hint=_LOOKS_FIRST,
        )
    late = isinstance(error, ReadTimeoutError | ConnectTimeoutError)
    return UnreachableError(
        "the cluster does not answer in time" if late else "the cluster does not answer",
        detail=f"{server}: {_reason(error)}",
        hint="kubectl cluster-info shows whether it is there; --context names another one",
    )


def _innermost(error: BaseException) -> BaseException:
    """urllib3 wraps errors of the system, and shows addresses of objects in its own words."""
    cause = error.__cause__ or error.__context__
    return error if cause is None else _innermost(cause)


def _reason(error: Exception) -> str:
    inner = _innermost(error)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return printable(inner.verify_message)
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return printable(text) or type(inner).__name__
