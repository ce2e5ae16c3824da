"""AMB408, an HTTP filter of Envoy's in sidecars."""

import re
from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import first_naming, on_sidecars
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FILTER = re.compile(
    r"envoy\.(?:extensions\.)?filters\.http\."
    r"(?:lua|ext_proc|ext_authz|buffer|compressor|decompressor|wasm|golang|tap|header_to_metadata"
    r"|json_to_metadata|set_metadata|jwt_authn|oauth2|basic_auth|csrf|cache|fault"
    r"|bandwidth_limit|adaptive_concurrency|admission_control|grpc_json_transcoder|grpc_web"
    r"|dynamic_modules)\b"
)


class LuaExtProcFilter(Rule):
    """An EnvoyFilter adds an HTTP filter of Envoy's own to sidecars.

    ## Why
    Nothing runs it once the sidecar is gone: scripts, external processing, transcoding, compression and
    buffering end, and so does whatever they protected.

    ## Fix
    Give an EnvoyFilter with `targetRefs` to the waypoint (alpha), or move the work into the application or
    the gateway.

    ## References
    - https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/http_filters
    - istio/istio pilot/pkg/model/push_context.go (`getMatchedEnvoyFilters`)
    """

    code = "AMB408"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.ENVOY_FILTER}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for patched in on_sidecars(mesh):
            named = first_naming(patched.patches, _FILTER)
            if named is not None:
                patch, found = named
                yield self.finding(
                    patched.resource,
                    f"Sidecars run {found}; nothing runs it in ambient.",
                    fix="Move it to an EnvoyFilter with targetRefs for the waypoint, to the gateway, or "
                    "into the application.",
                    path=patch.path,
                    affects=patched.apps,
                )
