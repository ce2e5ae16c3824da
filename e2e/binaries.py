"""The control plane's binaries, built from pinned Go modules into the user's cache folder.

The cache is keyed by the go.mod and go.sum files, so another version never meets old binaries; what is
built from sources of our own is keyed by these as well, and alone is built again when they change.
`KUBEBUILDER_ASSETS` names a folder with etcd, kube-apiserver and kubectl of one's own.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MODULES = Path(__file__).parent / "go"
PACKAGES = {
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": ("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kubectl": ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    "kwok": ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "istiod": ("istio", "istio.io/istio/pilot/cmd/pilot-discovery"),
    "istioctl": ("istio", "istio.io/istio/istioctl/cmd/istioctl"),
    "oracle": ("istio", "./oracle"),
}


class MissingToolError(Exception):
    """Something that the build needs is not on this machine."""


def cache_folder() -> Path:
    """Where the binaries of exactly these modules are kept."""
    digest = hashlib.sha256()
    for file in sorted(MODULES.glob("*/go.*")):
        digest.update(file.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "migrate-e2e" / digest.hexdigest()[:16]


def binaries() -> dict[str, Path]:
    """Paths of all binaries; what is missing is built, with a line of progress each."""
    folder = cache_folder()
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found = {}
    for name in PACKAGES:
        given = Path(assets) / name if assets else None
        found[name] = given if given and given.exists() else folder / _file_name(name)
    missing = [name for name, path in found.items() if not path.exists()]
    for number, name in enumerate(missing, start=1):
        _build(name, folder, f"{number}/{len(missing)}")
    return found


def module_folder(module: str, path: str) -> Path:
    """Where the Go module cache keeps the module `path`, at the version that `module` pins."""
    done = subprocess.run(
        [go(), "list", "-m", "-f", "{{.Dir}}", path],
        cwd=MODULES / module, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return Path(done.stdout.strip())


def _file_name(name: str) -> str:
    """The binary's name in the cache; with a digest of its sources where these are here."""
    module, package = PACKAGES[name]
    if not package.startswith("./"):
        return name
    digest = hashlib.sha256()
    for file in sorted((MODULES / module / package).glob("*.go")):
        digest.update(file.read_bytes())
    return f"{name}-{digest.hexdigest()[:16]}"


def _build(name: str, folder: Path, which: str) -> None:
    module, package = PACKAGES[name]
    folder.mkdir(parents=True, exist_ok=True)
    print(f"building {name} ({which}) …", file=sys.stderr, flush=True)
    began = time.monotonic()
    partial = folder / f".{name}.{os.getpid()}"
    done = subprocess.run(
        [go(), "build", "-ldflags", "-s -w", "-o", str(partial), package],
        cwd=MODULES / module, check=False, env={**os.environ, "CGO_ENABLED": "0"},
    )  # fmt: skip
    if done.returncode:
        partial.unlink(missing_ok=True)
        message = f"building {name} failed; the compiler's words are above"
        raise MissingToolError(message)
    partial.replace(folder / _file_name(name))
    print(f"  {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def go() -> str:
    found = shutil.which("go")
    if found is None:
        message = "Go 1.26 or newer is needed to build the control plane, and `go` is not on PATH"
        raise MissingToolError(message)
    return found


if __name__ == "__main__":
    binaries()
