"""The cluster itself: a kubelet runs pods, and nothing leads out of it."""
# ruff: noqa: S607

import subprocess

from .cluster import KindCluster


def test_a_kubelet_of_the_pinned_version_runs_the_control_plane_as_containers(
    cluster: KindCluster,
) -> None:
    nodes = cluster.get("nodes")["items"]
    versions = {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}
    pods = cluster.get("pods", "-n", "kube-system")["items"]
    running = {
        p["metadata"]["name"].split("-")[0] for p in pods if p["status"]["phase"] == "Running"
    }

    assert versions == {"v1.34.4"}
    assert {"etcd", "kube", "coredns"} <= running


def test_no_route_leads_out_of_the_network_of_the_cluster(cluster: KindCluster) -> None:
    with cluster.engine.entered():
        routes = subprocess.run(["ip", "route"], check=True, capture_output=True, text=True).stdout
        links = subprocess.run(["ip", "link"], check=True, capture_output=True, text=True).stdout

    assert "172." in routes  # the engine's own bridges
    assert "default" not in routes
    assert "link-netnsid" not in links.partition("veth")[0]


def test_this_process_is_outside_again(cluster: KindCluster) -> None:
    cluster.get("nodes")

    inside = cluster.engine.namespace.readlink()
    outside = subprocess.run(
        ["readlink", "/proc/self/ns/net"], check=True, capture_output=True, text=True
    )

    assert outside.stdout.strip() != str(inside)
