"""A mesh that Argo CD owns: what it owns is committed by a person, and `migrate` waits for the cluster.

Real: API server, injection, istiod, every command, kustomize. Simulated: Argo CD is a server-side apply of
what kustomize builds from the base and the exported components; pods and istio-cni as elsewhere.
"""

import json

import pytest
import yaml

from . import scenes
from .applying import run_migrate
from .cni_standin import ambient_plane
from .kustomized import built
from .scenes import said

TRACKING = "argocd.argoproj.io/tracking-id"
OWNED = {"Namespace", "Deployment", "Service", "AuthorizationPolicy", "Gateway", "ConfigMap"}
COMMIT = "commit this change there"


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ambient_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


def _owned(objects):
    """Every object as Argo CD marks it."""
    for body in objects:
        if body["kind"] in OWNED:
            meta = body["metadata"]
            where = f"{body['kind']}:{meta.get('namespace', '')}/{meta['name']}"
            meta["annotations"] = {**meta.get("annotations", {}), TRACKING: f"orders:/{where}"}
    return list(objects)


class Repository:
    """The base and the exported components, and the one who commits and syncs them.

    As Argo CD does, it marks all that it applies as its own, and deletes what it applied and is no longer
    in the repository.
    """

    def __init__(self, mesh, folder):
        self.mesh = mesh
        self.folder = folder
        self.names = sorted(f.parent.name for f in (folder / "export").glob("*/kustomization.yaml"))
        self.applied = {_place(body): body for body in mesh.objects}
        self.commits = []

    def answer(self, run, *, back):
        """Commit what each question is about, until the run ends."""
        while run.until(COMMIT, len(self.commits) + 1):
            number = self._wave_under_way()
            wanted = [n for n in self.names if int(n.partition("-")[0]) < number + (not back)]
            self._sync(_owned(built(self.folder / "overlay", self.mesh.objects, wanted).values()))
            self.commits.append(number)

    def _sync(self, objects):
        self.mesh.plane.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-",
            stdin=yaml.safe_dump_all(objects),
        )  # fmt: skip
        there = {_place(body): body for body in objects}
        for place, body in self.applied.items():
            if place not in there:
                self.mesh.plane.kubectl(
                    "delete", "--ignore-not-found", "-f", "-", stdin=yaml.safe_dump(body)
                )
        self.applied = there

    def _wave_under_way(self):
        """The number of the wave of the step that was begun last, from the journal."""
        text = self.mesh.plan.with_suffix(".journal").read_text()
        step = json.loads(text.splitlines()[-1])["subject"]
        waves = [w for phase in self.mesh.data()["phases"] for w in phase["waves"]]
        return next(n for n, w in enumerate(waves, 1) if step in {s["id"] for s in w["steps"]})


def _key(body):
    return body["kind"], body["metadata"]["name"]


def _place(body):
    return *_key(body), body["metadata"].get("namespace", "")


def _patched_by_migrate(mesh):
    """Fields of owned objects that `migrate` has written itself."""
    found = {}
    for body in mesh.objects:
        if body["kind"] not in OWNED:
            continue
        kind, name = _key(body)
        live = mesh.plane.kubectl(
            "get", kind, name, "-n", mesh.name, "-o", "json", "--show-managed-fields", "--ignore-not-found"
        )  # fmt: skip
        fields = json.loads(live)["metadata"]["managedFields"] if live else []
        if mine := [f["fieldsV1"] for f in fields if f["manager"] == "migrate"]:
            found[kind, name] = mine
    return found


def test_what_argo_cd_owns_is_waited_for_there_and_back(plane, tmp_path):
    objects = _owned(scenes.objects_of("guarded", scenes.new_name()))
    with scenes.staged(plane, tmp_path, objects) as mesh:
        mesh.make_plan("--acknowledge", "AMB701")
        assert run_migrate("export", str(mesh.plan), str(tmp_path / "export")).returncode == 0
        repository = Repository(mesh, tmp_path)

        run = mesh.start("apply")
        repository.answer(run, back=False)
        assert run.end() == 0, run.words()
        assert f"orders belongs to orders: {COMMIT}" in run.words()
        assert repository.commits
        assert _patched_by_migrate(mesh) == {}
        assert mesh.modes("caller") | mesh.modes("orders") == {"ambient"}
        verified = mesh.migrate("verify")
        assert verified.returncode == 0, said(verified)

        there, repository.commits = repository.commits, []
        run = mesh.start("rollback")
        repository.answer(run, back=True)
        assert run.end() == 0, run.words()
        assert _patched_by_migrate(mesh) == {}
        assert set(there) <= set(repository.commits)  # and what was taken over is asked for as well
        assert mesh.image_is(mesh.before)
        assert mesh.modes() == {"sidecar"}
