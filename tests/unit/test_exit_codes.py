"""Every exit code that the README promises, from the command that gives it, on a cluster in memory.

On a real control plane: e2e/test_acceptance.py (1, 3 to 6, 8) and e2e/test_adversity.py (4 to 7).
"""

import re
import sys
from pathlib import Path

import pytest
import yaml

from migrator.adapters.fake import FakeClock, FakeCluster, MemoryJournal, Persons
from migrator.cli import main, world
from migrator.engine.lock import Holder, Lock
from migrator.istio import kinds
from migrator.model.resource import Ref

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "e2e" / "scenarios" / "plain.yaml"
NAMESPACE = Ref(*kinds.NAMESPACE, "", "scene")
pytestmark = pytest.mark.usefixtures("capsys")  # main prepares the streams that it finds
TARGET = ["--kubeconfig", "of-this-test"]


class Setting:
    """A plan, and the cluster in memory that the commands meet in place of a live one."""

    def __init__(self, folder, monkeypatch):
        self.plan = folder / "plan.yaml"
        self._patch = monkeypatch
        assert self.run("plan", str(SCENARIO), "-o", str(self.plan), "--soak", "0") in {0, 3}
        self.acknowledge()
        self.clock = FakeClock()
        self.cluster = FakeCluster.of(world.load_snapshot(self.plan), self.clock)
        self.cluster.install_ambient()
        self.journal = MemoryJournal()
        monkeypatch.setattr(world, "world", lambda path, _: self._world(path))

    def _world(self, path):
        return world.World(
            self.cluster, self.clock, self.journal, world.SnapshotReader(None, path),
            persons=lambda watcher, plan: Persons(watcher, self.cluster, plan),
        )  # fmt: skip

    def acknowledge(self, *, given=True):
        data = yaml.safe_load(self.plan.read_text())
        for one in data["acknowledgements"]:
            one["acknowledged"] = given
        self.plan.write_text(yaml.safe_dump(data))

    def run(self, *arguments):
        """The exit code of a whole command line."""
        self._patch.setattr(sys, "argv", ["migrate", *arguments])
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0
        return 0

    def command(self, name, *options):
        asked = ["--yes"] if name in {"apply", "rollback"} else []
        place = TARGET if name != "diff" else []
        return self.run(name, str(self.plan), *asked, *options, *place)

    def drift(self):
        """Somebody else changes a field that the plan is about."""
        label = {"istio.io/dataplane-mode": "none"}
        self.cluster.meddle(NAMESPACE, {"metadata": {"labels": label}})

    def lock(self):
        """Another run is under way."""
        other = Holder("another@laptop/1", lambda _: False)
        Lock(self.cluster, self.clock, "istio-system", other).acquire()


@pytest.fixture
def setting(tmp_path, monkeypatch):
    return Setting(tmp_path, monkeypatch)


def done(setting):
    return setting.command("apply")


def unreachable(setting):
    setting.cluster.faults.unreachable = True
    return setting.command("apply")


def usage(setting):
    return setting.command("apply", "--to", "no-such-checkpoint")


def blocked(setting):
    setting.acknowledge(given=False)
    return setting.command("apply")


def drifted(setting):
    setting.drift()
    return setting.command("apply")


def stopped(setting):
    setting.cluster.faults.cni = "never"
    return setting.command("apply")


def rolled_back(setting):
    setting.cluster.faults.cni = "never"
    return setting.command("apply", "--on-failure", "rollback")


def rollback_stands(setting):
    assert setting.command("apply") == 0
    setting.drift()
    return setting.command("rollback")


def locked(setting):
    setting.lock()
    return setting.command("apply")


def pending(setting):
    return setting.command("diff", "--detailed-exitcode")


CODES = {
    0: done, 1: unreachable, 2: usage, 3: blocked, 4: drifted, 5: stopped, 6: rolled_back,
    7: rollback_stands, 8: locked, 9: pending,
}  # fmt: skip


@pytest.mark.parametrize("code", CODES, ids=lambda code: f"{code}-{CODES[code].__name__}")
def test_a_command_ends_with(setting, code):
    assert CODES[code](setting) == code


@pytest.mark.parametrize("command", ["status", "verify"])
def test_drift_after_the_fact_is_4_too(setting, command):
    assert setting.command("apply") == 0
    assert setting.command(command) == 0
    setting.drift()
    assert setting.command(command) == 4


def test_the_readme_promises_these_and_no_others():
    table = re.findall(r"^\| (\d+) \| ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [int(code) for code in table] == sorted(CODES)
