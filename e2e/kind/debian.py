"""A root folder of Debian packages for the node, and the small ones cut out of it for images."""
# ruff: noqa: S607

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from e2e.binaries import MissingToolError

from .cache import made

SUITE = "bookworm"  # containerd 1.6, runc 1.1, systemd 252: what node/ is written for
_LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
_NODE = (
    "systemd", "systemd-sysv", "dbus", "libseccomp2", "containerd", "runc", "iptables", "nftables",
    "iproute2", "conntrack", "ethtool", "socat", "kmod", "mount", "util-linux", "procps", "hostname",
    "ca-certificates", "containernetworking-plugins", "jq", "e2fsprogs", "ebtables", "ipset", "tar", "gzip",
)  # fmt: skip
_FILTERING = (
    "usr/sbin/xtables-nft-multi", "usr/sbin/conntrack", "usr/sbin/nft", "usr/sbin/ip", "usr/bin/dash",
)  # fmt: skip
_TABLES = [
    f"{family}{variant}{command}"
    for family in ("iptables", "ip6tables")
    for variant in ("", "-nft")
    for command in ("", "-save", "-restore")
]
# what glibc opens by name while it runs, and Envoy is linked against
_NAMED = ("libm.so.6", "librt.so.1", "libdl.so.2", "libpthread.so.0", "libnss_files.so.2",
          "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1")  # fmt: skip
_USERS = {
    "etc/passwd": "root:x:0:0::/:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/sh\n",
    "etc/group": "root:x:0:\nistio-proxy:x:1337:\n",
}


def node_root() -> Path:
    """Debian with systemd, containerd, runc, iptables and the CNI plugins."""
    return made("debian", [SUITE, *_NODE], _debootstrap)


def filtering_root() -> Path:
    """iptables, nft and conntrack with their libraries, those of Envoy, and a shell."""
    source = node_root()
    return made("root-filtering", [source, Path(__file__)], lambda out: _cut(source, out))


def _debootstrap(out: Path) -> None:
    _run(
        "debootstrap", "--variant=minbase", f"--include={','.join(_NODE)}",
        SUITE, str(out), _mirror(),
    )  # fmt: skip


def _mirror() -> str:
    """The one that this machine's apt uses for the suite; without one, debootstrap's own."""
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)",
         "Created-By: Packages"],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip
    rows = [line.split() for line in found.splitlines()]
    return next((row[0] for row in rows if row[1:] == [SUITE, "main"]), "")


def _cut(source: Path, out: Path) -> None:
    for folder in ("usr/sbin", "usr/bin", "usr/lib64", "etc", "tmp", "run", "var", str(_LIBRARIES)):
        (out / folder).mkdir(parents=True)
    for name in ("lib", "lib64", "sbin", "bin"):
        (out / name).symlink_to(f"usr/{name}")
    shutil.copytree(source / _LIBRARIES / "xtables", out / _LIBRARIES / "xtables", symlinks=True)
    for program in _FILTERING:
        shutil.copy2(source / program, out / program)
    modules = [str(_LIBRARIES / "xtables" / file.name) for file in _modules(out)]
    named = [str(_LIBRARIES / name) for name in _NAMED]
    for library in sorted({*_needed(source, [*_FILTERING, *modules, *named]), *named}):
        _copy_library(source, out, library)
    for command in _TABLES:
        (out / "usr/sbin" / command).symlink_to("xtables-nft-multi")
    (out / "usr/bin/sh").symlink_to("dash")
    for name, text in _USERS.items():
        (out / name).write_text(text)


def _modules(root: Path) -> list[Path]:
    return sorted((root / _LIBRARIES / "xtables").glob("*.so"))


def _needed(root: Path, files: Iterable[str]) -> set[str]:
    """The libraries that these load, by the names they ask for."""
    loader = _run("chroot", str(root), "ldd", *(f"/{file}" for file in files))
    words = (word for line in loader.splitlines() for word in line.split())
    return {word.lstrip("/") for word in words if word.startswith("/") and not word.endswith(":")}


def _copy_library(root: Path, out: Path, name: str) -> None:
    """Under the folder's real name: /lib is a link to /usr/lib there."""
    folder = (root / name).parent.resolve().relative_to(root.resolve())
    (out / folder).mkdir(parents=True, exist_ok=True)
    target = out / folder / Path(name).name
    if not target.exists():
        shutil.copy2(root / folder / Path(name).name, target)


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise MissingToolError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
