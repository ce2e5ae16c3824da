"""Programs built from pinned Go modules; those that tell their version are told it when they are linked."""

import json
import os
import subprocess
from pathlib import Path

from e2e.binaries import MissingToolError, go

from .cache import made

KUBERNETES = "v1.34.4"
ETCD = "3.6.5-0"  # kubeadm v1.34 asks for an image of this name; the program is the one of e2e/go
COREDNS = "v1.12.1"
ISTIO = "1.31.0"
GO = Path(__file__).parent / "go"
_SHARED = Path(__file__).parents[1] / "go"
_ROOT = Path(__file__).parents[2]
_BASE = "k8s.io/component-base/version"
_MAJOR, _MINOR = KUBERNETES.lstrip("v").split(".")[:2]
_LINKED = {
    "kubernetes": f"-X {_BASE}.gitVersion={KUBERNETES} -X {_BASE}.gitMajor={_MAJOR} "
    f"-X {_BASE}.gitMinor={_MINOR} -X {_BASE}.gitTreeState=clean",
    "istio": f"-X istio.io/istio/pkg/version.buildVersion={ISTIO}",
}
PACKAGES = {
    "kind": ("kind", "sigs.k8s.io/kind"),
    **{
        name: ("kubernetes", f"k8s.io/kubernetes/cmd/{name}")
        for name in (
            "kubelet", "kubeadm", "kubectl", "kube-proxy", "kube-apiserver",
            "kube-controller-manager", "kube-scheduler",
        )
    },
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "coredns": ("coredns", "github.com/coredns/coredns"),
    "istioctl": ("istio", "istio.io/istio/istioctl/cmd/istioctl"),
    "pilot-discovery": ("istio", "istio.io/istio/pilot/cmd/pilot-discovery"),
    "pilot-agent": ("istio", "istio.io/istio/pilot/cmd/pilot-agent"),
    "install-cni": ("istio", "istio.io/istio/cni/cmd/install-cni"),
    "istio-cni": ("istio", "istio.io/istio/cni/cmd/istio-cni"),
    "pause": ("istio", "./pause"),
    "echo": ("istio", "./echo"),
    "standin": ("standin", "."),
    "ztunnel": ("istio", "./ztunnel"),
}  # fmt: skip


def binary(name: str) -> Path:
    """The program `name`, static, from the modules that its go.mod pins."""
    module, package = PACKAGES[name]
    folder = module_folder(module)
    flags = f"-s -w {_LINKED.get(module, '')}"
    pins = [folder / name for name in ("go.mod", "go.sum") if (folder / name).exists()]
    ingredients = [*pins, package, flags]
    if package.startswith("."):
        ingredients.append(folder / package)
    return made(f"bin/{name}", ingredients, lambda out: _build(folder, package, flags, out))


def module_folder(module: str) -> Path:
    folders = (GO, _SHARED, _ROOT)
    return next(folder / module for folder in folders if (folder / module).exists())


def module_source(module: str, path: str) -> Path:
    """Where the Go module cache keeps the module `path`, at the version that `module` pins."""
    found = subprocess.run(
        [go(), "mod", "download", "-json", path],
        cwd=module_folder(module), check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return Path(json.loads(found)["Dir"])


def _build(folder: Path, package: str, flags: str, out: Path) -> None:
    done = subprocess.run(
        [go(), "build", "-ldflags", flags, "-o", str(out), package],
        cwd=folder, check=False, env={**os.environ, "CGO_ENABLED": "0"},
    )  # fmt: skip
    if done.returncode:
        raise MissingToolError(f"building {package} failed; the compiler's words are above")
