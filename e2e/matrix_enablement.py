"""istio-cni's own answer to whether a pod is enrolled: its Go code, called through a small command."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from typing import Any

from .binaries import MODULES, cache_folder, go

_SOURCE = MODULES / "istio" / "enablement"


def enrolled(questions: Iterable[dict[str, Any]]) -> list[bool]:
    """One answer a question; see `question` in go/istio/enablement/main.go."""
    lines = "".join(json.dumps(one) + "\n" for one in questions)
    done = subprocess.run(
        [_command()], input=lines, check=True, capture_output=True, text=True, timeout=120
    )
    return [line == "true" for line in done.stdout.splitlines()]


def _command() -> str:
    """The command, built where its source or the modules have changed."""
    digest = hashlib.sha256((_SOURCE / "main.go").read_bytes()).hexdigest()[:16]
    binary = cache_folder() / f"enablement-{digest}"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        partial = binary.with_name(f".{binary.name}.{os.getpid()}")
        subprocess.run(
            [go(), "build", "-ldflags", "-s -w", "-o", str(partial), "./enablement"],
            cwd=_SOURCE.parent, check=True, env={**os.environ, "CGO_ENABLED": "0"},
        )  # fmt: skip
        partial.replace(binary)
    return str(binary)
