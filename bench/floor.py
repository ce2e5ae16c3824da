"""The least that reading files costs: each parsed by the fastest parser at hand, and forgotten."""

import gzip
from pathlib import Path

import msgspec
import yaml


def parse(source: str) -> None:
    """Parse every file of a folder, or a saved snapshot."""
    path = Path(source)
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        if file.suffix == ".gz":
            with gzip.open(file) as lines:
                for line in lines:
                    msgspec.json.decode(line)
        elif file.suffix == ".json":
            msgspec.json.decode(file.read_bytes())
        else:
            for _ in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader):
                pass
