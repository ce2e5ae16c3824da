"""A real Prometheus server, as Debian packages it, with a history that a test writes.

The package is unpacked into the user's cache folder, keyed by its version; nothing is installed. One on
PATH, with its promtool, is used instead. The history becomes blocks by `promtool tsdb
create-blocks-from openmetrics`: counters that a mesh would have made, the rest is Prometheus's own work.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from .binaries import MissingToolError
from .processes import Child, answers, free_port

_PACKAGE = "prometheus"
_NAMES = ("prometheus", "promtool")


class Series(NamedTuple):
    """A counter: its name, its labels, and its value at each age in seconds."""

    name: str
    labels: Mapping[str, str]
    values: Mapping[int, float]


def binaries() -> tuple[Path, Path]:
    """Paths of prometheus and promtool. Raises MissingToolError with what is missing."""
    found = [shutil.which(name) for name in _NAMES]
    if all(found):
        return Path(str(found[0])), Path(str(found[1]))
    for tool in ("apt-get", "apt-cache", "dpkg"):
        if shutil.which(tool) is None:
            message = f"no Prometheus on PATH, and no {tool} to get Debian's package `{_PACKAGE}`"
            raise MissingToolError(message)
    version = _candidate() or _updated()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "migrate-e2e" / f"{_PACKAGE}-{version.replace(':', '_')}"
    if not folder.exists():
        _unpack(folder)
    return folder / "usr/bin/prometheus", folder / "usr/bin/promtool"


class Server:
    """A running Prometheus on a free loopback port; a context manager, ended by process id.

    `users` are names and bcrypt hashes that must be given, when there are any.
    """

    def __init__(self, series: Iterable[Series], users: Mapping[str, str] | None = None) -> None:
        self._series = tuple(series)
        self._users = users or {}
        self._port = free_port()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        server, promtool = binaries()
        self._folder = tempfile.TemporaryDirectory(prefix="migrate-e2e-prometheus-")
        folder = Path(self._folder.name)
        history, web, config = (folder / n for n in ("history.om", "web.yml", "prometheus.yml"))
        config.write_text("global: {}\n")
        users = "".join(f"  {name}: {digest}\n" for name, digest in self._users.items())
        web.write_text(f"basic_auth_users:\n{users}" if users else "")
        history.write_text(_openmetrics(self._series, time.time()))
        _run(
            [
                str(promtool),
                "tsdb",
                "create-blocks-from",
                "openmetrics",
                str(history),
                str(folder / "data"),
            ]
        )
        self._child = Child(
            "prometheus",
            [
                str(server), f"--config.file={config}", f"--web.config.file={web}",
                f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=60d",
                f"--web.listen-address={self.place}",
            ],
            folder / "prometheus.log",
        )  # fmt: skip
        try:
            self._child.wait_until(self._is_ready, 30, "/-/ready did not answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()
        self._folder.cleanup()

    def _is_ready(self) -> bool:
        """With users every page needs one of them, so the log says it."""
        if self._users:
            return "Server is ready" in self._child.tail(100)
        return answers(f"http://{self.place}/-/ready")


def _openmetrics(series: Iterable[Series], now: float) -> str:
    """The text form, families together and each series by time (OpenMetrics 1.0)."""
    families: dict[str, list[str]] = {}
    for name, labels, values in series:
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        families.setdefault(name, []).extend(
            f"{name}{{{text}}} {value} {now - age:.3f}"
            for age, value in sorted(values.items(), reverse=True)
        )
    lines = []
    for name, samples in families.items():
        lines += [f"# TYPE {name.removesuffix('_total')} counter", *samples]
    return "\n".join([*lines, "# EOF", ""])


def _candidate() -> str:
    said = _run(["apt-cache", "policy", _PACKAGE])
    for line in said.splitlines():
        if line.strip().startswith("Candidate:") and "(none)" not in line:
            return line.split()[-1]
    return ""


def _updated() -> str:
    _run(["apt-get", "update", "-qq"])
    version = _candidate()
    if not version:
        message = f"no Prometheus on PATH, and apt knows no package `{_PACKAGE}`"
        raise MissingToolError(message)
    return version


def _unpack(folder: Path) -> None:
    """Download the package and move it into place whole."""
    print(f"fetching Debian's {_PACKAGE} …", file=sys.stderr, flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{_PACKAGE}-") as text:
        partial = Path(text)
        sandbox = ("-o", f"APT::Sandbox::User={os.environ.get('USER') or 'root'}")
        _run(["apt-get", *sandbox, "download", "-qq", _PACKAGE], partial)
        (package,) = partial.glob("*.deb")
        _run(["dpkg", "-x", str(package), str(partial / "whole")])
        if not folder.exists():
            (partial / "whole").replace(folder)


def _run(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=300,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    if done.returncode:
        message = f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}"
        raise MissingToolError(message)
    return done.stdout
