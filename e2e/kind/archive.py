"""An image of one layer as a docker-archive, written without an engine; same parts, same bytes."""

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .cache import Ingredient, made

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """A name, and what is in it: files by the place they get, over a root folder if there is one."""

    name: str
    files: Mapping[str, Path] = field(default_factory=dict)
    entrypoint: Sequence[str] = ()
    user: str = ""
    root: Path | None = None

    def archive(self) -> Path:
        """The docker-archive of it, in the cache."""
        parts = [
            f"{place}={source.stat().st_mode:o}" for place, source in sorted(self.files.items())
        ]
        ingredients: list[Ingredient] = [
            self.name, *self.entrypoint, self.user, *parts, Path(__file__), *self.files.values(),
        ]  # fmt: skip
        if self.root:
            ingredients.append(self.root)
        short = self.name.rpartition("/")[2].partition(":")[0]
        return made(f"images/{short}.tar", ingredients, self._write)

    def _write(self, out: Path) -> None:
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            layer = Path(folder) / "layer.tar"
            with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
                self._fill(tar)
            with layer.open("rb") as data:
                identity = hashlib.file_digest(data, "sha256").hexdigest()
            self._wrap(out, layer, identity)

    def _fill(self, tar: tarfile.TarFile) -> None:
        there = {PurePosixPath(".")}
        if self.root:
            for path in sorted(self.root.rglob("*")):
                name = path.relative_to(self.root)
                tar.add(path, str(name), recursive=False, filter=_anonymous)
                there.add(PurePosixPath(name))
        for name, mode in (("tmp", 0o1777), ("etc", 0o755)):
            _folder(tar, PurePosixPath(name), mode, there)
        for place, source in sorted(self.files.items()):
            name = PurePosixPath(place.lstrip("/"))
            for parent in reversed(name.parents):
                _folder(tar, parent, 0o755, there)
            tar.add(source, str(name), filter=_anonymous)

    def _wrap(self, out: Path, layer: Path, identity: str) -> None:
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": "1970-01-01T00:00:00Z",
                "config": {
                    "Env": [_PATH],
                    "WorkingDir": "/",
                    "User": self.user,
                    "Entrypoint": list(self.entrypoint),
                },
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{identity}"]},
            }
        ).encode()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        entry = {"Config": name, "RepoTags": [self.name], "Layers": [f"{identity}/layer.tar"]}
        with tarfile.open(out, "w") as tar:
            _text(tar, name, config)
            tar.add(layer, f"{identity}/layer.tar", filter=_anonymous)
            _text(tar, "manifest.json", json.dumps([entry]).encode())


def _folder(
    tar: tarfile.TarFile, name: PurePosixPath, mode: int, there: set[PurePosixPath]
) -> None:
    if name in there:
        return
    info = tarfile.TarInfo(str(name))
    info.type = tarfile.DIRTYPE
    info.mode = mode
    tar.addfile(info)
    there.add(name)


def _text(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(data))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    return info
