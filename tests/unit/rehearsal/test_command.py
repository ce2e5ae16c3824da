"""The command: what it takes for a plan, how it stops, what it refuses."""

import os
import signal

import pytest
from typer.testing import CliRunner

from migrator.cli import app, rehearsal_world, rehearsing
from tests.rehearsing import EXAMPLES, FakeProvider, tools

SHOP = str(EXAMPLES / "shop" / "mesh")
WHERE = rehearsing.Where("", "", None, "")


def invoke(*arguments, provider=None, monkeypatch=None):
    if provider is not None:
        monkeypatch.setattr(rehearsal_world, "provider_of", lambda _: provider)
        monkeypatch.setattr(
            rehearsal_world, "tools", lambda watcher: tools(provider.last)._replace(watcher=watcher)
        )
    return CliRunner().invoke(app, ["rehearse", *arguments])


@pytest.mark.parametrize("form", ["text", "markdown", "json", "junit"])
def test_a_source_is_planned_rehearsed_and_reported(monkeypatch, form):
    provider = FakeProvider()
    done = invoke(SHOP, "--fault", "none", "-o", form, provider=provider, monkeypatch=monkeypatch)
    assert done.exit_code == 0, done.output
    assert {"text": "REHEARSAL PASSED", "markdown": "# Rehearsal: passed", "json": '"verdict": "passed"',
            "junit": "<testsuite "}[form] in done.stdout  # fmt: skip
    assert provider.last.deleted


def test_a_plan_file_is_rehearsed_as_it_is(tmp_path):
    file = tmp_path / "plan.yaml"
    CliRunner().invoke(app, ["plan", SHOP, "-o", str(file)])
    found = rehearsing.subject([str(file)], WHERE)
    assert found.plan.header.snapshot == found.mesh.snapshot.digest()
    assert rehearsing.subject([SHOP], WHERE).plan.steps()


def test_leftovers_are_deleted_and_named(monkeypatch):
    provider = FakeProvider()
    gone = []
    monkeypatch.setattr(provider, "remove", gone.append)
    done = invoke("--clean", provider=provider, monkeypatch=monkeypatch)
    assert gone == ["one"]
    assert "deleted one" in done.stderr
    assert "left alone two: somebody uses it" in done.stderr
    forced = invoke("--clean", "--force", provider=provider, monkeypatch=monkeypatch)
    assert gone == ["one", "one", "two"]
    assert "deleted two" in forced.stderr


def test_nothing_to_delete_is_said(monkeypatch):
    provider = FakeProvider()
    monkeypatch.setattr(provider, "leftovers", tuple)
    done = invoke("--clean", provider=provider, monkeypatch=monkeypatch)
    assert done.exit_code == 0
    assert "no rehearsal left anything behind" in done.stderr


def test_nothing_is_forced_but_cleaning():
    done = invoke(SHOP, "--force")
    assert done.exit_code == 2
    assert "--clean" in done.stderr


def test_a_control_plane_cannot_be_kept():
    done = invoke(SHOP, "--provider", "controlplane", "--keep")
    assert done.exit_code == 2
    assert "--keep" in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_and_a_second_disturbs_no_clean_up(sign):
    cleaned = []
    with pytest.raises(rehearsing.InterruptedRehearsalError), rehearsing.interruptible():  # noqa: PT012
        try:
            os.kill(os.getpid(), sign)
            signal.pause()
        finally:
            os.kill(os.getpid(), sign)
            cleaned.append("all")
    assert cleaned == ["all"]
