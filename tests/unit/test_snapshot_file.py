"""A saved snapshot is the same snapshot; anything else that claims to be one is refused."""

import gzip
from pathlib import Path

import msgspec
import pytest

from migrator.adapters import snapshot_file
from migrator.adapters.files import read_sources
from migrator.errors import ManifestError, MigrateError
from migrator.model.snapshot import Snapshot

MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{port: 80, name: http}], externalName: "caf\u00e9.example"}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
---
just words
"""


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "mesh.yaml").write_text(MESH)
    snapshot_file.save(read_sources([str(tmp_path / "mesh.yaml")]).snapshot, tmp_path / "mesh.gz")
    return tmp_path / "mesh.gz"


def told(snapshot: Snapshot) -> object:
    return (
        [(r.ref, r.body, r.origin) for r in snapshot],
        snapshot.unread,
        snapshot.unknown,
        snapshot.digest(),
    )


def rewritten(file: Path, *, header: dict[str, object] | None = None, body: str = "") -> Path:
    """`file` with other fields in its header, or with `body` as its only object."""
    first, *rest = gzip.decompress(file.read_bytes()).splitlines()
    fields = msgspec.json.decode(first) | (header or {})
    lines = [msgspec.json.encode(fields), *([f'{{"body":{body}}}'.encode()] if body else rest)]
    file.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    return file


def test_a_saved_snapshot_is_read_back_whole(saved: Path, tmp_path: Path) -> None:
    """With the places of its objects, what was not read, and what was counted."""
    original = read_sources([str(tmp_path / "mesh.yaml")]).snapshot

    again = read_sources([str(saved)]).snapshot

    assert told(again) == told(original)
    assert not again.complete


def test_the_same_snapshot_gives_the_same_bytes(saved: Path) -> None:
    again = read_sources([str(saved)]).snapshot

    assert snapshot_file.dump(again) == saved.read_bytes()


def test_a_snapshot_stands_beside_other_sources(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\n")

    names = [r.name for r in read_sources([str(saved), str(other)]).snapshot]

    assert names == ["shop", "cart", "pay"]


@pytest.mark.parametrize("at", [12, 40, -6])
def test_a_damaged_file_is_refused(at: int, saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[at] ^= 0x55
    saved.write_bytes(data)

    with pytest.raises(ManifestError) as stop:
        read_sources([str(saved)])

    assert stop.value.path == str(saved)


@pytest.mark.parametrize("length", [10, 60, -4])
def test_a_file_that_ends_early_is_refused(length: int, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:length])

    with pytest.raises(ManifestError):
        read_sources([str(saved)])


def test_a_newer_format_says_which_version_wrote_it(saved: Path) -> None:
    rewritten(saved, header={"version": 2, "tool": "9.9.9"})

    with pytest.raises(ManifestError, match="format 2") as stop:
        read_sources([str(saved)])

    assert "9.9.9" in stop.value.hint


def test_an_object_too_few_is_noticed(saved: Path) -> None:
    lines = gzip.decompress(saved.read_bytes()).splitlines(keepends=True)
    saved.write_bytes(gzip.compress(b"".join(lines[:-1])))

    with pytest.raises(ManifestError, match="not those that it was saved with"):
        read_sources([str(saved)])


FORGED = {
    "a wrong type": ('{"kind":"Service","spec":{"ports":7}}', "must be a list"),
    "an escape": ('{"kind":"Service","spec":{"externalName":"\\u001b[2J"}}', "control characters"),
    "no object": ("7", "no Kubernetes object"),
}


@pytest.mark.parametrize(("body", "words"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_object_passes_no_check_that_a_manifest_would_not(
    body: str, words: str, saved: Path
) -> None:
    """The digest is no signature: who can write the file can write the digest."""
    body = body.replace('"kind"', '"apiVersion":"v1","metadata":{"name":"a"},"kind"')
    digest = snapshot_file.Digest()
    digest.add(body.encode())
    rewritten(
        saved, header={"digest": digest.text(()), "unread": [], "unknown": {"A": 1}}, body=body
    )

    (unread,) = read_sources([str(saved)]).snapshot.unread

    assert words in unread.reason


def test_a_folder_that_is_not_there_is_said(saved: Path, tmp_path: Path) -> None:
    snapshot = read_sources([str(saved)]).snapshot

    with pytest.raises(MigrateError, match="cannot be written"):
        snapshot_file.save(snapshot, tmp_path / "missing" / "mesh.gz")
