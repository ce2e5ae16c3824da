"""Where the severity of a workload's finding hangs on what else the source shows."""

from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import GroupKind
from migrator.model.snapshot import Snapshot
from migrator.rules import all_rules, analyze

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
RULES = {rule.id(): rule for rule in all_rules()}


def severities(rule: str, without: GroupKind | None = None) -> list[str]:
    """The severities in the rule's bad.yaml, by line, as if it held nothing of the kind `without`."""
    reading = read_sources([str(FIXTURES / rule / "bad.yaml")])
    kept = [r for r in reading.snapshot if r.ref.group_kind != without]
    found = [reading.locate(f) for f in analyze(Mesh(Snapshot(kept)), [RULES[rule]])]
    return [f.severity.value for f in sorted(found, key=lambda f: f.line)]


@pytest.mark.parametrize(
    ("rule", "without", "expected"),
    [
        pytest.param("host-network-pod", None, ["info", "warning"], id="STRICT protects no host"),
        pytest.param(
            "traffic-exclusion-annotation",
            None,
            ["blocker", "warning", "warning", "blocker"],
            id="inbound exclusions under STRICT",
        ),
        pytest.param(
            "traffic-exclusion-annotation",
            kinds.PEER_AUTHENTICATION,
            ["warning", "warning", "warning", "warning"],
            id="inbound exclusions under PERMISSIVE",
        ),
        pytest.param(
            "network-policy-blocks-probes", None, ["blocker"], id="Cilium refuses the probes"
        ),
        pytest.param(
            "network-policy-blocks-probes",
            kinds.CILIUM_NETWORK_POLICY,
            ["warning"],
            id="some other network plugin",
        ),
        pytest.param("interception-tproxy", None, ["info", "blocker"], id="NONE with listeners"),
        pytest.param(
            "interception-tproxy", kinds.SIDECAR, ["info", "info"], id="NONE without listeners"
        ),
        pytest.param(
            "proxy-config-annotation",
            None,
            ["blocker", "warning", "warning", "warning", "info"],
            id="what an application relies on",
        ),
        pytest.param(
            "net-admin-or-own-iptables", None, ["warning", "blocker"], id="who takes packets over"
        ),
        pytest.param(
            "resource-quota-shift", None, ["warning", "blocker", "blocker"], id="what lacks room"
        ),
        pytest.param("statefulset-peers", None, ["blocker"], id="peers under STRICT"),
        pytest.param(
            "statefulset-peers", kinds.PEER_AUTHENTICATION, [], id="peers under PERMISSIVE"
        ),
    ],
)
def test_severity(rule: str, without: GroupKind | None, expected: list[str]) -> None:
    assert severities(rule, without) == expected
