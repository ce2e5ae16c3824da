"""The record holds the fields that steps change, and nothing that stands beside them in an object."""

import json
from pathlib import Path

import yaml

from migrator.adapters.fake import FakeCluster
from migrator.adapters.files import read_sources
from migrator.engine.lines import encode
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.file import planfile
from migrator.rules import all_rules, analyze
from tests.runs import World

SCENARIO = Path(__file__).parents[3] / "e2e" / "scenarios" / "guarded.yaml"
CANARY = "canary-7f3a"


def with_secrets():
    """The scenario's objects as a cluster holds them, with secrets where people put them."""
    for body in yaml.safe_load_all(SCENARIO.read_text()):
        meta = body["metadata"]
        if body["kind"] == "Deployment":
            (container,) = body["spec"]["template"]["spec"]["containers"]
            container["env"] = [{"name": "PASSWORD", "value": CANARY}]
            container["args"] = [f"--token={CANARY}"]
            kept = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(body)}
            meta["annotations"] = kept
        ref = Ref(
            body["apiVersion"].rpartition("/")[0],
            body["kind"],
            meta.get("namespace", ""),
            meta["name"],
        )
        yield Resource(ref, body)


def test_neither_plan_nor_journal_nor_record_holds_what_an_environment_says(tmp_path):
    live = Snapshot(with_secrets())
    file = tmp_path / "mesh.yaml"
    file.write_text(yaml.safe_dump_all(r.body for r in live))
    snapshot = read_sources([str(file)]).snapshot
    mesh = Mesh(snapshot)
    world = World(
        make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(soak_minutes=0)), snapshot
    )
    world.cluster = FakeCluster.of(live, world.clock)
    world.start = world.image()
    assert CANARY in "".join(world.start.values())

    world.apply()
    there = [encode(entry) for entry in world.journal.entries()]
    world.rollback()

    kept = [*there, *(encode(entry) for entry in world.journal.entries())]
    kept += [encode(entry) for entry in world.job().record.entries()]
    kept.append(planfile.dump(world.plan))
    assert any("orders-reading" in text for text in kept)
    assert not [text for text in kept if CANARY in text]
    assert world.image(times=False) == world.start
