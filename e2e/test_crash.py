"""The crash law on a real control plane: a run that is killed at every API write of a plan, one after
the other, ends as one that nobody killed, and a rollback that is killed so ends where it all began.

Real: API server, controllers, admission, injection, istiod, every command and every SIGKILL. Simulated:
pods are Ready without running (kwok), and istio-cni's annotation is written by a stand-in.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from . import applying, meshes
from .cni_standin import CniStandIn
from .controlplane import ControlPlane

EXAMPLE = "shop"
DISTURBANCES = {"restart-workload", "patch-template"}


class Attempts(NamedTuple):
    """What `e2e.killed` says: the exit code, how many attempts were killed, the writes of all of them."""

    code: int
    kills: int
    writes: int
    words: str


class Begun(NamedTuple):
    """A command that is going on, its journal, and what it says."""

    process: "subprocess.Popen[bytes]"
    journal: Path
    output: Path

    def entries(self) -> int:
        return self.journal.read_text().count("\n") if self.journal.exists() else 0

    def waits(self) -> int:
        """How often the run has begun to wait for the API server."""
        return len(re.findall(r"waiting 0 s: the (cluster|API server)", self.words()))

    def words(self) -> str:
        return self.output.read_text()


class Shop:
    """The example as it is before anything is done, and its plan with everything acknowledged."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self.spaces = applying.install(plane, meshes.documents(EXAMPLE))
        self.before = self.image()
        calls = meshes.EXAMPLES / EXAMPLE / "calls.yaml"
        self.plan = applying.planned(plane, folder, self.spaces, "--calls", str(calls))

    def image(self) -> str:
        return applying.image(self.plane, self.spaces)

    def changed(self) -> list[str]:
        """Lines that are not as before; the garbage collector may need a moment for what a waypoint owned."""
        meshes.eventually(lambda: self.image() == self.before, 60)
        found = difflib.unified_diff(
            self.before.splitlines(), self.image().splitlines(), lineterm=""
        )
        return list(found)

    def rolled(self) -> Counter[str]:
        """How often each workload was rolled: the number that its controller gives to revisions."""
        found: Counter[str] = Counter()
        for body in self.plane.get("replicasets,controllerrevisions", "-A")["items"]:
            meta = body["metadata"]
            if meta["namespace"] in self.spaces and meta.get("ownerReferences"):
                note = meta.get("annotations", {}).get("deployment.kubernetes.io/revision", 0)
                name = meta["ownerReferences"][0]["name"]
                found[name] = max(found[name], int(body.get("revision") or note))
        return found

    def to_roll(self) -> Counter[str]:
        """How often the plan rolls each workload, and a waypoint that it makes is new."""
        plan = yaml.safe_load(self.plan.read_text())
        steps = [s for p in plan["phases"] for w in p["waves"] for s in w["steps"]]
        return Counter(s["target"]["name"] for s in steps if s["kind"] in DISTURBANCES)

    def forget(self) -> None:
        """Both places of the record, as if no plan had ever been applied."""
        self.plan.with_suffix(".journal").unlink(missing_ok=True)
        self.forget_in_cluster()

    def forget_in_cluster(self) -> None:
        labels = "app.kubernetes.io/managed-by=migrate"
        self.plane.kubectl("delete", "configmaps", "-n", applying.ROOT_NAMESPACE, "-l", labels)

    @contextmanager
    def begun(self, command: str) -> Iterator["Begun"]:
        """The command, going on; ended at last."""
        output = self.plan.with_suffix(".words")
        with output.open("w") as words:
            process = subprocess.Popen(
                [sys.executable, "-m", "migrator", command, str(self.plan), "--yes"],
                stdout=words, stderr=words, cwd=applying.ROOT, env=self._environment(),
            )  # fmt: skip
            try:
                yield Begun(process, self.plan.with_suffix(".journal"), output)
            finally:
                process.kill()
                process.wait()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KUBECONFIG": str(self.plane.kubeconfig),
            "PYTHONPATH": str(applying.ROOT),
        }

    def run(self, mode: str, command: str, plan: Path | None = None) -> Attempts:
        arguments = [mode, "--", command, str(plan or self.plan), "--yes"]
        done = subprocess.run(
            [sys.executable, "-m", "e2e.killed", *arguments],
            check=False, capture_output=True, text=True, cwd=applying.ROOT, timeout=900,
            env=self._environment(),
        )  # fmt: skip
        kills, writes = map(int, done.stdout.split()[-2:])
        return Attempts(done.returncode, kills, writes, done.stderr[-3000:])


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with (
        tempfile.TemporaryDirectory(prefix="migrate-e2e-") as folder,
        ControlPlane(Path(folder)) as plane,
    ):
        plane.install_istio("ambient")
        with CniStandIn(plane):
            yield Shop(plane, Path(folder))


@pytest.fixture(scope="module")
def straight(shop: Shop) -> dict[str, int]:
    """How many writes an apply and a rollback make that nobody kills."""
    found = {command: shop.run("never", command) for command in ("apply", "rollback")}
    for one in found.values():
        assert one.code == 0, one.words
    assert shop.changed() == []
    return {command: one.writes for command, one in found.items()}


@pytest.mark.parametrize(("forth", "back"), [("after", "before"), ("before", "after")])
def test_killed_at_every_write(shop: Shop, straight: dict[str, int], forth: str, back: str) -> None:
    shop.forget()
    once = shop.rolled()
    applied = shop.run(forth, "apply")
    assert applied.code == 0, applied.words
    assert (applied.kills, applied.writes) == _points(forth, straight["apply"])
    verified = applying.migrate(shop.plane, "verify", str(shop.plan))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert _moved(shop, once) == shop.to_roll()

    undone = shop.run(back, "rollback")
    assert undone.code == 0, undone.words
    assert (undone.kills, undone.writes) == _points(back, straight["rollback"])
    assert shop.changed() == []


def test_either_place_of_the_record_is_enough(
    shop: Shop, straight: dict[str, int], tmp_path: Path
) -> None:
    """Killed three times on the way: then without the file, without the ConfigMaps, in another folder."""
    shop.forget()
    third = straight["apply"] // 3
    once = shop.rolled()
    journal = shop.plan.with_suffix(".journal")
    _killed(shop.run(f"after:{third}", "apply"))
    journal.unlink()

    _killed(shop.run(f"after:{third}", "apply"))
    assert journal.exists()
    shop.forget_in_cluster()

    _killed(shop.run("after:12", "apply"))
    for suffix in (".yaml", ".snapshot"):
        shutil.copy(shop.plan.with_suffix(suffix), tmp_path)

    elsewhere = tmp_path / shop.plan.name
    last = shop.run("never", "apply", elsewhere)
    assert last.code == 0, last.words
    assert _moved(shop, once) == shop.to_roll()
    undone = shop.run("never", "rollback", elsewhere)
    assert undone.code == 0, undone.words
    assert shop.changed() == []


def test_an_api_server_that_crashes_twice_in_mid_wave_is_waited_for(
    shop: Shop, straight: dict[str, int]
) -> None:
    """The run goes on by itself; nothing is made twice, nothing is lost."""
    shop.forget()
    once = shop.rolled()
    with shop.begun("apply") as run:
        for part in (1, 2):
            assert meshes.eventually(
                lambda part=part: run.entries() > part * straight["apply"] // 4, 60
            )
            shop.plane.kill("kube-apiserver")
            assert meshes.eventually(lambda part=part: run.waits() >= part, 60), run.words()
            shop.plane.restart("kube-apiserver")
        assert run.process.wait(240) == 0, run.words()
    assert _moved(shop, once) == shop.to_roll()
    verified = applying.migrate(shop.plane, "verify", str(shop.plan))
    assert verified.returncode == 0, verified.stdout + verified.stderr

    undone = shop.run("never", "rollback")
    assert undone.code == 0, undone.words
    assert shop.changed() == []


def _points(mode: str, writes: int) -> tuple[int, int]:
    """Kills and writes: not one write is made twice, and each is a point of death.

    After the last write there is still a process to kill; before the first one nothing was done.
    """
    return (writes if mode == "after" else writes - 1), writes


def _moved(shop: Shop, since: Counter[str]) -> Counter[str]:
    now = shop.rolled()
    return Counter({name: now[name] - since[name] for name in since if now[name] > since[name]})


def _killed(attempts: Attempts) -> None:
    assert attempts.kills == 1, attempts.words
