"""`migrate rehearse --provider controlplane`, as a user runs it: a sound plan passes.

Real: API server, controllers, admission, injection, istiod and what it tells every proxy. Simulated: every
call, kubelets, istio-cni.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from .applying import ROOT
from .meshes import EXAMPLES
from .rehearsal import PREFIX

BOOKINFO = Path(__file__).parent / "manifests" / "bookinfo"
CORPUS = "MIGRATE_E2E_MESHES"  # a folder of meshes, each a folder of its own: rehearsed too
PROVIDER = ("--provider", "controlplane")
COMMAND = [sys.executable, "-m", "migrator"]
ENROLMENT, WAYPOINT = "pods-never-enrol", "waypoint-never-ready"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, cwd=ROOT,
        env=environment(), timeout=1500,
    )  # fmt: skip


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def rehearsed(*arguments: str, faults: tuple[str, ...] = ("none",)) -> tuple[int, dict[str, Any]]:
    chosen = [part for fault in faults for part in ("--fault", fault)]
    done = run("rehearse", *arguments, *chosen, *PROVIDER, "--patience", "60", "-o", "json")
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout)


def calls_of(mesh: str) -> tuple[str, ...]:
    calls = EXAMPLES / mesh / "calls.yaml"
    return ("--calls", str(calls)) if calls.exists() else ()


MESHES: list[tuple[str, Path, tuple[str, ...]]] = [("bookinfo", BOOKINFO, (WAYPOINT,))]
_OWN = Path(os.environ.get(CORPUS, "/nowhere"))
MESHES += [(one.name, one, (ENROLMENT,)) for one in sorted(_OWN.glob("*/"))]


@pytest.mark.parametrize(("mesh", "source", "faults"), MESHES, ids=[one[0] for one in MESHES])
def test_a_sound_plan_passes_and_stops_at_every_fault(mesh, source, faults):
    code, report = rehearsed(str(source), *calls_of(mesh), faults=faults)
    assert [one["fault"] for one in report["faults"]] == list(faults)
    for one in report["faults"]:
        assert (one["stopped"], one["rolled_back"], one["differs"]) == (True, True, []), one
    assert (code, report["verdict"]) == (0, "passed"), report["reasons"]
    assert [one for one in report["incidents"] if not one["expected"]] == []
    assert min(report["baseline"]["allowed"], report["baseline"]["denied"]) > 0
    assert report["samples"] == report["simulated_samples"] > 0
    assert report["steps"]


def test_what_a_killed_one_left_is_found_and_deleted():
    leftover = Path(tempfile.mkdtemp(prefix=PREFIX))
    (leftover / "owner").write_text("4194304")  # no process has this id: the largest is one less
    done = run("rehearse", *PROVIDER, "--clean")
    assert done.returncode == 0
    assert str(leftover) in done.stderr
    assert not leftover.exists()
