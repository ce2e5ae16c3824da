"""Who reads which resource."""

import pytest

from migrator.istio import kinds
from migrator.istio.policies.enforcement import NOBODY, By, Enforcer, who_enforces
from migrator.model.resource import GroupKind

PROXIES = Enforcer.SIDECAR | Enforcer.GATEWAY
TABLE = [
    (kinds.AUTHORIZATION_POLICY, By.SELECTOR, PROXIES | Enforcer.ZTUNNEL_L4),
    (kinds.AUTHORIZATION_POLICY, By.MESH, PROXIES | Enforcer.ZTUNNEL_L4),
    (kinds.AUTHORIZATION_POLICY, By.TARGET_SERVICE, Enforcer.WAYPOINT),
    (kinds.AUTHORIZATION_POLICY, By.TARGET_GATEWAY, Enforcer.WAYPOINT | Enforcer.GATEWAY),
    (kinds.AUTHORIZATION_POLICY, By.TARGET_CLASS, Enforcer.WAYPOINT),
    (kinds.REQUEST_AUTHENTICATION, By.NAMESPACE, PROXIES),
    (kinds.REQUEST_AUTHENTICATION, By.TARGET_SERVICE, Enforcer.WAYPOINT),
    (kinds.PEER_AUTHENTICATION, By.NAMESPACE, Enforcer.SIDECAR | Enforcer.ZTUNNEL),
    (kinds.PEER_AUTHENTICATION, By.TARGET_SERVICE, NOBODY),
    (kinds.ENVOY_FILTER, By.MESH, PROXIES),
    (kinds.WASM_PLUGIN, By.MESH, PROXIES),
    (kinds.TELEMETRY, By.MESH, PROXIES | Enforcer.WAYPOINT),
    (kinds.TELEMETRY, By.NAMESPACE, PROXIES | Enforcer.WAYPOINT),
    (kinds.TELEMETRY, By.SELECTOR, PROXIES),
    (kinds.SIDECAR, By.SELECTOR, Enforcer.SIDECAR),
    (kinds.SERVICE, By.SELECTOR, NOBODY),
]


@pytest.mark.parametrize(("kind", "attachment", "enforcers"), TABLE)
def test_who_enforces(kind: GroupKind, attachment: By, enforcers: Enforcer) -> None:
    assert who_enforces(kind, attachment) == enforcers
