"""How many requests of some Services failed, without counting one twice.

One request is reported by up to three proxies: the caller's, a waypoint, the server's
(istio/tests/integration/ambient/baseline_test.go, reporter `waypoint`). None of them sees all while a
mesh moves, so for each caller of each Service the reporter that saw most requests counts, and of two that
saw as many the one that saw more errors: a server's proxy does not see connections that never reached it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from migrator.model.resource import Ref
from migrator.ports import Rate

from .client import Prometheus, Sample

_HTTP = "istio_requests_total"
_OPENED = "istio_tcp_connections_opened_total"
_FAILED = "istio_tcp_connections_failed_total"
_EDGE = (
    "source_workload_namespace", "source_workload",
    "destination_service_namespace", "destination_service_name",
)  # fmt: skip
_OUTCOME = ("reporter", "response_code", "response_flags", "grpc_response_status")
# Envoy's flags of a request that no server answered (envoy docs, access log, %RESPONSE_FLAGS%)
_NO_ANSWER = frozenset({"UF", "UH", "UO", "NR", "URX", "NC", "UC", "UT", "UR", "LR", "NFCF", "DPE"})
# Server errors among gRPC's codes (OpenTelemetry semantic conventions, RPC): they come with HTTP 200
_GRPC = frozenset({"2", "4", "12", "13", "14", "15"})
_BEFORE = 3600

_SERVER = ("destination_workload_namespace", "destination_workload")

Edge = tuple[str, ...]
Wanted = tuple[bool, str, str]  # whether a Service, namespace, name


class ErrorRates:
    """The Probe over a Prometheus. `waypoints` are Gateways whose calls to servers repeat others' calls."""

    def __init__(self, server: Prometheus, waypoints: Collection[Ref] = ()) -> None:
        self._server = server
        self._waypoints = frozenset((w.namespace, w.name) for w in waypoints)

    def error_rate(self, services: Sequence[Ref], window_seconds: int) -> Rate | None:
        """Calls to `services`, workloads among them; None when no proxy reported any."""
        if not services:
            return None
        wanted = frozenset((s.kind == "Service", s.namespace, s.name) for s in services)
        requests, opened, failed = (
            self._increases(metric, wanted, window_seconds) for metric in (_HTTP, _OPENED, _FAILED)
        )
        rates = _rates(_by_edge(requests), _by_edge(opened), _by_edge(failed))
        if not rates:
            return None
        return Rate(
            requests=sum(r.requests for r in rates),
            errors=sum(r.errors for r in rates),
            refused=sum(r.refused for r in rates),
        )

    def _increases(self, metric: str, wanted: frozenset[Wanted], seconds: int) -> list[Sample]:
        """How much each series grew; one that was born in the window grew by all it has.

        `increase()` takes a series' first value for its start and so misses what a new pod counted
        before its first scrape; a gap of an hour before the window makes no series new.
        """
        namespaces = "|".join(sorted({namespace for _, namespace, _ in wanted}))
        series = f'{metric}{{destination_service_namespace=~"{namespaces}"}}'
        before = f"last_over_time({series}[{_BEFORE}s] offset {seconds}s)"
        born = f"(max_over_time({series}[{seconds}s]) unless {before})"
        found = self._server.query(
            f"sum by ({', '.join((*_EDGE, *_SERVER, *_OUTCOME))}) ({born} or increase({series}[{seconds}s]))"
        )
        return [s for s in found if self._counts(s.labels, wanted)]

    def _counts(self, labels: Mapping[str, str], wanted: frozenset[Wanted]) -> bool:
        names = [labels.get(label, "") for label in (*_EDGE, *_SERVER)]
        repeats = labels.get("reporter") == "destination" and tuple(names[:2]) in self._waypoints
        called = {(True, names[2], names[3]), (False, names[4], names[5])}
        return not repeats and not called.isdisjoint(wanted)


def _by_edge(samples: Iterable[Sample]) -> dict[Edge, Rate]:
    """For each caller and Service the rate of the reporter that saw most of it."""
    seen: dict[Edge, dict[str, Rate]] = defaultdict(dict)
    for sample in samples:
        edge = tuple(sample.labels.get(label, "") for label in _EDGE)
        reporter = sample.labels.get("reporter", "")
        before = seen[edge].get(reporter, Rate(0, 0))
        seen[edge][reporter] = Rate(
            requests=before.requests + sample.value,
            errors=before.errors + (sample.value if _is_error(sample.labels) else 0),
            refused=before.refused + (sample.value if _is_refused(sample.labels) else 0),
        )
    return {edge: max(by.values(), key=_weight) for edge, by in seen.items()}


def _rates(
    requests: Mapping[Edge, Rate], opened: Mapping[Edge, Rate], failed: Mapping[Edge, Rate]
) -> list[Rate]:
    """Requests where there are any, else connections; ztunnel counts by itself those that it could not make.

    An ambient caller's connection to a waypoint carries requests that the waypoint counts.
    """
    rates = []
    for edge in dict.fromkeys((*requests, *opened, *failed)):
        lost = failed[edge].requests if edge in failed else 0.0
        if edge in requests:
            seen = requests[edge]
            rates.append(Rate(seen.requests + lost, seen.errors + lost, seen.refused))
        else:
            tried = opened[edge].requests if edge in opened else 0.0
            rates.append(Rate(max(tried, lost), lost))
    return rates


def _is_error(labels: Mapping[str, str]) -> bool:
    flags = set(labels.get("response_flags", "").split(","))
    return (
        labels.get("response_code", "").startswith("5")
        or bool(flags & _NO_ANSWER)
        or labels.get("grpc_response_status") in _GRPC
    )


def _is_refused(labels: Mapping[str, str]) -> bool:
    return labels.get("response_code") == "403"


def _weight(rate: Rate) -> tuple[float, float]:
    return rate.requests, rate.errors
