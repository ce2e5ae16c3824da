"""Shapes of Istio's own kinds, from the protos of istio.io/api at v1.31.1."""

from typing import Any

from migrator.istio import kinds

from .shape_pods import ANY_STATUS, METADATA
from .shape_types import ANY, IS, MAP, OBJECT, STRS, B, I, Map, N, OneOf, S

TARGET = {"group": S, "kind": S, "name": S, "namespace": S, "sectionName": S}
_ATTACHED = {"selector": {"matchLabels": MAP}, "targetRef": TARGET, "targetRefs": [TARGET]}
_MODE = {"mode": S}
_MTLS = {"mode": OneOf(("UNSET", "DISABLE", "PERMISSIVE", "STRICT"))}
_CLAUSE = Map(STRS)  # every field of a source or an operation, also one of a later version
AUTHORIZATION_POLICY = {
    **_ATTACHED,
    "action": OneOf(("ALLOW", "DENY", "AUDIT", "CUSTOM")),
    "provider": {"name": S},
    "rules": [
        {
            "from": [{"source": _CLAUSE}],
            "to": [{"operation": _CLAUSE}],
            "when": [{"key": S, "values": STRS, "notValues": STRS}],
        }
    ],
}
_JWT_RULE = {
    "issuer": S, "audiences": STRS, "jwksUri": S, "jwks": S, "fromParams": STRS,
    "fromCookies": STRS, "fromHeaders": [{"name": S, "prefix": S}], "forwardOriginalToken": B,
    "outputPayloadToHeader": S, "outputClaimToHeaders": [{"header": S, "claim": S}],
    "timeout": S, "spaceDelimitedClaims": STRS,
}  # fmt: skip
_TLS = {
    "mode": S, "sni": S, "subjectAltNames": STRS, "credentialName": S, "caCertificates": S,
    "clientCertificate": S, "privateKey": S, "insecureSkipVerify": B,
}  # fmt: skip
_LOCALITY = {
    "enabled": B, "distribute": [{"from": S, "to": Map(I)}],
    "failover": [{"from": S, "to": S}], "failoverPriority": STRS,
}  # fmt: skip
_PORT_TRAFFIC = {
    "connectionPool": {
        "tcp": {"maxConnections": I, "connectTimeout": S, "tcpKeepalive": OBJECT},
        "http": Map(ANY),
    },
    "outlierDetection": OBJECT,
    "tls": _TLS,
    "loadBalancer": {
        "simple": S, "consistentHash": OBJECT, "localityLbSetting": _LOCALITY,
        "warmup": OBJECT, "warmupDurationSecs": S,
    },
    "proxyProtocol": OBJECT,
}  # fmt: skip
_TRAFFIC = {
    **_PORT_TRAFFIC,
    "portLevelSettings": [{**_PORT_TRAFFIC, "port": {"number": I}}],
    "tunnel": {"protocol": S, "targetHost": S, "targetPort": I},
}
_STRING_MATCH = {"exact": S, "prefix": S, "regex": S}
_DESTINATION = {"host": S, "subset": S, "port": {"number": I}}
_HEADERS = {side: {"set": MAP, "add": MAP, "remove": STRS} for side in ("request", "response")}
_WEIGHTED = [{"destination": _DESTINATION, "weight": I, "headers": _HEADERS}]
_L4_MATCH = {
    "destinationSubnets": STRS, "port": I, "sourceSubnet": S, "sourceLabels": MAP,
    "gateways": STRS, "sourceNamespace": S, "sniHosts": STRS,
}  # fmt: skip
_HTTP_MATCH = {
    "name": S, "uri": _STRING_MATCH, "scheme": _STRING_MATCH, "method": _STRING_MATCH,
    "authority": _STRING_MATCH, "headers": Map(_STRING_MATCH), "port": I, "sourceLabels": MAP,
    "gateways": STRS, "queryParams": Map(_STRING_MATCH), "ignoreUriCase": B,
    "withoutHeaders": Map(_STRING_MATCH), "sourceNamespace": S, "statPrefix": S,
}  # fmt: skip
_HTTP = {
    "name": S, "match": [_HTTP_MATCH], "route": _WEIGHTED,
    "redirect": {"uri": S, "authority": S, "port": I, "scheme": S, "redirectCode": I},
    "directResponse": {"status": I, "body": {"string": S, "bytes": S}},
    "delegate": {"name": S, "namespace": S}, "rewrite": {"uri": S, "authority": S},
    "timeout": S, "retries": {"attempts": I, "perTryTimeout": S, "retryOn": S},
    "fault": {
        "delay": {"fixedDelay": S, "percentage": {"value": N}, "percent": I},
        "abort": {"httpStatus": I, "grpcStatus": S, "percentage": {"value": N}},
    },
    "mirror": _DESTINATION, "mirrors": [{"destination": _DESTINATION}],
    "mirrorPercentage": {"value": N},
    "corsPolicy": {"allowOrigins": [_STRING_MATCH], "allowMethods": STRS, "allowHeaders": STRS},
    "headers": _HEADERS,
}  # fmt: skip
VIRTUAL_SERVICE = {
    "hosts": STRS, "gateways": STRS, "exportTo": STRS, "http": [_HTTP],
    "tcp": [{"match": [_L4_MATCH], "route": _WEIGHTED}],
    "tls": [{"match": [_L4_MATCH], "route": _WEIGHTED}],
}  # fmt: skip
_SERVER_PORT = {"number": I, "name": S, "protocol": S, "targetPort": I}
_ENTRY = {
    "address": S, "ports": Map(I), "labels": MAP, "network": S, "locality": S, "weight": I,
    "serviceAccount": S,
}  # fmt: skip
_LISTENER = {
    "port": _SERVER_PORT, "bind": S, "captureMode": S, "defaultEndpoint": S, "hosts": STRS,
    "tls": {**_TLS, "httpsRedirect": B}, "connectionPool": OBJECT,
}  # fmt: skip
_PLUGIN = {**_ATTACHED, "phase": S, "priority": I, "match": [{"mode": S, "ports": [{"number": I}]}]}
_TELEMETRY_MATCH = {"mode": S, "metric": S, "customMetric": S}
TELEMETRY = {
    **_ATTACHED,
    "tracing": [
        {
            "match": _MODE, "providers": [{"name": S}], "randomSamplingPercentage": N,
            "disableSpanReporting": B, "customTags": Map(OBJECT), "useRequestIdForTraceSampling": B,
        }
    ],
    "metrics": [
        {
            "providers": [{"name": S}], "reportingInterval": S,
            "overrides": [{"match": _TELEMETRY_MATCH, "tagOverrides": Map(OBJECT), "disabled": B}],
        }
    ],
    "accessLogging": [
        {
            "match": _MODE, "providers": [{"name": S}], "disabled": B,
            "filter": {"expression": S},
        }
    ],
}  # fmt: skip
_PATCH_MATCH = {
    "context": S, "proxy": {"proxyVersion": S, "metadata": MAP},
    "listener": {
        "name": S, "portNumber": I, "listenerFilter": S,
        "filterChain": {
            "name": S, "sni": S, "applicationProtocols": S, "transportProtocol": S,
            "destinationPort": I, "filter": {"name": S, "subFilter": {"name": S}},
        },
    },
    "routeConfiguration": {
        "name": S, "portNumber": I, "portName": S, "gateway": S,
        "vhost": {"name": S, "domainName": S, "route": {"name": S, "action": S}},
    },
    "cluster": {"name": S, "service": S, "subset": S, "portNumber": I}, "waypoint": OBJECT,
}  # fmt: skip
_SPECS: dict[Any, Any] = {
    kinds.AUTHORIZATION_POLICY: AUTHORIZATION_POLICY,
    kinds.REQUEST_AUTHENTICATION: {**_ATTACHED, "jwtRules": [_JWT_RULE]},
    kinds.PEER_AUTHENTICATION: {
        "selector": {"matchLabels": MAP}, "mtls": _MTLS, "portLevelMtls": Map(_MTLS),
    },
    kinds.VIRTUAL_SERVICE: VIRTUAL_SERVICE,
    kinds.DESTINATION_RULE: {
        "host": S, "trafficPolicy": _TRAFFIC, "exportTo": STRS,
        "subsets": [{"name": S, "labels": MAP, "trafficPolicy": _TRAFFIC}],
        "workloadSelector": {"matchLabels": MAP},
    },
    kinds.SERVICE_ENTRY: {
        "hosts": STRS, "addresses": STRS, "ports": [_SERVER_PORT], "location": S, "resolution": S,
        "endpoints": [_ENTRY], "workloadSelector": {"labels": MAP}, "exportTo": STRS,
        "subjectAltNames": STRS,
    },
    kinds.WORKLOAD_ENTRY: _ENTRY,
    kinds.WORKLOAD_GROUP: {
        "metadata": {"labels": MAP, "annotations": MAP}, "template": _ENTRY, "probe": OBJECT,
    },
    kinds.SIDECAR: {
        "workloadSelector": {"labels": MAP}, "ingress": [_LISTENER], "egress": [_LISTENER],
        "outboundTrafficPolicy": {"mode": S, "egressProxy": _DESTINATION},
        "inboundConnectionPool": OBJECT,
    },
    kinds.ISTIO_GATEWAY: {
        "selector": MAP,
        "servers": [{"port": _SERVER_PORT, "hosts": STRS, "tls": OBJECT, "bind": S, "name": S}],
    },
    kinds.ENVOY_FILTER: {
        "workloadSelector": {"labels": MAP}, "targetRefs": [TARGET], "priority": I,
        "configPatches": [
            {
                "applyTo": S, "match": _PATCH_MATCH,
                "patch": {"operation": S, "value": OBJECT, "filterClass": S},
            }
        ],
    },
    kinds.PROXY_CONFIG: {
        "selector": {"matchLabels": MAP}, "concurrency": I, "environmentVariables": MAP,
        "image": {"imageType": S},
    },
    kinds.WASM_PLUGIN: {
        **_PLUGIN, "url": S, "sha256": S, "imagePullPolicy": S, "imagePullSecret": S,
        "pluginName": S, "pluginConfig": OBJECT, "failStrategy": S, "type": S, "vmConfig": OBJECT,
    },
    kinds.TRAFFIC_EXTENSION: {**_PLUGIN, "wasm": OBJECT, "lua": OBJECT},
    kinds.TELEMETRY: TELEMETRY,
    kinds.ISTIO_OPERATOR: {
        "profile": S, "revision": S, "hub": S, "tag": IS, "namespace": S, "meshConfig": OBJECT,
        "values": OBJECT, "components": OBJECT,
    },
    kinds.SAIL_ISTIO: {"version": S, "namespace": S, "profile": S, "values": OBJECT},
    kinds.SAIL_ISTIO_CNI: {"version": S, "namespace": S, "profile": S, "values": OBJECT},
    kinds.SAIL_ZTUNNEL: {"version": S, "namespace": S, "profile": S, "values": OBJECT},
}  # fmt: skip
TABLES = {
    kind: {"metadata": METADATA, "spec": spec, "status": ANY_STATUS}
    for kind, spec in _SPECS.items()
}
