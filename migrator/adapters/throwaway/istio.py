"""Istio on a throw-away cluster, installed by `istioctl` or by Helm, whichever is on PATH."""

import json
from typing import NamedTuple

from migrator.errors import MigrateError

from .runner import Runner

ROOT = "istio-system"
GATEWAY_API = (
    "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml"
)
_CHARTS = ("base", "istiod")
_AMBIENT_CHARTS = ("cni", "ztunnel")


class Images(NamedTuple):
    """Where Istio comes from, where the usual places cannot be reached; empty for the usual ones.

    `charts`: a folder or repository of Istio's charts. `gateway_api`: a file or URL.
    """

    hub: str = ""
    tag: str = ""
    charts: str = "oci://gcr.io/istio-release/charts"
    gateway_api: str = GATEWAY_API


class Installer:
    """Installs Istio into one cluster: sidecars first, ambient when a plan asks for it."""

    def __init__(self, runner: Runner, kubeconfig: str, context: str, images: Images) -> None:
        self._runner = runner
        self._images = images
        self._to = ["--kubeconfig", kubeconfig, *(["--context", context] if context else [])]
        self._helm_to = [
            "--kubeconfig",
            kubeconfig,
            *(["--kube-context", context] if context else []),
        ]
        if not (runner.has("istioctl") or runner.has("helm")):
            raise MigrateError("neither istioctl nor helm is on PATH: one of them installs Istio")

    def version(self) -> str:
        """The one that will be installed; empty where only the charts know."""
        if self._images.tag or not self._runner.has("istioctl"):
            return self._images.tag
        said = json.loads(self._runner.run(["istioctl", "version", "--remote=false", "-o", "json"]))
        return str((said.get("clientVersion") or {}).get("version", ""))

    def sidecars(self) -> None:
        """Istiod and its webhooks, able to do ambient later, and the Gateway API."""
        self._runner.run(
            ["kubectl", *self._to, "apply", "--server-side", "-f", self._images.gateway_api]
        )
        if self._runner.has("istioctl"):
            self._istioctl("default")
        else:
            self._helm(_CHARTS, {"istiod": ["pilot.env.PILOT_ENABLE_AMBIENT=true"]})

    def ambient(self) -> None:
        """istio-cni and ztunnel beside them."""
        if self._runner.has("istioctl"):
            self._istioctl("ambient")
        else:
            self._helm(
                (*_CHARTS, *_AMBIENT_CHARTS),
                {"istiod": ["profile=ambient"], "cni": ["profile=ambient"]},
            )

    def _istioctl(self, profile: str) -> None:
        sets = [f"profile={profile}", "values.pilot.env.PILOT_ENABLE_AMBIENT=true"]
        sets += [f"{key}={value}" for key, value in self._named()]
        options = [part for one in sets for part in ("--set", one)]
        self._runner.run(["istioctl", "install", "-y", *self._to, *options], seconds=900)

    def _helm(self, charts: tuple[str, ...], sets: dict[str, list[str]]) -> None:
        for chart in charts:
            given = [
                *sets.get(chart, ()),
                *(f"global.{key}={value}" for key, value in self._named()),
            ]
            options = [part for one in given for part in ("--set", one)]
            name = f"{self._images.charts.rstrip('/')}/{chart}"
            self._runner.run(
                ["helm", "upgrade", "--install", f"istio-{chart}", name, "--namespace", ROOT,
                 "--create-namespace", "--wait", *self._helm_to, *options], seconds=900,
            )  # fmt: skip

    def _named(self) -> list[tuple[str, str]]:
        pairs = (("hub", self._images.hub), ("tag", self._images.tag))
        return [(key, value) for key, value in pairs if value]
