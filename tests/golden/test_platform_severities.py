"""Where the severity of a finding about the platform or an owner hangs on what else the source shows."""

from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.resource import GroupKind, Ref
from migrator.model.snapshot import Snapshot
from migrator.rules import all_rules, analyze

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
RULES = {rule.id(): rule for rule in all_rules()}


def severities(
    rule: str, without: GroupKind | None = None, version: Version | None = None
) -> list[str]:
    """The severities in the rule's bad.yaml, by line, as if it held nothing of the kind `without`."""
    reading = read_sources([str(FIXTURES / rule / "bad.yaml")])
    kept = [r for r in reading.snapshot if r.ref.group_kind != without]
    mesh = Mesh(Snapshot(kept), istio_version=version)
    found = [reading.locate(f) for f in analyze(mesh, [RULES[rule]])]
    return [f.severity.value for f in sorted(found, key=lambda f: f.line)]


@pytest.mark.parametrize(
    ("rule", "without", "expected"),
    [
        ("istio-version-too-old", None, ["blocker", "warning"]),
        ("gateway-api-crds-missing", None, ["blocker"]),
        ("gateway-api-crds-missing", kinds.AUTHORIZATION_POLICY, ["warning"]),
        ("hbone-env-missing", None, ["blocker"]),
        ("hbone-env-missing", kinds.PEER_AUTHENTICATION, ["warning"]),
        ("hbone-env-missing", kinds.SERVICE, []),
        ("config-of-other-revision", None, ["blocker", "warning"]),
        ("calico-ebpf", kinds.DAEMON_SET, ["warning", "warning"]),
        ("argocd-owned", None, ["blocker", "warning"]),
        ("argocd-owned", kinds.ARGO_APPLICATION, ["blocker"]),
    ],
)
def test_severity(rule: str, without: GroupKind | None, expected: list[str]) -> None:
    assert severities(rule, without) == expected


@pytest.mark.parametrize(
    ("rule", "version", "expected"),
    [
        ("gateway-api-crds-too-old", Version(1, 31), ["blocker", "warning"]),
        ("gateway-api-crds-too-old", Version(1, 30, 3), []),
        ("eks-security-groups-for-pods", Version(1, 29, 5), ["blocker"]),
        ("eks-security-groups-for-pods", Version(1, 29, 6), ["warning"]),
        ("eks-security-groups-for-pods", Version(1, 28, 9), ["blocker"]),
        ("eks-security-groups-for-pods", Version(1, 30, 0), ["warning"]),
        ("kubernetes-version-too-old", Version(1, 29, 0), []),
        ("config-of-other-revision", Version(1, 26, 0), []),
    ],
)
def test_severity_by_version(rule: str, version: Version, expected: list[str]) -> None:
    assert severities(rule, version=version) == expected


def test_an_owned_namespace_concerns_every_workload_that_moves_by_its_label() -> None:
    snapshot = read_sources([str(FIXTURES / "flux-owned" / "bad.yaml")]).snapshot
    found = analyze(Mesh(snapshot), [RULES["flux-owned"]])
    of_namespace = next(f for f in found if f.subject.kind == "Namespace")

    assert Ref(*kinds.DEPLOYMENT, "shop", "cart") in of_namespace.affects
