"""What `migrate export` writes is built by the real kustomize (kubectl's), wave after wave, and gives what
the same steps would make of the objects. No cluster is needed.
"""

import json

import pytest
import yaml

from migrator.model import writes as fields
from migrator.planner.file import planfile
from migrator.steps import RestartWorkload

from . import scenes
from .applying import run_migrate
from .kustomized import built, key
from .meshes import EXAMPLES, documents

SCENES = [file.stem for file in sorted(scenes.FOLDER.glob("*.yaml"))]


def objects_of(mesh):
    return documents(mesh) if mesh not in SCENES else scenes.objects_of(mesh, "scene")


def plan_of(mesh, objects, folder):
    """A reviewed plan of these objects."""
    (folder / "mesh.yaml").write_text(yaml.safe_dump_all(objects))
    calls = EXAMPLES / mesh / "calls.yaml"
    options = ["--calls", str(calls)] if calls.exists() else []
    plan = folder / "plan.yaml"
    done = run_migrate("plan", str(folder / "mesh.yaml"), "-o", str(plan), *options)
    assert plan.exists(), done.stderr
    return plan


def whole(body):
    """As kustomize compares: without nulls and empty mappings, which say nothing."""
    return json.dumps(_bare(fields.tidy(body)), sort_keys=True)


def _bare(value):
    if isinstance(value, dict):
        kept = {k: _bare(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v != {}}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def stepped(objects, wave):
    """The objects after the steps of a wave, but for restarts, which nobody commits."""
    for step in wave.steps:
        writes = () if isinstance(step, RestartWorkload) else step.writes("")
        if not writes:
            continue
        ref = tuple(step.target.ref)
        body = fields.written(objects.get(ref), writes)
        objects = {k: v for k, v in objects.items() if k != ref}
        if body is not None:
            objects[ref] = body
    return objects


@pytest.mark.parametrize("mesh", [*SCENES, "shop", "bank", "platform"])
def test_the_components_build_to_what_the_steps_make(mesh, tmp_path):
    objects = objects_of(mesh)
    plan_file = plan_of(mesh, objects, tmp_path)
    done = run_migrate("export", str(plan_file), str(tmp_path / "export"))
    assert done.returncode == 0, done.stderr
    plan = planfile.load(plan_file.read_text())
    folders = sorted(f.parent.name for f in (tmp_path / "export").glob("*/kustomization.yaml"))
    assert folders
    expected = {key(body): body for body in objects}
    components = []
    waves = [(phase.name.value, wave) for phase in plan.phases for wave in phase.waves]
    for number, (name, wave) in enumerate(waves, 1):
        expected = stepped(expected, wave)
        components += [f for f in folders if f.startswith(f"{number:02}-{name}-")]
        made = built(tmp_path / "overlay", objects, components)
        found = {ref: whole(body) for ref, body in made.items()}
        assert found == {ref: whole(body) for ref, body in expected.items()}, components
    assert components == folders
