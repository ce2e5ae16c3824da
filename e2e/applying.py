"""Run `migrate` as a user would on the control plane, and compare what is there before and after."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from .api import Api
from .controlplane import ControlPlane
from .meshes import eventually

ROOT = Path(__file__).parents[1]
ROOT_NAMESPACE = "istio-system"
# The webhooks of this control plane have URLs, because istiod runs beside it
BESIDE = ("--acknowledge", "AMB024")
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
    found = {"KUBECONFIG": str(plane.kubeconfig), **(env or {})}
    return run_migrate(*arguments, stdin=stdin, env=found)


def run_migrate(
    *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """The command line, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
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
    """The run's own, and the certificates that every namespace gets when its controller comes to it."""
    name = str(body["metadata"]["name"])
    return body["kind"] == "ConfigMap" and (
        name.startswith("migrate-") or name in {"kube-root-ca.crt", "istio-ca-root-cert"}
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


def install(plane: ControlPlane, objects: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Put a mesh on the control plane and wait until its pods run; the names of its namespaces."""
    spaces = [o for o in objects if _is_own_namespace(o)]
    rest = [o for o in objects if o["kind"] != "Namespace"]
    names = tuple(sorted(o["metadata"]["name"] for o in spaces))
    for part in filter(None, (spaces, rest)):
        plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(part))
    assert eventually(lambda: is_settled(plane, names), 60), names
    return names


@contextmanager
def installed(
    plane: ControlPlane, objects: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, ...]]:
    """`install`, and delete it all again: the next mesh meets the control plane as this one did."""
    try:
        yield install(plane, objects)
    finally:
        lone = [
            o
            for o in objects
            if _is_own_namespace(o) or o["metadata"].get("namespace") == ROOT_NAMESPACE
        ]
        plane.kubectl(
            "delete", "--ignore-not-found", "--timeout=120s", "-f", "-", stdin=yaml.safe_dump_all(lone)
        )  # fmt: skip


def _is_own_namespace(body: Mapping[str, Any]) -> bool:
    return body["kind"] == "Namespace" and body["metadata"]["name"] != ROOT_NAMESPACE


def is_settled(plane: ControlPlane, namespaces: Iterable[str]) -> bool:
    """Whether every controller has made its pods, and each of them runs."""
    api = Api(plane)
    spaces = set(namespaces)
    for kind, wanted in (("deployments", "replicas"), ("statefulsets", "replicas")):
        for body in api.items(f"/apis/apps/v1/{kind}"):
            ready = body.get("status", {}).get("readyReplicas", 0)
            if body["metadata"]["namespace"] in spaces and ready != body["spec"].get(wanted, 1):
                return False
    pods = [p for p in api.items("/api/v1/pods") if p["metadata"]["namespace"] in spaces]
    return all(p.get("status", {}).get("phase") in {"Running", "Succeeded"} for p in pods)


def planned(plane: ControlPlane, folder: Path, names: Iterable[str], *options: str) -> Path:
    """A plan of these namespaces, made live, reviewed: every acknowledgement given, no soak time."""
    plan = folder / "plan.yaml"
    chosen = [argument for name in names for argument in ("-n", name)]
    done = migrate(plane, "plan", "-o", str(plan), "--soak", "0", *BESIDE, *chosen, *options)
    assert done.returncode in {0, 3}, done.stderr  # 3: something is still to be accepted
    acknowledge_all(plan)
    return plan


def edit_plan(plan: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change a plan file as a reviewer does."""
    data = yaml.safe_load(plan.read_text())
    edit(data)
    plan.write_text(yaml.safe_dump(data, sort_keys=False))
