"""Small meshes of one test each: installed under a name of their own, planned, and gone afterwards."""

import difflib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from migrator.planner.file.planfile import load

from . import applying, foreign
from .api import Api
from .controlplane import ControlPlane
from .meshes import eventually

FOLDER = Path(__file__).parent / "scenarios"
_RECORD = "app.kubernetes.io/managed-by=migrate"


class Running:
    """A command of `migrate` that goes on while the test does something; its words go to a file."""

    def __init__(self, scene: "Scene", *arguments: str) -> None:
        self._file = scene.folder / f"{uuid.uuid4().hex[:8]}.log"
        with self._file.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "migrator", *arguments],
                stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=applying.ROOT,
                env={
                    **os.environ,
                    "KUBECONFIG": str(scene.plane.kubeconfig),
                    "PYTHONPATH": str(applying.ROOT),
                    "PYTHONUNBUFFERED": "1",
                },
            )  # fmt: skip

    def words(self) -> str:
        """All that was said so far, in one line: where lines break depends on the terminal."""
        return " ".join(self._file.read_text().split())

    def until(self, words: str, times: int = 1, seconds: float = 60) -> bool:
        """Wait for words; False when the command has ended without."""
        deadline = time.monotonic() + seconds
        while self.words().count(words) < times:
            if self.process.poll() is not None:
                return self.words().count(words) >= times
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.02)
        return True

    def end(self, seconds: float = 120) -> int:
        return self.process.wait(seconds)


class Scene:
    """A scenario on the control plane, and its reviewed plan."""

    def __init__(self, plane: ControlPlane, folder: Path, objects: list[dict[str, Any]]) -> None:
        self.plane = plane
        self.folder = folder
        self.objects = objects
        self.names = applying.install(plane, objects)
        self.name = self.names[0]
        self.before = self.image()

    def make_plan(self, *options: str) -> Path:
        self.plan = applying.planned(self.plane, self.folder, self.names, *options)
        return self.plan

    def migrate(self, command: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """A command about the plan; `apply` and `rollback` without questions."""
        asked = (
            ("--yes",) if command in {"apply", "rollback"} and "--dry-run" not in options else ()
        )
        return applying.migrate(self.plane, command, str(self.plan), *asked, *options)

    def start(self, command: str, *options: str) -> Running:
        return Running(self, command, str(self.plan), "--yes", *options)

    def image(self) -> str:
        return applying.image(self.plane, self.names)

    def image_is(self, wanted: str) -> bool:
        """In a moment: what a deleted Gateway owned is collected later. What stays different is printed."""
        if not eventually(lambda: self.image() == wanted, 60):
            lines = difflib.unified_diff(wanted.splitlines(), self.image().splitlines(), n=4)
            print("\n".join(lines))
            return False
        return True

    def foreign_changes(self) -> list[str]:
        """Fields that are not as before, and that no step of the plan is about; nor istiod's own objects."""
        plan = load(self.plan.read_text())
        return foreign.changes(json.loads(self.before), json.loads(self.image()), plan)

    def data(self) -> dict[str, Any]:
        """The plan file as data."""
        return dict(yaml.safe_load(self.plan.read_text()))

    def waves(self) -> list[str]:
        return [wave["name"] for phase in self.data()["phases"] for wave in phase["waves"]]

    def steps(self) -> list[dict[str, Any]]:
        return [s for p in self.data()["phases"] for w in p["waves"] for s in w["steps"]]

    def pods(self, app: str = "") -> list[dict[str, Any]]:
        """Pods that are not ending; of one `app` when it is given."""
        return [
            pod
            for pod in Api(self.plane).items("/api/v1/pods")
            if pod["metadata"]["namespace"] in self.names
            and "deletionTimestamp" not in pod["metadata"]
            and app in {"", pod["metadata"].get("labels", {}).get("app")}
        ]

    def modes(self, app: str = "") -> set[str]:
        """What takes care of the pods' traffic."""
        return {_mode(pod) for pod in self.pods(app)}

    def revisions(self) -> dict[str, int]:
        """How often the pods of each Deployment were made anew, the first time included."""
        found: dict[str, int] = {}
        for body in self.plane.get("replicasets", "-n", self.name)["items"]:
            meta = body["metadata"]
            number = int(meta["annotations"]["deployment.kubernetes.io/revision"])
            name = meta["ownerReferences"][0]["name"]
            found[name] = max(found.get(name, 0), number)
        return found

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.plane.kubectl(*arguments, "-n", self.name, stdin=stdin)

    def get(self, kind: str, name: str) -> Any:
        return self.plane.get(kind, name, "-n", self.name)

    def hurry(self, predicate: str, seconds: int) -> None:
        """Give every check of `predicate` less time, as a reviewer may."""

        def shorten(data: dict[str, Any]) -> None:
            for phase in data["phases"]:
                for step in (s for wave in phase["waves"] for s in wave["steps"]):
                    for check in (*step.get("before", ()), *step.get("after", ())):
                        if check["predicate"] == predicate:
                            check["timeout_seconds"] = seconds

        applying.edit_plan(self.plan, shorten)

    def without_steps(self, wanted: Callable[[str], bool]) -> None:
        """Keep only these steps of the plan, as somebody might who finds it long."""

        def cut(data: dict[str, Any]) -> None:
            for phase in data["phases"]:
                for wave in phase["waves"]:
                    wave["steps"] = [
                        {**step, "requires": []} for step in wave["steps"] if wanted(step["id"])
                    ]

        applying.edit_plan(self.plan, cut)


def objects_of(scenario: str, name: str, without: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The scenario's objects in namespaces that begin with `name`; without some kinds."""
    text = (FOLDER / f"{scenario}.yaml").read_text().replace("scene", name)
    return [o for o in yaml.safe_load_all(text) if o and o["kind"] not in set(without)]


def new_name() -> str:
    return f"scene-{uuid.uuid4().hex[:6]}"


def said(done: "subprocess.CompletedProcess[str]") -> str:
    """All that a command said, in one line: where lines break depends on the terminal."""
    return " ".join((done.stdout + done.stderr).split())


Stage = Callable[..., Scene]


@contextmanager
def stage(plane: ControlPlane, folder: Path) -> Iterator[Stage]:
    """A function that puts a scenario on the control plane and plans it, with options of `plan`."""
    with ExitStack() as opened:

        def put(scenario: str, *options: str, without: Iterable[str] = ()) -> Scene:
            objects = objects_of(scenario, new_name(), without)
            scene = opened.enter_context(staged(plane, folder, objects))
            scene.make_plan(*options)
            return scene

        yield put


@contextmanager
def staged(plane: ControlPlane, folder: Path, objects: list[dict[str, Any]]) -> Iterator[Scene]:
    """A scene; afterwards its namespaces end, and so does the record of its plan."""
    scene = Scene(plane, folder, objects)
    try:
        yield scene
    finally:
        plane.kubectl("delete", "namespace", *scene.names, "--wait=false")
        for kind in ("configmap", "lease"):
            plane.kubectl("delete", kind, "-n", applying.ROOT_NAMESPACE, "-l", _RECORD)


def _mode(pod: dict[str, Any]) -> str:
    notes = pod["metadata"].get("annotations") or {}
    sidecar = "sidecar.istio.io/status" in notes
    ambient = notes.get("ambient.istio.io/redirection") == "enabled"
    return {(True, False): "sidecar", (False, True): "ambient", (False, False): "none"}.get(
        (sidecar, ambient), "both"
    )
