"""What `make e2e-kind` builds with, without building: results kept by digest, images, narrowed requests."""

import tarfile

import pytest

from e2e.kind import __main__ as command
from e2e.kind import cache, stock_envoy
from e2e.kind.archive import Image
from e2e.kind.runtime import narrowed


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_same_ingredients_are_made_once():
    made = []

    def make(out):
        made.append(out)
        out.write_text("whole")

    first = cache.made("thing.txt", ["a"], make)
    again = cache.made("thing.txt", ["a"], make)
    other = cache.made("thing.txt", ["b"], make)

    assert first == again != other
    assert len(made) == 2


def test_what_is_interrupted_leaves_nothing_behind():
    def make(out):
        out.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.made("thing.txt", ["a"], make)

    assert not list(cache.home().iterdir())


def test_an_image_has_its_files_where_they_belong_and_the_same_bytes_each_time(tmp_path):
    program = tmp_path / "program"
    program.write_text("run")
    image = Image("example/app:1", {"/opt/bin/app": program}, ["/opt/bin/app"], user="1000")
    first = image.archive()
    before = first.read_bytes()
    first.unlink()
    program.touch()

    assert image.archive().read_bytes() == before
    with tarfile.open(first) as archive:
        layer = next(name for name in archive.getnames() if name.endswith("layer.tar"))
        with tarfile.open(fileobj=archive.extractfile(layer)) as files:
            assert {"opt", "opt/bin", "opt/bin/app", "tmp"} <= set(files.getnames())
            assert {member.uid for member in files} == {0}


def test_only_withheld_capabilities_are_taken_out():
    process = {"args": ["sh"], "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"]}}

    assert narrowed(process, {"CAP_SYS_RESOURCE"}) == {
        "args": ["sh"],
        "capabilities": {"bounding": ["CAP_CHOWN"]},
    }
    assert narrowed(process, set()) == process
    assert narrowed({"args": ["sh"]}, {"CAP_CHOWN"}) == {"args": ["sh"]}


def test_a_changed_bootstrap_template_is_noticed():
    with pytest.raises(AssertionError, match="has changed"):
        stock_envoy.bootstrap("{}")


def test_a_machine_that_cannot_ends_with_77_and_its_meaning(monkeypatch, capsys):
    monkeypatch.setattr(command, "lacking", lambda: ["`docker` is not on PATH"])
    assert command.main(["test"]) == 77
    *_, reason, last = capsys.readouterr().err.splitlines()
    assert "docker" in reason
    assert "NOT RUN" in last
    assert "77" in last
    monkeypatch.setattr(command, "lacking", list)
    assert command.main(["check"]) == 0
    assert capsys.readouterr().err == ""
