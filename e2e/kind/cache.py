"""Results kept by the digest of what they were made from, in the user's cache folder."""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

Ingredient = str | Path


def home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "migrate-e2e-kind"


def digest(ingredients: Iterable[Ingredient]) -> str:
    """Of texts, files, and folders of sources; a cached result counts by its name, which says it all."""
    found = hashlib.sha256()
    for one in ingredients:
        if isinstance(one, str):
            found.update(f"{one}\0".encode())
        elif one.is_relative_to(home()):
            found.update(f"{one.relative_to(home())}\0".encode())
        else:
            for file in _files(one):
                found.update(f"{file.name}\0{file.stat().st_mode:o}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def made(name: str, ingredients: Iterable[Ingredient], make: Callable[[Path], None]) -> Path:
    """The file or folder `name`, made by `make` unless the same was made before.

    It appears under its final name only when it is whole, so a run that is killed leaves nothing to trust.
    """
    stem, dot, suffix = name.partition(".")
    path = home() / f"{stem}-{digest(ingredients)}{dot}{suffix}"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    began = time.monotonic()
    say(f"making {name} …")
    try:
        make(partial)
        partial.rename(path)
    finally:
        remove(partial)
    say(f"  {name}: {time.monotonic() - began:.0f} s")
    return path


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _files(path: Path) -> list[Path]:
    return sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
