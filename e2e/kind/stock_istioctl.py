"""`istioctl` as a rehearsal finds it on PATH: the real one; `install` also gets what a stock Envoy needs."""

import json
import subprocess
import sys

from .binaries import binary
from .mesh import SETTINGS
from .stock_envoy import envoy_filters


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["install"]:
        return subprocess.run([str(binary("istioctl")), *arguments], check=False).returncode
    settings = [f"--set={one}" for one in SETTINGS]
    done = subprocess.run([str(binary("istioctl")), *arguments, *settings], check=False)
    if done.returncode:
        return done.returncode
    to = arguments[arguments.index("--kubeconfig") :][:2] if "--kubeconfig" in arguments else []
    filters = json.dumps({"apiVersion": "v1", "kind": "List", "items": envoy_filters()})
    return subprocess.run(
        [str(binary("kubectl")), *to, "apply", "--server-side", "-f", "-"],
        input=filters, text=True, check=False, stdout=subprocess.DEVNULL,
    ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
