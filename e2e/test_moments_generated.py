"""Generated meshes with their plans: at every moment the model says what istiod tells the proxies.

The default run is a bounded part. The longer one: `MIGRATE_E2E_PAIRS=1000 make moments`, of which
MIGRATE_E2E_FIRST says with which number to begin.
"""

import os
from contextlib import ExitStack
from itertools import count, islice

import pytest

from .cni_standin import CniStandIn
from .controlplane import ControlPlane
from .generated_moments import pair, providers
from .lockstep import walk
from .oracle import Oracle
from .test_moments import add_providers

PAIRS = int(os.environ.get("MIGRATE_E2E_PAIRS", "15"))
FIRST = int(os.environ.get("MIGRATE_E2E_FIRST", "0"))
BATCH = 120
ORACLES = 4  # asked at once


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        running.install_istio("ambient")
        add_providers(running, providers())
        with CniStandIn(running):
            yield running


def test_the_model_says_at_every_moment_of_generated_plans_what_istiod_tells(plane):
    """In batches, each on the same control plane as the one before."""
    made = (one for one in map(pair, count(FIRST)) if one.plan.steps())
    wanted = islice(made, PAIRS)
    done, differences = 0, {}
    while batch := list(islice(wanted, BATCH)):
        with ExitStack() as stack:
            oracles = [stack.enter_context(Oracle(plane)) for _ in range(ORACLES)]
            found = walk(plane, oracles, batch)
        done += found.pairs
        differences |= found.differences
        print(
            done, batch[-1].number, found.moments, dict(found.counts), len(differences), flush=True
        )
        for where, words in found.differences.items():
            print(where, *words[:3], sep="\n   ", flush=True)
        assert found.counts["verdicts"] > 0
        assert found.counts["ways"] > 0

    assert done == PAIRS
    assert differences == {}
