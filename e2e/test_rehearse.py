"""`migrate rehearse --provider controlplane`, as a user runs it: a sound plan passes, a bad one fails.

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

from .applying import ROOT, edit_plan
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


def policy_of_the_waypoint_allows_all(data: dict[str, Any]) -> None:
    """As somebody writes it to make things work."""
    for phase in data["phases"]:
        for wave in phase["waves"]:
            for step in wave["steps"]:
                if step["id"].startswith("expand.copy."):
                    step["manifest"]["spec"]["rules"] = [{}]


def test_a_bad_plan_fails_with_the_step_and_the_callers(tmp_path):
    plan = tmp_path / "plan.yaml"
    shop = EXAMPLES / "shop"
    made = run(
        "plan",
        str(shop / "mesh"),
        "--calls",
        str(shop / "calls.yaml"),
        "-o",
        str(plan),
        "--soak",
        "0",
    )
    assert made.returncode == 0, made.stderr
    edit_plan(plan, policy_of_the_waypoint_allows_all)
    code, report = rehearsed(str(plan))
    assert (code, report["verdict"]) == (5, "failed")
    opened = [one for one in report["incidents"] if one["kind"] == "opened" and not one["expected"]]
    assert {one["service"] for one in opened} == {"Service/warehouse/stock"}
    assert opened[0]["step"] == "move.shop.deployment.cart"
    assert all(one["caller"] and one["request"] for one in opened)


def test_what_a_killed_one_left_is_found_and_deleted():
    leftover = Path(tempfile.mkdtemp(prefix=PREFIX))
    (leftover / "owner").write_text("4194304")  # no process has this id: the largest is one less
    done = run("rehearse", *PROVIDER, "--clean")
    assert done.returncode == 0
    assert str(leftover) in done.stderr
    assert not leftover.exists()
