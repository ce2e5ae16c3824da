"""Istio inside the cluster: istiod, istio-cni and the ztunnel stand-in from its own manifests."""

import json
import subprocess
from pathlib import Path

from . import stock_envoy
from .binaries import ISTIO, binary, module_source
from .cluster import KindCluster
from .istio_images import HUB, images

NAMESPACE = "istio-system"
_SMALL = (
    "values.pilot.resources.requests.cpu=50m",
    "values.pilot.resources.requests.memory=256Mi",
    "values.global.proxy.resources.requests.cpu=10m",
    "values.global.proxy.resources.requests.memory=40Mi",
    "values.ztunnel.resources.requests.cpu=10m",
    "values.ztunnel.resources.requests.memory=64Mi",
)
_CLUSTER = (
    "values.global.variant=",  # of the image names: these images have no variants
    "values.global.imagePullPolicy=IfNotPresent",
    "values.cni.cniBinDir=/usr/lib/cni",
    "values.cni.ambient.dnsCapture=false",  # the stand-in answers no names
    "meshConfig.accessLogFile=/dev/stdout",
)
# whatever the profile, the hub and the tag are
SETTINGS = (*_CLUSTER, *_SMALL, *stock_envoy.SETTINGS)
GATEWAY_API = "tests/integration/pilot/testdata/gateway-api-crd.yaml"


def gateway_api() -> Path:
    """The definitions that this Istio asks for."""
    return module_source("istio", "istio.io/istio") / GATEWAY_API


def load_images(cluster: KindCluster) -> None:
    for image in images():
        cluster.load(image.archive())


def install(cluster: KindCluster, profile: str = "ambient") -> None:
    """Apply the profile and wait for it; Gateway API resources first, as istiod looks for them once."""
    cluster.kubectl("apply", "--server-side", "-f", str(gateway_api()))
    if NAMESPACE not in cluster.kubectl("get", "namespaces", "-o", "name"):
        cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest(profile)
    )
    for workload in ("deploy/istiod", "ds/istio-cni-node", "ds/ztunnel"):
        cluster.kubectl("-n", NAMESPACE, "rollout", "status", workload, "--timeout=120s")
    filters = {"apiVersion": "v1", "kind": "List", "items": stock_envoy.envoy_filters()}
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(filters))


def manifest(profile: str) -> str:
    settings = [
        f"--set={one}" for one in (f"profile={profile}", f"hub={HUB}", f"tag={ISTIO}", *SETTINGS)
    ]
    return subprocess.run(
        [str(binary("istioctl")), "manifest", "generate", *settings],
        check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
