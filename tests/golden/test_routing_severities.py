"""Where the severity of a finding about routes, Services or edges hangs on what else the source shows."""

from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.resource import GroupKind
from migrator.model.snapshot import Snapshot
from migrator.rules import all_rules, analyze

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
RULES = {rule.id(): rule for rule in all_rules()}
OLD, NEW = Version(1, 23, 4), Version(1, 30, 3)


def severities(rule: str, version: Version, without: GroupKind | None) -> list[str]:
    """The severities in the rule's bad.yaml, by line, as if it held nothing of the kind `without`."""
    reading = read_sources([str(FIXTURES / rule / "bad.yaml")])
    kept = Snapshot(r for r in reading.snapshot if r.ref.group_kind != without)
    found = analyze(Mesh(kept, istio_version=version), [RULES[rule]])
    return [f.severity.value for f in sorted(map(reading.locate, found), key=lambda f: f.line)]


@pytest.mark.parametrize(
    ("rule", "version", "without", "expected"),
    [
        pytest.param(
            "virtualservice-needs-waypoint", NEW, None, ["blocker", "warning"], id="inside, outside"
        ),
        pytest.param(
            "fault-mirror-rewrite-cors-retry-timeout", OLD, None, ["warning", "info"], id="mirrors"
        ),
        pytest.param(
            "fault-mirror-rewrite-cors-retry-timeout", NEW, None, ["info", "info"], id="since 1.24"
        ),
        pytest.param(
            "consistent-hash", NEW, None, ["warning", "blocker"], id="ztunnel, an old waypoint"
        ),
        pytest.param(
            "server-first-behind-waypoint",
            NEW,
            None,
            ["warning", "warning", "blocker"],
            id="new to pods without a sidecar",
        ),
        pytest.param(
            "external-name-service", Version(1, 24), None, ["warning"], id="DNS capture before 1.25"
        ),
        pytest.param("external-name-service", NEW, None, ["info"], id="and after"),
        pytest.param(
            "nodeport-loadbalancer-service", NEW, None, ["blocker", "warning"], id="protected"
        ),
        pytest.param(
            "nodeport-loadbalancer-service",
            NEW,
            kinds.AUTHORIZATION_POLICY,
            ["warning", "warning"],
            id="not protected",
        ),
        pytest.param(
            "service-waypoint-opt-out",
            NEW,
            None,
            ["blocker", "warning", "blocker"],
            id="a way past policy; nothing; past a route",
        ),
        pytest.param("third-party-ingress", NEW, None, ["blocker"], id="past a waypoint"),
        pytest.param(
            "third-party-ingress",
            NEW,
            kinds.AUTHORIZATION_POLICY,
            ["warning"],
            id="nobody needs a waypoint",
        ),
        pytest.param(
            "ingress-skips-waypoint", NEW, None, ["blocker", "warning"], id="policy, routes"
        ),
    ],
)
def test_severity(
    rule: str, version: Version, without: GroupKind | None, expected: list[str]
) -> None:
    assert severities(rule, version, without) == expected
