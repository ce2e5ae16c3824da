"""The Prometheus adapter against a small HTTP server: what is asked, what is said when it goes wrong."""

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from migrator.adapters.prometheus import ErrorRates, Prometheus, measure_flows, parse_window
from migrator.adapters.prometheus.address import Address, parse_address
from migrator.errors import MetricsError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.ports import Rate

NOON = 1_700_000_000


class Stand:
    """A server that answers as its test says; it keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.headers = []
        self.answer = lambda query: []
        self.reply = None
        stand = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                stand.headers.append(dict(self.headers))
                query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
                stand.asked.append(query)
                status, headers, body = stand.reply or (200, {}, stand.body(query))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def body(self, query):
        if query == "time()":
            data = {"resultType": "scalar", "result": [NOON, str(NOON)]}
        else:
            result = [{"metric": m, "value": [NOON, str(value)]} for m, value in self.answer(query)]
            data = {"resultType": "vector", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()


@pytest.fixture
def stand():
    found = Stand()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def client(stand, **options):
    return Prometheus(Address(stand.url), timeout=5, **options)


def flow(source, service, **more):
    return {
        "source_workload_namespace": "shop", "source_workload": source,
        "destination_workload_namespace": "shop", "destination_workload": service,
        "destination_service_namespace": "shop", "destination_service_name": service,
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 604800), ("1w", 604800), ("1h30m", 5400), ("90s", 90)]
)
def test_windows(text, seconds):
    assert parse_window(text).seconds == seconds
    assert sum(parse_window(text).pieces) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7 d", "30s", "1y", "7d\n"])
def test_what_is_no_window(text):
    with pytest.raises(ValueError, match=r"no duration|shorter"):
        parse_window(text)


def test_credentials_of_an_address_are_sent_and_never_shown():
    address = parse_address("https://me:p%40ss@prometheus.example:9090/base/")

    assert address.place == "https://prometheus.example:9090/base"
    assert address.authorization == "Basic bWU6cEBzcw=="
    assert "bWU6" not in repr(address)
    assert parse_address("http://p", "abc").authorization == "Bearer abc"


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("file:///etc/passwd", ""),
        ("ftp://secret@host", ""),
        ("prometheus:9090", ""),
        ("http://", ""),
        ("http://secret@host:port", ""),
        ("http://host/?secret=1", ""),
        ("http://user:secret@host", "secret"),
        ("http://host", "secret\r\nHost: other"),
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url, token):
    with pytest.raises(ValueError, match=r"address|holds") as raised:
        parse_address(url, token)

    assert "secret" not in str(raised.value)


def test_a_token_is_sent(stand):
    Prometheus(parse_address(stand.url, "abc")).now()

    assert stand.headers[0]["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((401, {}, b"no"), "refuses this user"),
        ((403, {}, b"no"), "refuses this user"),
        ((404, {}, b"<html>"), "does not answer like a Prometheus"),
        ((200, {}, b"<html>"), "does not answer like a Prometheus"),
        ((200, {}, b"[]"), "does not answer like a Prometheus"),
        ((200, {}, b"[" * 100_000), "does not answer like a Prometheus"),
        ((200, {}, b'{"status": "success"}'), "does not answer like a Prometheus"),
        ((200, {}, b'{"status": "success", "data": {}}'), "does not answer like a Prometheus"),
        (
            (
                200, {},
                b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": 1}]}}',
            ),
            "does not answer like a Prometheus",
        ),
        ((422, {}, b'{"status": "error", "error": "too many samples"}'), "refused the query"),
        ((422, {}, b"{"), "does not answer like a Prometheus"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "redirects"),
    ],
)  # fmt: skip
def test_bad_answers_have_words(stand, reply, says):
    stand.reply = reply

    with pytest.raises(MetricsError, match=says):
        client(stand).query("up")


def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"

    with pytest.raises(MetricsError, match="does not answer") as raised:
        Prometheus(Address(url), timeout=2).query("up")
    assert "refused" in raised.value.detail


def test_an_authority_that_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(MetricsError, match="no certificate"):
        Prometheus(Address("https://127.0.0.1:1"), authority=tmp_path / "ca.pem")


def test_flows_are_asked_for_day_by_day_and_every_metric(stand):
    stand.answer = lambda query: (
        [(flow("web", "cart"), 1)] if query.find("requests_total") > 0 else []
    )

    found = measure_flows(client(stand), parse_window("36h"))

    assert {f.source[1] for f in found.flows} == {"web"}
    assert found.measured.until == "2023-11-14 22:13 UTC"
    assert found.measured.at == stand.url
    lengths = [re.search(r"\[(\d+)s\]", query)[1] for query in stand.asked[1:]]
    assert lengths == ["86400"] * 3 + ["43200"] * 3
    assert found.measured.gaps == ()


def test_days_without_series_and_warnings_are_gaps(stand):
    body = stand.body
    stand.answer = lambda query: [(flow("web", "cart"), 1)] if "[60s]" in query else []
    stand.body = lambda query: json.dumps(
        json.loads(body(query)) | {"warnings": ["a store is gone"]}
    ).encode()

    found = measure_flows(client(stand), parse_window("1d1m"))

    assert found.measured.gaps == (
        "1 of 2 days hold no series at all",
        "Prometheus warns: a store is gone",
    )


def test_no_series_at_all_is_an_error(stand):
    with pytest.raises(MetricsError, match="no series of Istio's calls"):
        measure_flows(client(stand), parse_window("1d"))


CART = Ref(*kinds.SERVICE, "shop", "cart")


def rate(stand, series, services=(CART,), waypoints=()):
    stand.answer = lambda query: series.get(re.search(r"istio_\w+", query)[0], [])
    return ErrorRates(client(stand), waypoints).error_rate(services, 300)


def seen(reporter, code="200", source="web", **more):
    return flow(source, "cart", reporter=reporter, response_code=code, **more)


def test_one_request_that_both_ends_report_counts_once(stand):
    """The source also saw ten that never reached the server."""
    series = [
        (seen("source"), 90),
        (seen("source", "503", response_flags="UF,URX"), 10),
        (seen("destination"), 90),
    ]

    assert rate(stand, {"istio_requests_total": series}) == Rate(100, 10)


def test_callers_that_only_one_proxy_saw_are_added(stand):
    """Half the callers are ambient already: the waypoint sees them, the other half's sidecars do not."""
    series = [
        (seen("source", "503", source="old"), 50),
        (seen("waypoint", "200", source="new"), 50),
        (seen("destination", "200", source="waypoint"), 50),
    ]
    waypoint = Ref(*kinds.GATEWAY, "shop", "waypoint")

    assert rate(stand, {"istio_requests_total": series}, waypoints=[waypoint]) == Rate(100, 50)


@pytest.mark.parametrize(
    ("outcome", "errors", "refused"),
    [
        ({"response_code": "404"}, 0, 0),
        ({"response_code": "403"}, 0, 8),
        ({"response_code": "500"}, 8, 0),
        ({"response_code": "0", "response_flags": "UH"}, 8, 0),
        ({"response_code": "0", "response_flags": "DC"}, 0, 0),
        ({"response_code": "200", "grpc_response_status": "14"}, 8, 0),
        ({"response_code": "200", "grpc_response_status": "5"}, 0, 0),
    ],
)
def test_what_is_an_error(stand, outcome, errors, refused):
    series = [(flow("web", "cart", reporter="source") | outcome, 8)]

    assert rate(stand, {"istio_requests_total": series}) == Rate(8, errors, refused)


def test_connections_that_ztunnel_could_not_make_are_errors(stand):
    series = {
        "istio_tcp_connections_opened_total": [(seen("source", ""), 20), (seen("destination", ""), 20)],
        "istio_tcp_connections_failed_total": [(seen("source", "", response_flags="CONNECT"), 5)],
    }  # fmt: skip

    assert rate(stand, series) == Rate(20, 5)
    with_requests = series | {"istio_requests_total": [(seen("waypoint"), 40)]}
    assert rate(stand, with_requests) == Rate(45, 5)


def test_a_workload_is_asked_for_by_its_name(stand):
    series = {"istio_requests_total": [(seen("source", destination_workload="cart-v2"), 3)]}

    assert rate(stand, series, [Ref(*kinds.DEPLOYMENT, "shop", "cart-v2")]) == Rate(3, 0)
    assert rate(stand, series, [Ref(*kinds.DEPLOYMENT, "shop", "cart")]) is None


def test_nothing_measured_is_no_rate(stand):
    assert rate(stand, {}) is None
    assert rate(stand, {}, services=()) is None
    other = {"istio_requests_total": [(flow("web", "stock", reporter="source"), 3)]}
    assert rate(stand, other) is None
