"""What an EnvoyFilter patches, and in which proxies."""

import re
from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import mentions, patches
from migrator.istio.versions import Version
from migrator.model.resource import Ref, Resource

V130 = Version(1, 30, 3)


def envoy_filter(*config_patches: dict[str, Any]) -> Resource:
    spec = {"configPatches": list(config_patches)}
    return Resource(Ref(*kinds.ENVOY_FILTER, "shop", "f"), {"spec": spec})


@pytest.mark.parametrize(
    ("match", "on_sidecars"),
    [
        (None, True),
        ({}, True),
        ({"context": "ANY"}, True),
        ({"context": "SIDECAR_INBOUND"}, True),
        ({"context": "SIDECAR_OUTBOUND"}, True),
        ({"context": "GATEWAY"}, False),
        ({"context": "WAYPOINT"}, False),
    ],
)
def test_contexts(match: dict[str, str] | None, on_sidecars: bool) -> None:  # noqa: FBT001
    patch = {"applyTo": "CLUSTER"} if match is None else {"applyTo": "CLUSTER", "match": match}
    (found,) = patches(envoy_filter(patch), V130)

    assert found.on_sidecars is on_sidecars


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("", True),
        (r"^1\.30.*", True),
        (r"^1\.29.*", False),
        ("1.30", True),
        (r"^1\.3.*", True),
        (r"^1\.2.*", False),
        (r"^1\.(29|30).*", True),
        ("(((((", True),
    ],
)
def test_versions_of_the_proxy(pattern: str, kept: bool) -> None:  # noqa: FBT001
    made = envoy_filter({"match": {"proxy": {"proxyVersion": pattern}}})

    assert bool(list(patches(made, V130))) is kept
    assert len(list(patches(made, None))) == 1


def test_paths_count_all_patches() -> None:
    old = {"match": {"proxy": {"proxyVersion": r"^1\.20.*"}}}
    found = list(patches(envoy_filter(old, {"applyTo": "HTTP_ROUTE"}), V130))

    assert [(patch.path, patch.on_routes) for patch in found] == [("spec.configPatches[1]", True)]


def test_texts_are_found_at_any_depth() -> None:
    words = re.compile("ratelimit")

    assert mentions({"a": [{"b": "x"}, {"c": ["envoy.ratelimit"]}]}, words) == "ratelimit"
    assert mentions({"ratelimit": 1, "list": [True, None, 3]}, words) == ""
