"""Queries for Istio's metrics in the objects that rules, scalers and rollouts are made of.

Fields: PrometheusRule `groups[].rules[].expr`, AnalysisTemplate `metrics[].provider.prometheus.query`,
ScaledObject `triggers[].metadata.query`, HorizontalPodAutoscaler `metrics[].*.metric.name`, Flagger's
Canary `analysis.metrics[].name` (its built-in queries ask for istio_requests_total).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.loose import members, text
from migrator.model.fieldpath import field
from migrator.model.resource import GroupKind, Resource

HTTP = re.compile(
    r"\bistio_(?:requests_total|request_duration_\w+|request_bytes\w*|response_bytes\w*"
    r"|request_messages_total|response_messages_total)"
)
TCP = re.compile(r"\bistio_tcp_\w+")
_GATEWAY_SOURCE = re.compile(r'source_(?:workload|app|canonical_service)\s*=~?\s*"[^"]*gateway')
_FLAGGER = {"request-success-rate", "request-duration"}
_FLAGGER_ON_ISTIO = {"", "istio"}


class Query(NamedTuple):
    """A text that asks for metrics, and where it stands."""

    path: str
    query: str

    def asks_for(self, metrics: re.Pattern[str]) -> str:
        """The metric, unless gateways report it: these go on doing so."""
        found = metrics.search(self.query)
        return found[0] if found and not _GATEWAY_SOURCE.search(self.query) else ""


def queries(resource: Resource) -> Iterator[Query]:
    """The queries of an object of one of the kinds in `READERS`."""
    yield from READERS[resource.ref.group_kind](resource.spec)


def _prometheus_rule(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, group in members(spec, "groups"):
        for j, rule in members(group, "rules"):
            yield Query(field("spec", "groups", i, "rules", j, "expr"), text(rule, "expr"))


def _analysis_template(spec: Mapping[str, Any]) -> Iterator[Query]:
    below = ("provider", "prometheus", "query")
    for i, metric in members(spec, "metrics"):
        yield Query(field("spec", "metrics", i, *below), text(metric, *below))


def _scaled_object(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, trigger in members(spec, "triggers"):
        yield Query(
            field("spec", "triggers", i, "metadata", "query"), text(trigger, "metadata", "query")
        )


def _autoscaler(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, metric in members(spec, "metrics"):
        for source in ("pods", "object", "external"):
            below = (source, "metric", "name")
            yield Query(field("spec", "metrics", i, *below), text(metric, *below))


def _canary(spec: Mapping[str, Any]) -> Iterator[Query]:
    if text(spec, "provider") not in _FLAGGER_ON_ISTIO:
        return
    for key in ("analysis", "canaryAnalysis"):
        for i, metric in members(spec, key, "metrics"):
            if text(metric, "name") in _FLAGGER and not metric.get("templateRef"):
                yield Query(field("spec", key, "metrics", i), "istio_requests_total")


READERS: Mapping[GroupKind, Callable[[Mapping[str, Any]], Iterator[Query]]] = {
    kinds.PROMETHEUS_RULE: _prometheus_rule,
    kinds.ANALYSIS_TEMPLATE: _analysis_template,
    kinds.SCALED_OBJECT: _scaled_object,
    kinds.HPA: _autoscaler,
    kinds.FLAGGER_CANARY: _canary,
}
