"""`migrate rehearse --provider controlplane`, as a user runs it: sound plans pass, bad ones fail.

Real: API server, controllers, admission, injection, istiod and what it tells every proxy. Simulated: every
call, kubelets, istio-cni.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.throwaway import owner

from .applying import ROOT, acknowledge_all, edit_plan
from .meshes import EXAMPLES, eventually
from .rehearsal import PREFIX

BOOKINFO = Path(__file__).parent / "manifests" / "bookinfo"
CORPUS = "MIGRATE_E2E_MESHES"  # folders of manifests, apart by colons: rehearsed too
PROVIDER = ("--provider", "controlplane")
COMMAND = [sys.executable, "-m", "migrator"]
ENROLMENT, WAYPOINT = "pods-never-enrol", "waypoint-never-ready"
IMAGE, ERRORS = "image-cannot-start", "service-answers-503"


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


MESHES: list[tuple[str, Path, tuple[str, ...]]] = [
    ("shop", EXAMPLES / "shop" / "mesh", (ENROLMENT, ERRORS)),
    ("bank", EXAMPLES / "bank" / "mesh", (WAYPOINT,)),
    ("platform", EXAMPLES / "platform" / "mesh", (IMAGE,)),
    ("bookinfo", BOOKINFO, (WAYPOINT,)),
]
FOLDERS = [Path(text) for text in os.environ.get(CORPUS, "").split(":") if text]
MESHES += [(one.name, one, (WAYPOINT, ENROLMENT, IMAGE, ERRORS)) for one in FOLDERS]


@pytest.mark.parametrize(("mesh", "source", "faults"), MESHES, ids=[one[0] for one in MESHES])
def test_a_sound_plan_passes_and_stops_at_every_fault(mesh, source, faults):
    code, report = rehearsed(str(source), *calls_of(mesh), faults=faults)
    ours = source not in FOLDERS
    assert [one["fault"] for one in report["faults"]] == [
        one for one in faults if ours or not any(o.startswith(one) for o in report["left_out"])
    ]
    for one in report["faults"]:
        assert (one["stopped"], one["rolled_back"], one["differs"]) == (True, True, []), one
    assert [one for one in report["incidents"] if not one["expected"]] == []
    if ours:
        assert (code, report["verdict"]) == (0, "passed"), report["reasons"]
        assert report["baseline"]["denied"] > 0
    else:  # of which nobody knows whether it has policies
        assert code == 0 or all("could not show" in one for one in report["reasons"])
    assert report["baseline"]["allowed"] > 0
    assert report["samples"] == report["simulated_samples"] > 0
    assert report["steps"]


def callers_last(data: dict[str, Any]) -> None:
    """The guarded server moves before those who call it."""
    for phase in data["phases"]:
        if phase["name"] == "switch":
            first = next(w for w in phase["waves"] if w["name"] == "switch-shop")
            phase["waves"].remove(first)
            phase["waves"].append(first)


def policy_of_the_waypoint_allows_all(data: dict[str, Any]) -> None:
    """As somebody writes it to make things work."""
    for phase in data["phases"]:
        for wave in phase["waves"]:
            for step in wave["steps"]:
                if step["id"].startswith("expand.copy."):
                    step["manifest"]["spec"]["rules"] = [{}]


def waypoint_is_not_let_in(data: dict[str, Any]) -> None:
    """The policy that lets the waypoint reach the guarded pods is left out."""
    for phase in data["phases"]:
        for wave in phase["waves"]:
            wave["steps"] = [s for s in wave["steps"] if not s["id"].startswith("expand.allow.")]


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        (policy_of_the_waypoint_allows_all, "opened"),
        (callers_last, "closed"),
        (waypoint_is_not_let_in, "closed"),
    ],
    ids=["policy", "order", "left-out"],
)
def test_a_bad_plan_fails_with_the_step_and_the_callers(edit, kind, tmp_path):
    plan = tmp_path / "plan.yaml"
    made = run(
        "plan", str(EXAMPLES / "shop" / "mesh"), *calls_of("shop"), "-o", str(plan), "--soak", "0"
    )
    assert made.returncode == 0, made.stderr
    acknowledge_all(plan)
    edit_plan(plan, edit)
    code, report = rehearsed(str(plan))
    assert (code, report["verdict"]) == (5, "failed")
    wrong = [one for one in report["incidents"] if not one["expected"]]
    assert kind in {one["kind"] for one in wrong}
    (target,) = {one["service"] for one in wrong if one["kind"] == kind}
    assert target == "Service/warehouse/stock"
    assert all(one["step"] and one["caller"] for one in wrong)


def test_one_that_runs_is_left_alone_and_one_that_is_interrupted_leaves_nothing():
    before = set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    process = subprocess.Popen(
        [*COMMAND, "rehearse", str(EXAMPLES / "shop" / "mesh"), *PROVIDER, "--fault", "none"],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    folder = eventually(lambda: set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) - before, 60)
    (left,) = folder
    assert eventually((left / "kubeconfig").exists, 60)  # in the middle of starting
    cleaned = run("rehearse", *PROVIDER, "--clean")
    assert f"left alone {left}: the rehearsal of process" in cleaned.stderr
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    words, _ = process.communicate(timeout=120)
    assert process.returncode == 5, words
    assert not left.exists()
    assert running_with(str(left)) == []


def test_what_a_killed_one_left_is_found_and_deleted():
    leftover = Path(tempfile.mkdtemp(prefix=PREFIX))
    place = owner.mine().partition("-")[0]
    (leftover / "owner").write_text(f"{place}-4194304-000000")  # the largest id is one less
    done = run("rehearse", *PROVIDER, "--clean")
    assert done.returncode == 0
    assert f"deleted {leftover}" in done.stderr
    assert not leftover.exists()


def running_with(text: str) -> list[str]:
    """Processes whose command line has the text."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_text().replace("\0", " ")
        except OSError:
            continue
        if text in words and "pytest" not in words:
            found.append(words)
    return found
