"""Whether quotas and ranges leave room for a waypoint."""

from typing import Any

import pytest

from migrator.istio.waypoint.waypoint_room import quota_shortage, range_shortage
from migrator.model.resource import Ref, Resource


def quota(hard: dict[str, str], used: dict[str, str] | None = None) -> Resource:
    body = {"spec": {"hard": hard}, "status": {"used": used or {}}}
    return Resource(Ref("", "ResourceQuota", "shop", "q"), body)


@pytest.mark.parametrize(
    ("hard", "used", "governed", "lacking"),
    [
        ({"count/secrets": "1"}, {}, (), ""),
        ({"limits.cpu": "2"}, {}, ("limits.cpu",), ""),
        ({"limits.cpu": "1"}, {}, ("limits.cpu",), "limits.cpu 1"),
        (
            {"limits.cpu": "4"},
            {"limits.cpu": "2500m"},
            ("limits.cpu",),
            "limits.cpu 4, 2500m in use",
        ),
        ({"memory": "1Gi"}, {"memory": "800Mi"}, ("memory",), ""),
        ({"cpu": "50m"}, {}, ("cpu",), "cpu 50m"),
        ({"pods": "10"}, {"pods": "10"}, ("pods",), "pods 10, 10 in use"),
        ({"limits.memory": "plenty"}, {}, ("limits.memory",), ""),
    ],
)
def test_quotas(
    hard: dict[str, str], used: dict[str, str], governed: tuple[str, ...], lacking: str
) -> None:
    assert quota_shortage(quota(hard, used)) == (governed, lacking)


@pytest.mark.parametrize(
    ("limit", "lacking"),
    [
        ({"type": "Container", "max": {"cpu": "1"}}, [(0, "at most 1 cpu for a Container")]),
        ({"type": "Container", "max": {"cpu": "2", "memory": "1Gi"}}, []),
        ({"type": "Pod", "max": {"memory": "512Mi"}}, [(0, "at most 512Mi memory for a Pod")]),
        ({"type": "Container", "default": {"cpu": "100m"}}, []),
        ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, []),
    ],
)
def test_ranges(limit: dict[str, Any], lacking: list[tuple[int, str]]) -> None:
    body = {"spec": {"limits": [limit]}}
    found = range_shortage(Resource(Ref("", "LimitRange", "shop", "l"), body))

    assert list(found) == lacking
