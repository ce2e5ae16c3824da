"""Kustomize, as kubectl has it, over a base and exported components."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .binaries import binaries

Key = tuple[str, str, str, str]


def key(body: dict[str, Any]) -> Key:
    """Group, kind, namespace and name."""
    meta = body["metadata"]
    group = body["apiVersion"].rpartition("/")[0]
    return group, body["kind"], meta.get("namespace", ""), meta["name"]


def built(
    folder: Path, base: Sequence[dict[str, Any]], components: Sequence[str]
) -> dict[Key, dict[str, Any]]:
    """What kustomize makes of `base` with the components, which are in `export` beside `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "base.yaml").write_text(yaml.safe_dump_all(base))
    root = {"resources": ["base.yaml"], "components": [f"../export/{name}" for name in components]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(root))
    done = subprocess.run(
        [str(binaries()["kubectl"]), "kustomize", str(folder)],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, (components, done.stderr)
    return {key(body): body for body in yaml.safe_load_all(done.stdout)}
