"""Which findings the plan itself resolves, and by what.

A rule whose remedy is `automatic` must stand here (a test compares), else its finding would neither
stop the plan nor be mended by it.
"""

HANDLED = {
    "l7-allow-selector-policy": "copies for the waypoint, hand-over per pod, guard",
    "l7-deny-selector-policy": "copies for the waypoint, hand-over per pod, guard",
    "custom-action-policy": "copies for the waypoint, hand-over per pod, guard",
    "audit-action-policy": "copies for the waypoint",
    "requestauthentication-selector": "copies for the waypoint that pass the token on",
    "jwt-double-validation": "copies for the waypoint that pass the token on",
    "principal-allow-list": "an ALLOW for the waypoint's identity, copies for the waypoint",
    "external-authz-provider-sidecar-scope": "an ALLOW for the waypoint's identity at the authorizer",
    "namespace-policy-cross-ns-waypoint": "an ALLOW for the waypoint's identity, copies",
    "policy-port-mapping": "ports of the copies are Service ports",
    "selectorless-mesh-policy": "a copy for the GatewayClass",
    "namespace-wide-policy": "copies for the bound services",
    "deny-waypoint-bypass-missing": "a guard for each workload",
    "wasmplugin-selector": "a copy for the waypoint",
    "telemetry-selector": "a copy for the waypoint",
    "uninjected-pods-captured": "keep-out labels before the namespace label",
    "strict-newly-covers-pods": "keep-out labels before the namespace label",
    "injection-by-pod-label": "the template's own labels change with the restart",
    "injection-enabled-by-default": "istio-injection=disabled in place of no label",
    "revision-label-owns-gateway": "the revision is written on the Gateway first",
    "sidecar-without-hbone": "a rolling restart before the first ambient caller",
    "old-sidecar-version": "a rolling restart before the first ambient caller",
    "virtualservice-needs-waypoint": "a waypoint for the service",
    "route-is-not-dormant": "a waypoint for the service",
    "proxy-protocol": "a waypoint for the service",
    "destinationrule-tls-simple-internal": "a waypoint for the service",
    "ingress-skips-waypoint": "istio.io/ingress-use-waypoint before the guard",
    "external-ips-or-vip-alias": "every Service of the workload is bound",
    "psa-restricted-waypoint": "the waypoint's options carry a seccomp profile",
    "network-policy-blocks-hbone": "an additive NetworkPolicy",
    "network-policy-blocks-probes": "an additive NetworkPolicy",
    "network-policy-blocks-istiod-ca": "a NetworkPolicy for the waypoint's pods",
    "network-policy-ipblock-l7": "an additive NetworkPolicy",
    "custom-pod-dns": "ambient.istio.io/dns-capture: false on the template",
    "job-with-sidecar": "running Jobs are waited for",
}

# What a person puts right in phase prepare: by which of its steps, whose check then sees it. These
# findings stop what comes after prepare, and the plan's own order does that.
PREPARED = {
    "ambient-disabled-in-istiod": "prepare.istiod",
    "hbone-env-missing": "prepare.istiod",
    "profile-switch-prunes-ingress": "prepare.istiod",
    "istio-cni-absent": "prepare.dataplane",
    "istio-cni-not-ready": "prepare.dataplane",
    "ztunnel-absent": "prepare.dataplane",
    "ztunnel-not-ready": "prepare.dataplane",
    "gateway-api-crds-missing": "prepare.gateway-api",
    "gatewayclass-waypoint-missing": "prepare.gateway-api",
}
