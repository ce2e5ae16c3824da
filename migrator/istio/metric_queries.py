"""Queries for Istio's metrics in the objects that rules, scalers and rollouts are made of.

Fields: PrometheusRule `groups[].rules[].expr`, AnalysisTemplate `metrics[].provider.prometheus.query`,
ScaledObject `triggers[].metadata.query`, HorizontalPodAutoscaler `metrics[].*.metric.name`, Flagger's
Canary `analysis.metrics[].name` (its built-in queries ask for istio_requests_total).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from migrator.model.fieldpath import field
from migrator.model.resource import GroupKind, Resource

from . import kinds

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
    text: str

    def asks_for(self, metrics: re.Pattern[str]) -> str:
        """The metric, unless gateways report it: these go on doing so."""
        found = metrics.search(self.text)
        return found[0] if found and not _GATEWAY_SOURCE.search(self.text) else ""


def queries(resource: Resource) -> Iterator[Query]:
    """The queries of an object of one of the kinds in `READERS`."""
    yield from READERS[resource.ref.group_kind](resource.spec)


def _prometheus_rule(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, group in enumerate(spec.get("groups") or ()):
        for j, rule in enumerate(group.get("rules") or ()):
            yield Query(field("spec", "groups", i, "rules", j, "expr"), str(rule.get("expr") or ""))


def _analysis_template(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, metric in enumerate(spec.get("metrics") or ()):
        query = ((metric.get("provider") or {}).get("prometheus") or {}).get("query")
        path = field("spec", "metrics", i, "provider", "prometheus", "query")
        yield Query(path, str(query or ""))


def _scaled_object(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, trigger in enumerate(spec.get("triggers") or ()):
        query = (trigger.get("metadata") or {}).get("query")
        yield Query(field("spec", "triggers", i, "metadata", "query"), str(query or ""))


def _autoscaler(spec: Mapping[str, Any]) -> Iterator[Query]:
    for i, metric in enumerate(spec.get("metrics") or ()):
        for source in ("pods", "object", "external"):
            name = ((metric.get(source) or {}).get("metric") or {}).get("name")
            if name:
                yield Query(field("spec", "metrics", i, source, "metric", "name"), str(name))


def _canary(spec: Mapping[str, Any]) -> Iterator[Query]:
    analysis = spec.get("analysis") or spec.get("canaryAnalysis") or {}
    key = "analysis" if spec.get("analysis") else "canaryAnalysis"
    if (spec.get("provider") or "") not in _FLAGGER_ON_ISTIO:
        return
    for i, metric in enumerate(analysis.get("metrics") or ()):
        if metric.get("name") in _FLAGGER and not metric.get("templateRef"):
            yield Query(field("spec", key, "metrics", i), "istio_requests_total")


READERS: Mapping[GroupKind, Callable[[Mapping[str, Any]], Iterator[Query]]] = {
    kinds.PROMETHEUS_RULE: _prometheus_rule,
    kinds.ANALYSIS_TEMPLATE: _analysis_template,
    kinds.SCALED_OBJECT: _scaled_object,
    kinds.HPA: _autoscaler,
    kinds.FLAGGER_CANARY: _canary,
}
