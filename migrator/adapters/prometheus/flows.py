"""Who called whom, from Istio's standard metrics.

A call is there when a proxy had a series for it in the window. `increase()` would be the wrong question:
the counter of a call that happened once begins at 1 and never increases.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from migrator.adapters.text import printable
from migrator.errors import MetricsError
from migrator.planner.decisions.calls import Measured
from migrator.planner.decisions.measured import Flow

from .client import Prometheus, Sample
from .window import Window

METRICS = (
    "istio_requests_total",
    "istio_tcp_connections_opened_total",
    "istio_tcp_sent_bytes_total",
)
_LABELS = (
    "source_workload_namespace", "source_workload", "destination_workload_namespace",
    "destination_workload", "destination_service_namespace", "destination_service_name",
)  # fmt: skip
_TO_SAY = 10


class Measurement(NamedTuple):
    """Flows in the words of the metrics, and when and where they were measured."""

    flows: frozenset[Flow]
    measured: Measured


def measure_flows(server: Prometheus, window: Window) -> Measurement:
    """Every flow that any proxy reported: sidecars at both ends, ztunnel and waypoints alike.

    Raises MetricsError when there is none at all: then Istio's metrics are not in this Prometheus.
    """
    until = server.now()
    flows: set[Flow] = set()
    at, empty = until, 0
    for length in window.pieces:
        found = {flow for metric in METRICS for flow in _flows(server, metric, length, at)}
        empty += not found
        flows |= found
        at -= length
    if not flows:
        raise MetricsError(
            "Prometheus has no series of Istio's calls",
            detail=f"{server.place}: none of {', '.join(METRICS)} in {window.text}",
            hint="is it the Prometheus that scrapes the mesh's proxies?",
        )
    gaps = [f"{empty} of {len(window.pieces)} days hold no series at all"] if empty else []
    gaps += [f"Prometheus warns: {words}" for words in list(server.warnings)[:_TO_SAY]]
    return Measurement(
        frozenset(flows),
        Measured(
            at=server.place,
            window=window.text,
            until=f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC",
            gaps=tuple(gaps),
        ),
    )


def _flows(server: Prometheus, metric: str, seconds: int, at: float) -> set[Flow]:
    expression = f"count by ({', '.join(_LABELS)}) (max_over_time({metric}[{seconds}s]) > 0)"
    return {_flow(sample) for sample in server.query(expression, at)}


def _flow(sample: Sample) -> Flow:
    names = [printable(sample.labels.get(label, "")) for label in _LABELS]
    return Flow((names[0], names[1]), (names[2], names[3]), (names[4], names[5]))
