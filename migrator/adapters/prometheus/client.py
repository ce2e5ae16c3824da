"""Prometheus's HTTP API, as far as instant queries (prometheus/prometheus web/api/v1/api.go)."""

import contextlib
import http.client
import json
import math
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Never
from urllib.parse import urlencode

from migrator.adapters.text import printable
from migrator.errors import MetricsError

from .address import TOKEN, Address

_LONGEST_ANSWER = 256 * 1024 * 1024
_LONGEST_WORDS = 300
_MISSHAPEN = (AttributeError, KeyError, IndexError, TypeError, ValueError)


class Sample(NamedTuple):
    """One series of an answer and its value."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """One server. Every method raises MetricsError, and nothing else, when it gets no good answer.

    `warnings` are the server's own words about answers that may lack something, each once.
    """

    def __init__(
        self, address: Address, *, authority: Path | None = None, timeout: float = 60
    ) -> None:
        self.place = address.place
        self.warnings: dict[str, None] = {}
        self._timeout = timeout
        self._headers = {"Accept": "application/json", "User-Agent": "migrate"}
        if address.authorization:
            self._headers["Authorization"] = address.authorization
        self._opener = urllib.request.build_opener(
            _NoRedirects(), urllib.request.HTTPSHandler(context=self._trust(authority))
        )

    def now(self) -> float:
        """The server's clock, in seconds since 1970."""
        at = self._ask({"query": "time()"})
        try:
            return float(at["result"][0])
        except _MISSHAPEN:
            self._is_none("its clock has no value")

    def query(self, expression: str, at: float | None = None) -> tuple[Sample, ...]:
        """The instant vector that `expression` gives `at` a time, else now."""
        parameters = {"query": expression, "timeout": f"{self._timeout:.0f}s"}
        if at is not None:
            parameters["time"] = f"{at:.3f}"
        data = self._ask(parameters)
        if data.get("resultType") != "vector" or not isinstance(data.get("result"), list):
            self._is_none("its answer is no vector")
        try:
            return tuple(_sample(one) for one in data["result"])
        except _MISSHAPEN:
            self._is_none("a series of its answer has no labels or no value")

    def _ask(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        body = self._get(f"{self.place}/api/v1/query?{urlencode(parameters)}")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            self._is_none("its answer is not JSON")
        if not isinstance(answer, dict) or answer.get("status") not in {"success", "error"}:
            self._is_none("its answer has no status")
        if answer["status"] == "error":
            raise MetricsError(
                "Prometheus refused the query", detail=f"{self.place}: {_words(answer)}",
                hint="a shorter --prometheus-window asks for less",
            )  # fmt: skip
        data = answer.get("data")
        if not isinstance(data, dict):
            self._is_none("its answer has no data")
        for warning in answer.get("warnings") or ():
            self.warnings[printable(str(warning))[:_LONGEST_WORDS]] = None
        return data

    def _get(self, url: str) -> bytes:
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310  http(s): Address
        try:
            with self._opener.open(request, timeout=self._timeout) as reply:
                body: bytes = reply.read(_LONGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            return self._refused(error)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise MetricsError(
                "Prometheus does not answer",
                detail=f"{self.place}: {printable(str(reason)) or type(reason).__name__}",
                hint="kubectl port-forward makes one in a cluster reachable; --prometheus-ca names "
                "the authority of its certificate",
            ) from error
        if len(body) > _LONGEST_ANSWER:
            raise MetricsError(
                "Prometheus's answer is too long",
                detail=f"{self.place}: more than {_LONGEST_ANSWER >> 20} MiB",
            )
        return body

    def _refused(self, error: urllib.error.HTTPError) -> bytes:
        """The body of an answer that is an error in Prometheus's own form; else MetricsError."""
        if error.code in {401, 403}:
            raise MetricsError(
                "Prometheus refuses this user", detail=f"{self.place}: HTTP {error.code}",
                hint=f"put a bearer token into {TOKEN}, or user:password@ into the address",
            ) from None  # fmt: skip
        if error.code in {400, 422, 503}:
            with contextlib.suppress(OSError, http.client.HTTPException):
                body: bytes = error.read(_LONGEST_ANSWER)
                if body.lstrip().startswith(b"{"):
                    return body
        return self._is_none(f"HTTP {error.code}")

    def _is_none(self, why: str) -> Never:
        raise MetricsError(
            "this does not answer like a Prometheus", detail=f"{self.place}: {why}",
            hint="give the address that its pages have, without /graph or /api",
        ) from None  # fmt: skip

    def _trust(self, authority: Path | None) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(authority) if authority else None)
        except (OSError, ssl.SSLError) as error:
            raise MetricsError(
                "--prometheus-ca: no certificate could be read", detail=str(authority)
            ) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the credentials to another place."""

    def redirect_request(self, *_: object) -> None:
        raise MetricsError(
            "Prometheus's address redirects, and credentials are not carried along",
            hint="give the address that it leads to",
        )


def _sample(one: Any) -> Sample:
    labels = {str(name): str(value) for name, value in one["metric"].items()}
    value = float(one["value"][1])
    return Sample(labels, value if math.isfinite(value) else 0.0)


def _words(answer: Mapping[str, Any]) -> str:
    return printable(str(answer.get("error") or answer.get("errorType") or "no reason"))[
        :_LONGEST_WORDS
    ]
