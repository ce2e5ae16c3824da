"""Run `migrate` as a user would on the control plane, and compare what is there before and after."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .controlplane import ControlPlane

ROOT = Path(__file__).parents[1]
KINDS = (
    "namespaces,services,serviceaccounts,deployments,statefulsets,daemonsets,jobs,cronjobs,configmaps,"
    "authorizationpolicies,peerauthentications,requestauthentications,virtualservices,destinationrules,"
    "serviceentries,sidecars,networkpolicies,telemetries,gateways.gateway.networking.k8s.io,"
    "gateways.networking.istio.io"
)
# The server's own, and counters that controllers keep
_VOLATILE = {
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
}  # fmt: skip
_COUNTERS = {
    "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation",
}  # fmt: skip


def migrate(
    plane: ControlPlane,
    *arguments: str,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """The command line, with this control plane's kubeconfig and no other."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
        env={
            **os.environ,
            "KUBECONFIG": str(plane.kubeconfig),
            "PYTHONPATH": str(ROOT),
            **(env or {}),
        },
        timeout=900,
    )


def image(plane: ControlPlane, namespaces: Iterable[str]) -> str:
    """Every label, annotation and spec of the namespaces as one text; the run's own record left out.

    What controllers count (revisions) and what only the server writes is left out too.
    """
    spaces = set(namespaces)
    found = {}
    for body in plane.get(KINDS, "-A")["items"]:
        meta = body["metadata"]
        home = meta.get("namespace", "")
        inside = home in spaces or (body["kind"] == "Namespace" and meta["name"] in spaces)
        if inside and not _is_record(body):
            key = f"{body['apiVersion']}/{body['kind']}/{home}/{meta['name']}"
            found[key] = _plain(body)
    return json.dumps(found, indent=1, sort_keys=True)


def _is_record(body: Mapping[str, Any]) -> bool:
    name = str(body["metadata"]["name"])
    return body["kind"] == "ConfigMap" and (
        name.startswith("migrate-") or name == "kube-root-ca.crt"
    )


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in body["metadata"].items() if k not in _VOLATILE}
    annotations = {k: v for k, v in meta.pop("annotations", {}).items() if k not in _COUNTERS}
    rest = {k: v for k, v in body.items() if k not in {"metadata", "status"}}
    return {**rest, "metadata": {**meta, "annotations": annotations}}


def acknowledge_all(plan: Path) -> None:
    """Set every `acknowledged` of a plan file, as a reviewer does in an editor."""
    text = plan.read_text()
    plan.write_text(text.replace("acknowledged: false", "acknowledged: true"))
    assert all(a["acknowledged"] for a in yaml.safe_load(plan.read_text())["acknowledgements"])
