"""The node image for `kind create cluster --image`: Debian, kubelet, kubeadm and the control plane's images.

kind's own images cannot be had without a registry. What a node image must hold is said in kind's
pkg/build/nodeimage; the control plane's images are those that `kubeadm config images list` names.
"""
# ruff: noqa: S607

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from e2e.processes import Child

from . import cache
from .archive import Image
from .binaries import COREDNS, ETCD, KUBERNETES, binary
from .debian import filtering_root, node_root

OVERLAY = Path(__file__).parent / "node"
PAUSE = "3.10.1"
_REPOSITORY = "registry.k8s.io"  # the name that kubeadm asks for; nothing is pulled
_PROGRAMS = ("kubelet", "kubeadm", "kubectl")
_UNWANTED = (
    "getty.target", "getty-static.service", "console-getty.service", "systemd-logind.service",
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-kernel.socket",
    "systemd-udevd-control.socket", "systemd-modules-load.service", "systemd-remount-fs.service",
    "systemd-journald-audit.socket", "systemd-timesyncd.service", "systemd-firstboot.service",
    "systemd-binfmt.service", "systemd-sysctl.service", "tmp.mount", "dev-hugepages.mount",
    "dev-mqueue.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "apt-daily.timer",
    "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "dpkg-db-backup.timer",
    "fstrim.timer", "nftables.service", "modprobe@.service", "kmod-static-nodes.service",
)  # fmt: skip
_DROPPED = (
    "var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale",
    "usr/share/info", "var/log", "var/lib/containerd", "etc/machine-id", "etc/resolv.conf", "etc/hostname",
)  # fmt: skip


def components() -> list[Image]:
    """What kubeadm runs as containers."""
    found = [
        Image(f"{_REPOSITORY}/{name}:{KUBERNETES}", {f"/usr/local/bin/{name}": binary(name)})
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ]
    proxy = {"/usr/local/bin/kube-proxy": binary("kube-proxy")}
    return [
        *found,
        Image(f"{_REPOSITORY}/kube-proxy:{KUBERNETES}", proxy, root=filtering_root()),
        Image(f"{_REPOSITORY}/etcd:{ETCD}", {"/usr/local/bin/etcd": binary("etcd")}),
        Image(
            f"{_REPOSITORY}/coredns/coredns:{COREDNS}",
            {"/coredns": binary("coredns")},
            ["/coredns"],
        ),
        Image(
            f"{_REPOSITORY}/pause:{PAUSE}",
            {"/pause": binary("pause")},
            ["/pause"],
            user="65535:65535",
        ),
    ]


def node_archive() -> Path:
    """The node's whole root folder as a tar file, for `docker import`."""
    images = [image.archive() for image in components()]
    programs = {name: binary(name) for name in _PROGRAMS}
    root = node_root()
    ingredients = [root, OVERLAY, Path(__file__), *images, *programs.values()]
    return cache.made("node.tar", ingredients, lambda out: _assemble(out, root, programs, images))


def _assemble(out: Path, root: Path, programs: dict[str, Path], images: list[Path]) -> None:
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        node = Path(folder) / "node"
        subprocess.run(["cp", "--archive", str(root), str(node)], check=True)
        for name in _DROPPED:
            cache.remove(node / name)
        for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log"):
            (node / name).mkdir(parents=True)
        subprocess.run(["cp", "--archive", f"{OVERLAY}/.", str(node)], check=True)
        (node / "kind/version").write_text(KUBERNETES)
        for name, path in programs.items():
            shutil.copy2(path, node / "usr/bin" / name)
        _arrange(node)
        _preload(node / "var/lib/containerd", images, Path(folder))
        subprocess.run(
            ["tar", "--numeric-owner", "-C", str(node), "-cf", str(out), "."], check=True
        )


def _arrange(node: Path) -> None:
    """Units that start, units that never do, and the CNI plugins where kind's users look for them."""
    units = node / "etc/systemd/system"
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    links = {
        units / "default.target": "/lib/systemd/system/multi-user.target",
        wanted / "containerd.service": "/lib/systemd/system/containerd.service",
        wanted / "kubelet.service": "/etc/systemd/system/kubelet.service",
        wanted / "node-network.service": "/etc/systemd/system/node-network.service",
        **{units / name: "/dev/null" for name in _UNWANTED},
        **{
            node / "opt/cni/bin" / plugin.name: f"/usr/lib/cni/{plugin.name}"
            for plugin in (node / "usr/lib/cni").iterdir()
        },
    }
    (node / "opt/cni/bin").mkdir(parents=True)
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _preload(store: Path, images: list[Path], folder: Path) -> None:
    """Import the images into the node's store with a containerd of our own, without unpacking them."""
    store.mkdir(parents=True)
    with _containerd(store, folder) as socket:
        for image in images:
            subprocess.run(
                ["ctr", "--address", socket, "--namespace", "k8s.io", "images", "import",
                 "--all-platforms", "--no-unpack", str(image)],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip


@contextlib.contextmanager
def _containerd(store: Path, folder: Path) -> Iterator[str]:
    socket = str(folder / "containerd.sock")
    config = folder / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{store}"\nstate = "{folder / "state"}"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
    )
    child = Child("containerd", ["containerd", "--config", str(config)], folder / "containerd.log")
    try:
        child.wait_until(lambda: _serves(socket), 30, "its socket did not answer")
        yield socket
    finally:
        child.stop()


def _serves(socket: str) -> bool:
    asked = ["ctr", "--address", socket, "version"]
    return (
        Path(socket).exists()
        and not subprocess.run(asked, check=False, capture_output=True).returncode
    )
