"""What lets Envoy without Istio's own filters serve as a sidecar and as a waypoint.

Istio's proxy has filters that no other Envoy has; an Envoy without them rejects every listener that names
one. Metadata exchange, ALPN and metrics are switched off in istiod; the bootstrap asks for no discovery of
workloads; the rest is taken out, or put into Envoy's own words, by EnvoyFilters. What they change is in
istio/istio pilot/pkg/xds/filters/filters.go (connect_authority, waypoint_*_peer_metadata) and
pilot/pkg/networking/core/listener.go (inner_connect_originate). istiod matches the listeners of a waypoint
as those of a sidecar.
"""

from typing import Any

SETTINGS = (
    "values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE=false",
    "values.pilot.env.PILOT_ENABLE_ALPN_FILTER=false",
    "values.telemetry.enabled=false",
)
_DISCOVERY = "{{- if .metadata_discovery }}"
_MANAGER = "envoy.filters.network.http_connection_manager"
# what the connection to the pod behind is opened with, and how it is told apart from others
_STATE = {
    "envoy.filters.listener.original_dst.local_ip": ("", "%REQ(:AUTHORITY)%"),
    "envoy.filters.listener.original_dst.remote_ip": ("", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    "io.istio.connect_authority": ("envoy.hashable_string", "%REQ(:AUTHORITY)%"),
    "io.istio.peer_principal": ("envoy.hashable_string", "%DOWNSTREAM_PEER_URI_SAN%"),
    "io.istio.local_principal": ("envoy.hashable_string", "%DOWNSTREAM_LOCAL_URI_SAN%"),
}


def bootstrap(template: str) -> str:
    """Istio's bootstrap template without its own extension, which a waypoint has whatever is set."""
    assert _DISCOVERY in template, "the bootstrap template has changed"
    return template.replace(_DISCOVERY, "{{- if false }}")


def envoy_filters() -> list[dict[str, Any]]:
    """One for every sidecar, one for every waypoint."""
    target = {
        "kind": "GatewayClass",
        "group": "gateway.networking.k8s.io",
        "name": "istio-waypoint",
    }
    return [
        _filter("stock-envoy-sidecar", {}),
        _filter("stock-envoy-waypoint", {"targetRefs": [target]}),
    ]


def _filter(name: str, attached: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": name, "namespace": "istio-system"},
        "spec": {**attached, "configPatches": _patches()},
    }


def _patches() -> list[dict[str, Any]]:
    removed = {"operation": "REMOVE"}
    replaced = {"operation": "REPLACE", "value": _connect_authority()}
    filters = [
        {
            "applyTo": "HTTP_FILTER",
            "match": {
                "context": "SIDECAR_INBOUND",
                "listener": {
                    "filterChain": {"filter": {"name": _MANAGER, "subFilter": {"name": name}}}
                },
            },
            "patch": patch,
        }
        for name, patch in (
            ("waypoint_downstream_peer_metadata", removed),
            ("waypoint_upstream_peer_metadata", removed),
            ("connect_authority", replaced),
        )
    ]
    listeners = [
        {
            "applyTo": "LISTENER",
            "match": {"context": context, "listener": {"name": "inner_connect_originate"}},
            "patch": removed,
        }
        for context in ("SIDECAR_INBOUND", "SIDECAR_OUTBOUND")
    ]
    return [*filters, *listeners]


def _connect_authority() -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config"
    states = [
        {
            "object_key": key,
            **({"factory_key": factory} if factory else {}),
            "format_string": {"text_format_source": {"inline_string": text}},
            "shared_with_upstream": "ONCE",
        }
        for key, (factory, text) in _STATE.items()
    ]
    return {
        "name": "connect_authority",
        "typed_config": {"@type": kind, "on_request_headers": states},
    }
