"""A mesh with a waypoint and guards, its plan, and the in-memory cluster on which a test runs that plan."""

from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio.mesh import Mesh
from migrator.planner import PlanOptions, make_plan
from migrator.rules import all_rules, analyze
from tests.runs import World

SCENARIO = Path(__file__).parents[3] / "e2e" / "scenarios" / "guarded.yaml"


@pytest.fixture(scope="session")
def planned():
    """The plan, without soak time, and the snapshot that it was made from."""
    snapshot = read_sources([str(SCENARIO)]).snapshot
    mesh = Mesh(snapshot)
    return make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(soak_minutes=0)), snapshot


@pytest.fixture
def world(planned):
    return World(*planned)
