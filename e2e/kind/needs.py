"""What a real cluster needs of the machine, and which of it is missing here.

Nothing is installed unless MIGRATE_E2E_KIND_INSTALL is 1: then the Debian packages are, by apt-get.
"""
# ruff: noqa: S607

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .cache import home
from .runtime import RUNC, withheld

INSTALL = "MIGRATE_E2E_KIND_INSTALL"
NOT_HERE = 77  # exit status: this machine cannot; neither passed nor failed
_PACKAGES = {
    "debootstrap": "debootstrap",
    "dockerd": "docker.io",
    "docker": "docker.io",
    "containerd": "docker.io",
    "ctr": "docker.io",
    "ip": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
}
_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_MKNOD")


def lacking() -> list[str]:
    """One sentence for each thing that is missing; none of them means that a cluster can be made."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return [
            f"the images are for Linux on x86_64, and this is {sys.platform} {platform.machine()}"
        ]
    if os.geteuid():
        return ["root is needed: for network namespaces, mounts and an engine of our own"]
    absent = [name for name in _CAPABILITIES if name in withheld()]
    found = [f"{name} is withheld from root on this machine" for name in absent]
    if not absent:
        found += _refused()
    return found + _missing()


def install() -> None:
    """The Debian packages of what is missing; apt-get's words go to the terminal."""
    packages = sorted({_PACKAGES[name] for name in _PACKAGES if not shutil.which(name)})
    if packages and not os.geteuid() and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "--quiet"], check=False)
        subprocess.run(
            ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages],
            check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip


def _missing() -> list[str]:
    found = [
        f"`{name}` is not on PATH (Debian's package {package})"
        for name, package in _PACKAGES.items()
        if not shutil.which(name)
    ]
    if not os.access(RUNC, os.X_OK):
        found.append(f"{RUNC} is not here (Debian's package runc)")
    if not shutil.which("go"):
        found.append("`go` is not on PATH: Go 1.26 or newer builds the programs")
    return found


def _refused() -> list[str]:
    """What only trying tells."""
    found = []
    if _fails("unshare", "--net", "--pid", "--mount", "--fork", "true"):
        found.append("new network, process and mount namespaces are refused here")
    if not Path("/sys/fs/cgroup").is_mount():
        found.append("cgroups are not mounted at /sys/fs/cgroup")
    home().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home()) as folder:
        parts = {name: Path(folder) / name for name in ("lower", "upper", "work", "merged")}
        for part in parts.values():
            part.mkdir()
        options = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(parts["merged"])]
        if _fails("unshare", "--mount", *mount):
            found.append(f"overlayfs cannot be mounted on the file system of {home()}")
    return found


def _fails(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode != 0
    except FileNotFoundError:
        return True
