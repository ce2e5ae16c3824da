"""Where the severity of a finding about routes hangs on what else the source shows, or on the version."""

from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.resource import Origin, Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.rules import all_rules, analyze

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
RULES = {rule.id(): rule for rule in all_rules()}
SINCE_ALLOCATION = Version(1, 30, 3)


def mesh_config(text: str) -> Resource:
    ref = Ref("", "ConfigMap", "istio-system", "istio")
    meta = {"name": ref.name, "namespace": ref.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": text}}
    return Resource(ref, body, Origin("mesh.yaml", 1))


def istiod(**env: str) -> Resource:
    ref = Ref("apps", "Deployment", "istio-system", "istiod")
    variables = [{"name": name, "value": value} for name, value in env.items()]
    container = {"name": "discovery", "image": "registry.example/pilot:1.30.3", "env": variables}
    template = {"metadata": {"labels": {"app": "istiod"}}, "spec": {"containers": [container]}}
    meta = {"name": ref.name, "namespace": ref.namespace, "labels": {"app": "istiod"}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {"template": template},
    }
    return Resource(ref, body, Origin("istiod.yaml", 1))


def severities(rule: str, version: Version, *more: Resource) -> list[str]:
    """The severities in the rule's bad.yaml, by line, with `more` in the source."""
    reading = read_sources([str(FIXTURES / rule / "bad.yaml")])
    mesh = Mesh(Snapshot([*reading.snapshot, *more]), istio_version=version)
    found = [reading.locate(f) for f in analyze(mesh, [RULES[rule]])]
    return [f.severity.value for f in sorted(found, key=lambda f: (f.file, f.line))]


@pytest.mark.parametrize("rule", ["serviceentry-dns", "serviceentry-static"])
@pytest.mark.parametrize(
    ("version", "more", "expected"),
    [
        pytest.param(SINCE_ALLOCATION, (), ["info", "blocker"], id="opted out by label"),
        pytest.param(Version(1, 24), (), ["blocker", "blocker"], id="before the default"),
        pytest.param(
            SINCE_ALLOCATION,
            (istiod(PILOT_ENABLE_IP_AUTOALLOCATE="false"),),
            ["blocker", "blocker"],
            id="allocation off",
        ),
        pytest.param(
            SINCE_ALLOCATION,
            (istiod(PILOT_ENABLE_IP_AUTOALLOCATE="true"),),
            ["info", "blocker"],
            id="allocation on",
        ),
        pytest.param(
            Version(1, 24),
            (istiod(PILOT_ENABLE_IP_AUTOALLOCATE="true"),),
            ["blocker", "blocker"],
            id="allocated, and no pod learns of it",
        ),
    ],
)
def test_service_entries_without_address(
    rule: str, version: Version, more: tuple[Resource, ...], expected: list[str]
) -> None:
    assert severities(rule, version, *more) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param(Version(1, 27, 3), ["warning", "blocker", "warning"], id="ranges before 1.28"),
        pytest.param(Version(1, 28), ["warning", "warning"], id="passed through by address"),
    ],
)
def test_service_entries_passed_through(version: Version, expected: list[str]) -> None:
    assert severities("serviceentry-none", version) == expected


def test_ranges_are_known_from_130_on() -> None:
    assert severities("serviceentry-cidr", Version(1, 29, 9)) == ["blocker", "blocker"]
    assert severities("serviceentry-cidr", Version(1, 30)) == []


def test_a_wildcard_that_was_a_permission_stops_the_move() -> None:
    fence = mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")

    assert severities("serviceentry-wildcard", Version(1, 30)) == ["warning", "warning"]
    assert severities("serviceentry-wildcard", Version(1, 30), fence) == ["blocker", "blocker"]


def test_two_for_one_host_with_other_endpoints_stop_the_move() -> None:
    expected = ["blocker", "blocker", "warning"]
    restricted = mesh_config("serviceEntryVisibility: {defaultVisibility: NAMESPACE}")

    assert severities("serviceentry-exportto", Version(1, 30), restricted) == expected
    assert severities("serviceentry-exportto", Version(1, 31), restricted) == []
    assert sorted(severities("serviceentry-exportto", Version(1, 31))) == expected


def test_a_list_of_hosts_is_a_fence_with_registry_only() -> None:
    fence = mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")

    assert severities("sidecar-resource-egress", Version(1, 30)) == ["info", "blocker"]
    assert severities("sidecar-resource-egress", Version(1, 30), fence) == ["blocker", "blocker"]
