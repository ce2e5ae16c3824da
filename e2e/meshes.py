"""Put an example on the control plane, and ask what became of it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from .controlplane import ControlPlane

EXAMPLES = Path(__file__).parents[1] / "plans" / "examples"
ISTIO_OWN = {("ConfigMap", "istio-system"), ("Deployment", "istio-system")}


def documents(example: str) -> list[dict[str, Any]]:
    """The objects of an example, namespaces first; Istio's own objects are the control plane's business."""
    found = [
        document
        for file in sorted((EXAMPLES / example / "mesh").glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
        if document
    ]
    mine = [d for d in found if (d["kind"], d["metadata"].get("namespace")) not in ISTIO_OWN]
    return sorted(mine, key=lambda d: d["kind"] != "Namespace")


def install(plane: ControlPlane, example: str) -> None:
    """Namespaces first, because injection looks at them; then everything."""
    objects = documents(example)
    spaces = [d for d in objects if d["kind"] == "Namespace"]
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(spaces))
    policies = [d for d in objects if d["kind"] != "Namespace"]
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(policies))


def eventually(look: Callable[[], object], seconds: float = 60) -> Any:
    """The first answer of `look` that is not empty; the last one when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def condition(resource: dict[str, Any], name: str) -> dict[str, Any]:
    """A condition of an object's status, or of its ancestors' (policies); empty when absent."""
    status = resource.get("status") or {}
    found = list(status.get("conditions") or ())
    for ancestor in status.get("ancestors") or ():
        found += ancestor.get("conditions") or ()
    return next((c for c in found if c["type"] == name), {})


def apply_manifest(plane: ControlPlane, manifest: dict[str, Any], *options: str) -> None:
    plane.kubectl(
        "apply", "--server-side", "--field-manager=migrate", *options, "-f", "-",
        stdin=json.dumps(manifest),
    )  # fmt: skip
