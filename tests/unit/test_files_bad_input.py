"""What cannot be read is said with its place; what stands beside it is read all the same."""

import gzip
import io
import os
import tracemalloc
from pathlib import Path

import pytest

from migrator.adapters import sources
from migrator.adapters.files import read_sources
from migrator.errors import ManifestError
from migrator.model.snapshot import Snapshot

GOOD = "apiVersion: v1\nkind: Service\nmetadata: {name: good, namespace: shop}\n"
HEAD = "apiVersion: v1\nkind: Service\nmetadata: {name: bad, namespace: shop}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad, namespace: shop}\nspec:\n"
BOMB = (
    "x: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905
)  # fmt: skip

# (text of the broken document, its line that is named, words of the reason)
BROKEN = {
    "broken yaml": (HEAD + "spec: [1, 2\n", 5, "not valid YAML"),
    "a tab": (HEAD + "spec:\n\tports: []\n", 5, "never with tabs"),
    "a template": (HEAD + "spec: {{ .Values.spec }}\n", 4, "helm template"),
    "a key twice": (HEAD + "spec: {}\nkind: Service\n", 5, "the key kind stands twice"),
    "a key twice, deep": (HEAD + "spec:\n  ports:\n  - port: 1\n    port: 2\n", 7, "twice"),
    "no kind": ("apiVersion: v1\nmetadata: {name: bad}\n", 1, "it has no kind"),
    "no apiVersion": ("kind: Service\nmetadata: {name: bad}\n", 1, "has no apiVersion"),
    "no name": ("apiVersion: v1\nkind: Service\nmetadata:\n  labels: {}\n", 3, "no metadata.name"),
    "no metadata": ("apiVersion: v1\nkind: Service\n", 1, "no metadata.name"),
    "a text": ("just words\n", 1, "no Kubernetes object: the text 'just words'"),
    "a list": ("- a\n- b\n", 1, "a list where a mapping should be"),
    "a kustomization": (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        1, "kubectl kustomize",
    ),
    "a name that is a number": (HEAD.replace("bad", "12"), 3, "put it in quotes"),
    "a name that is no name": (HEAD.replace("bad", "Bad_Name"), 3, "not a name"),
    "a terminal escape in a name": (HEAD.replace("bad", r'"\e[31mbad"'), 3, r"\x1b[31mbad"),
    "a terminal escape in a kind": ('apiVersion: v1\nkind: "\\e[2J"\n', 2, r"\x1b[2J"),
    "a terminal escape in a value": (
        HEAD + 'spec:\n  externalName: "a\\e]0;title\\a"\n', 5, "control characters in spec.externalName",
    ),
    "a text that turns around": (HEAD + "spec: {externalName: a\u202eb}\n", 4, "control characters"),
    "a label that is no label": (
        HEAD.replace("shop}", "shop, labels: {app: a b}}"), 3, "the label app: 'a b'",
    ),
    "a label that is a number": (
        HEAD.replace("shop}", "shop, labels: {app: 1}}"), 3, "metadata.labels.app must be text",
    ),
    "a selector that is a list": (HEAD + "spec:\n  selector: [a]\n", 5, "must be a mapping"),
    "a port that is a text": (
        HEAD + "spec:\n  ports:\n  - name: http\n    port: eighty\n", 7,
        "spec.ports[0].port must be a whole number, not the text 'eighty'",
    ),
    "containers that are a mapping": (POD + "  containers: {name: a}\n", 5, "must be a list"),
    "a null in a list": (POD + "  containers:\n  - ~\n", 6, "must be a mapping, not nothing"),
    "an owner without a name": (
        POD.replace("shop}", "shop, ownerReferences: [{apiVersion: v1, kind: A}]}"), 3,
        "ownerReferences[0].name must be given",
    ),
    "an alias bomb": (HEAD + BOMB, 7, "aliases expand to far more"),
    "an alias of itself": (HEAD + "spec: &s {a: *s}\n", 4, "names nothing"),
    "deep nesting": (HEAD + "spec: " + "[" * 50_000 + "\n", 4, "deeper than 100"),
    "deep block nesting": (HEAD + "spec:\n  " + "- " * 50_000 + "\n", 5, "deeper than 100"),
    "an unknown tag": (HEAD + "spec: !!python/object:os.system {}\n", 4, "is not supported"),
    "binary data": (HEAD + "spec: !!binary aGk=\n", 4, "is not supported"),
    "a document that is too large": (HEAD + f"spec: {{externalName: {'a' * 9_000_000}}}\n", 1, "8 MiB"),
    "one page of a list": (
        "apiVersion: v1\nkind: List\nmetadata: {continue: abc}\nitems: []\n", 1, "one page",
    ),
    "a list of no objects": ("apiVersion: v1\nkind: List\nitems: {}\n", 1, "no list of objects"),
    "a list in a list, for ever": (
        "apiVersion: v1\nkind: List\nitems: " + "[{kind: List, items: " * 9 + "[]" + "}]" * 9 + "\n",
        3, "no list of objects",
    ),
    "an item that is broken": (
        "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  apiVersion: v1\n- {a: [}\n", 6, "not valid YAML",
    ),
    "json that ends early": ('{"apiVersion": "v1",\n "kind": ', 2, "not valid JSON"),
    "json with a colon too few": ('{"apiVersion": "v1",\n "kind" "Service"}', 2, "not valid JSON"),
    "json with an escape": (
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "\\u001b[31m"}}', 1, r"\x1b",
    ),
    "deep json": ('{"a":' * 50_000 + "1" + "}" * 50_000, 1, "nested"),
}  # fmt: skip


def snapshot_of(text: str | bytes, folder: Path) -> Snapshot:
    (folder / "good.yaml").write_text(GOOD)
    (folder / "bad.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_sources([str(folder)]).snapshot


@pytest.mark.parametrize(("text", "line", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_document_is_named_with_its_line(
    text: str, line: int, words: str, tmp_path: Path
) -> None:
    snapshot = snapshot_of(text, tmp_path)

    (unread,) = snapshot.unread
    assert unread.where == f"{tmp_path}/bad.yaml:{line}"
    assert words in unread.reason
    assert unread.reason.isprintable()
    assert [r.name for r in snapshot] == ["good"]


@pytest.mark.parametrize(("text", "line", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_document_spoils_no_neighbour(
    text: str, line: int, words: str, tmp_path: Path
) -> None:
    """The documents before and after it are read, and its line counts from the file's start."""
    before, after = (GOOD.replace("good", name) for name in ("before", "after"))

    snapshot = snapshot_of(f"{before}---\n{text.rstrip()}\n---\n{after}", tmp_path)

    (unread,) = snapshot.unread
    assert unread.where == f"{tmp_path}/bad.yaml:{line + 4}"
    assert words in unread.reason
    assert [r.name for r in snapshot] == ["after", "before", "good"]


FILES = {
    "a binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary file"),
    "utf-16": (GOOD.encode("utf-16"), "save it as UTF-8"),
    "not utf-8": (GOOD.encode() + b"# caf\xe9\n", "not UTF-8"),
    "not utf-8, in json": (b'{"kind": "caf\xe9"}', "UTF-8"),
    "compressed by someone else": (b"\x1f\x8b\x08\0" + bytes(20), "The snapshot is damaged"),
}


@pytest.mark.parametrize(("data", "words"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_text_and_the_only_source_stops(
    data: bytes, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(data)

    with pytest.raises(ManifestError) as stop:
        read_sources([str(file)])

    assert words in stop.value.summary
    assert stop.value.path == str(file)


def test_a_compressed_file_of_another_kind_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mesh.gz"
    file.write_bytes(gzip.compress(GOOD.encode()))

    with pytest.raises(ManifestError, match="no snapshot"):
        read_sources([str(file)])


NOTHING = {
    "no file": ("missing.yaml", "There is no"),
    "an empty folder": ("empty", "holds no manifests"),
    "an empty file": ("empty.yaml", "no Kubernetes objects"),
    "comments only": ("comments.yaml", "no Kubernetes objects"),
}


@pytest.mark.parametrize(("name", "words"), NOTHING.values(), ids=NOTHING.keys())
def test_nothing_to_read_stops(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text(GOOD)
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "comments.yaml").write_text("# nothing\n---\n# still nothing\n")

    with pytest.raises(ManifestError, match=words) as stop:
        read_sources([str(tmp_path / name)])

    assert stop.value.path == str(tmp_path / name)
    assert stop.value.hint


def test_the_first_problem_is_named_when_nothing_could_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: [\n")
    (tmp_path / "b.yaml").write_text("words\n")

    with pytest.raises(
        ManifestError, match=r"not valid YAML.*\(1 more could not be read\)"
    ) as stop:
        read_sources([str(tmp_path)])

    assert stop.value.detail == f"{tmp_path}/a.yaml:2"


@pytest.mark.parametrize("again", [GOOD, GOOD.replace("v1\n", "v1\nspec: {type: ClusterIP}\n")])
def test_an_object_that_stands_twice_is_named_in_both_places(again: str, tmp_path: Path) -> None:
    """Whichever is read first, the same one is kept."""
    (tmp_path / "a.yaml").write_text(f"---\n{GOOD}")
    (tmp_path / "b.yaml").write_text(again)
    one, other = str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")

    forth, back = read_sources([one, other]).snapshot, read_sources([other, one]).snapshot

    (unread,) = forth.unread
    places = {f"{one}:2", f"{other}:1"}
    assert {place for place in places if place in f"{unread.where} {unread.reason}"} == places
    assert "keep one of them" in unread.reason
    assert (forth.unread, forth.digest()) == (back.unread, back.digest())


def test_owners_in_a_circle_are_named(tmp_path: Path) -> None:
    owned = (
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata:\n  name: {}\n  ownerReferences:\n"
        "  - {{apiVersion: apps/v1, kind: ReplicaSet, name: {}, controller: true}}\n"
    )
    (tmp_path / "a.yaml").write_text(
        "---\n".join(owned.format(*pair) for pair in ("ab", "bc", "ca"))
    )

    snapshot = read_sources([str(tmp_path)]).snapshot

    (unread,) = snapshot.unread
    ring = " → ".join(f"ReplicaSet/default/{name}" for name in "abca")
    assert unread.reason == f"owner references form a cycle: {ring}"
    assert unread.where == f"{tmp_path}/a.yaml:1"


def test_what_the_system_refuses_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder and a file without permission; nothing that was not read is called complete."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "zzz.yaml").write_text(GOOD)
    scandir, read = os.scandir, open

    def closed(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    def refusing(path: str, mode: str) -> object:
        if path.endswith("zzz.yaml"):
            raise PermissionError(13, "Permission denied", path)
        return read(path, mode)

    monkeypatch.setattr(sources.os, "scandir", closed)
    monkeypatch.setattr(sources, "open", refusing, raising=False)

    snapshot = read_sources([str(tmp_path)]).snapshot

    assert [(u.where, u.reason) for u in snapshot.unread] == [
        (f"{tmp_path}/closed", "cannot be read: Permission denied"),
        (f"{tmp_path}/zzz.yaml", "cannot be read: Permission denied"),
    ]
    assert len(snapshot) == 1


def test_a_long_path_is_named_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with pytest.raises(ManifestError) as stopped:
        read_sources([str(folder / "missing.yaml")])
    assert stopped.value.path == str(folder / "missing.yaml")


def test_a_file_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "a\x1b[31m.yaml").write_text(GOOD)

    (unread,) = read_sources([str(tmp_path)]).snapshot.unread

    assert unread.where == f"{tmp_path}/a\\x1b[31m.yaml"
    assert "control characters" in unread.reason


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 1024 * 1024)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * 1024 * 1024)

    (unread,) = read_sources([str(tmp_path)]).snapshot.unread

    assert unread.where == f"{tmp_path}/large.yaml"
    assert "larger than 1 MiB" in unread.reason


def test_a_long_file_is_read_in_little_more_than_its_own_size(tmp_path: Path) -> None:
    """One object at a time: what is not kept is gone before the next one is parsed."""
    note = "x" * 100_000
    secret = (
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData: {{a: {note}}}\n---\n"
    )
    data = (secret * 100 + GOOD).encode()
    tracemalloc.start()
    try:
        snapshot = read_sources(["-"], stdin=io.BytesIO(data)).snapshot
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert snapshot.unknown == {"Secret": 100}
    assert peak < 3 * len(data)
