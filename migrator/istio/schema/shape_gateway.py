"""Shapes of the Gateway API, from sigs.k8s.io/gateway-api apis/v1."""

from typing import Any

from migrator.istio import kinds

from .shape_pods import CONDITIONS, METADATA, SELECTOR
from .shape_types import ANY, MAP, OBJECT, OBJECTS, STRS, I, Map, S

_PARENT = {
    "group": S, "kind": S, "namespace": S, "name": S, "sectionName": S, "port": I,
}  # fmt: skip
_BACKEND = {"group": S, "kind": S, "namespace": S, "name": S, "port": I, "weight": I}
_NAMED = {"type": S, "name": S, "value": S}
_PATH = {"type": S, "value": S}
_HEADER_FILTER = {
    "set": [{"name": S, "value": S}], "add": [{"name": S, "value": S}], "remove": STRS,
}  # fmt: skip
_FILTER = {
    "type": S, "requestHeaderModifier": _HEADER_FILTER, "responseHeaderModifier": _HEADER_FILTER,
    "requestMirror": {"backendRef": _BACKEND, "percent": I}, "requestRedirect": OBJECT,
    "urlRewrite": OBJECT, "cors": OBJECT, "extensionRef": {"group": S, "kind": S, "name": S},
}  # fmt: skip
_BACKENDS = [{**_BACKEND, "filters": [_FILTER]}]
_ROUTE_STATUS = {"parents": [{"parentRef": _PARENT, "controllerName": S, "conditions": CONDITIONS}]}
_HTTP_RULE = {
    "name": S,
    "matches": [{"path": _PATH, "headers": [_NAMED], "queryParams": [_NAMED], "method": S}],
    "filters": [_FILTER], "backendRefs": _BACKENDS,
    "timeouts": {"request": S, "backendRequest": S}, "retry": OBJECT, "sessionPersistence": OBJECT,
}  # fmt: skip
_GRPC_RULE = {
    "name": S,
    "matches": [{"method": {"type": S, "service": S, "method": S}, "headers": [_NAMED]}],
    "filters": [_FILTER], "backendRefs": _BACKENDS,
}  # fmt: skip
_LISTENER = {
    "name": S, "hostname": S, "port": I, "protocol": S,
    "tls": {"mode": S, "certificateRefs": OBJECTS, "options": MAP},
    "allowedRoutes": {
        "namespaces": {"from": S, "selector": SELECTOR}, "kinds": [{"group": S, "kind": S}],
    },
}  # fmt: skip
_ADDRESS = [{"type": S, "value": S}]


def _route(rule: Any) -> dict[str, Any]:
    return {
        "metadata": METADATA,
        "spec": {"parentRefs": [_PARENT], "hostnames": STRS, "rules": [rule]},
        "status": _ROUTE_STATUS,
    }


TABLES = {
    kinds.GATEWAY: {
        "metadata": METADATA,
        "spec": {
            "gatewayClassName": S, "listeners": [_LISTENER], "addresses": _ADDRESS,
            "infrastructure": {
                "labels": MAP, "annotations": MAP,
                "parametersRef": {"group": S, "kind": S, "name": S},
            },
        },
        "status": {
            "addresses": _ADDRESS, "conditions": CONDITIONS,
            "listeners": [{"name": S, "attachedRoutes": I, "conditions": CONDITIONS}],
        },
    },
    kinds.GATEWAY_CLASS: {
        "metadata": METADATA,
        "spec": {"controllerName": S, "parametersRef": Map(ANY)},
        "status": {"conditions": CONDITIONS},
    },
    kinds.HTTP_ROUTE: _route(_HTTP_RULE),
    kinds.GRPC_ROUTE: _route(_GRPC_RULE),
    kinds.TCP_ROUTE: _route({"name": S, "backendRefs": [_BACKEND]}),
    kinds.TLS_ROUTE: _route({"name": S, "backendRefs": [_BACKEND]}),
}  # fmt: skip
