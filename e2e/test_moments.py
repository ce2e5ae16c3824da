"""Every moment of a plan: what istiod tells the proxies is what the exposure model says, there and back.

While the product's engine walks the plans of the examples and of bookinfo, after each step: the policies
that act on every pod and Service, with their actions, and what they say of each request that the model tells
apart, from each class of callers, alone and along whole ways (`agreement`); and which routes and
DestinationRules sidecars and waypoints have for each Service (`oracle_routing`). MIGRATE_E2E_MESHES names
folders of manifests, apart by colons, whose meshes are walked too: other people's meshes are no part of
this repository.

Real: the engine, admission, injection, istiod and what it tells ztunnel, sidecars and waypoints. Simulated:
the proxies, whose evaluation is written down in `oracle_rbac` and `oracle_told`, istio-cni, and pods that are
Ready without running.
"""

import json
import os
from pathlib import Path

import pytest
import yaml

from migrator.rules import all_rules

from .agreement import Agreement
from .applying import installed, planned
from .cni_standin import CniStandIn
from .controlplane import ControlPlane
from .generated_moments import planned as made
from .lockstep import walk
from .meshes import EXAMPLES, ISTIO_OWN, eventually
from .oracle import Oracle
from .oracle_routing import RoutingAgreement
from .oracle_told import tell
from .test_apply import CRDS, objects_of
from .walking import Walk

VARIABLE = "MIGRATE_E2E_MESHES"
FOLDERS = [Path(text) for text in os.environ.get(VARIABLE, "").split(":") if text]
MESHES = ["shop", "bank", "platform", "bookinfo", *FOLDERS]
# What of each is compared at least, of routing; by default nothing
ROUTED = {
    "shop": ("sidecar", "waypoint"),
    "bank": ("sidecar", "waypoint", "routes", "rules"),
    "platform": ("sidecar", "routes", "rules"),
    "bookinfo": ("sidecar", "waypoint", "routes", "rules"),
}
_SECONDS = 60


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        running.install_istio("ambient")
        running.kubectl("apply", "--server-side", "-f", str(CRDS))
        add_providers(running, _providers_of(EXAMPLES / "bank" / "mesh" / "00-mesh.yaml"))
        with CniStandIn(running):
            yield running


def _providers_of(file):
    """The external authorizers of an example's mesh configuration."""
    theirs = next(o for o in yaml.safe_load_all(file.read_text()) if o["kind"] == "ConfigMap")
    return yaml.safe_load(theirs["data"]["mesh"])["extensionProviders"]


def add_providers(plane, providers):
    """External authorizers for the control plane's own mesh configuration."""
    known = plane.get("configmap", "istio", "-n", "istio-system")["data"]["mesh"]
    mesh = yaml.safe_load(known)
    mesh["extensionProviders"] = [*(mesh.get("extensionProviders") or ()), *providers]
    patch = json.dumps({"data": {"mesh": yaml.safe_dump(mesh)}})
    plane.kubectl("patch", "configmap", "istio", "-n", "istio-system", "--type=merge", "-p", patch)


def _objects(mesh):
    """Of other people's meshes the namespace `default` gets another name: it cannot be deleted."""
    if isinstance(mesh, str):
        return objects_of(mesh)
    texts = [file.read_text() for file in sorted(mesh.rglob("*.y*ml"))]
    found = [o for text in texts for o in yaml.safe_load_all(text) if o]
    for one in found:
        meta = one["metadata"]
        if one["kind"] == "Namespace" and meta["name"] == "default":
            meta["name"] = "not-default"
        elif meta.get("namespace") == "default":
            meta["namespace"] = "not-default"
    theirs = [o for o in found if (o["kind"], o["metadata"].get("namespace")) not in ISTIO_OWN]
    return sorted(theirs, key=lambda o: o["kind"] != "Namespace")


def _options(mesh):
    """The calls of an example; whatever stands against moving other people's meshes is acknowledged."""
    if not isinstance(mesh, str):
        return [text for rule in all_rules() for text in ("--acknowledge", rule.code)]
    calls = EXAMPLES / mesh / "calls.yaml"
    return ["--calls", str(calls)] if calls.exists() else []


class _Looker:
    """Looks at moments until the model agrees; what it still does not after a while is kept."""

    def __init__(self, plane, oracle, names):
        self._plane, self._oracle, self._names = plane, oracle, names
        self.agreement = Agreement()
        self.routing = RoutingAgreement(plane, oracle, names)
        self.found = {}
        self.moments = 0

    def look(self, moment):
        self.moments += 1
        found = [["istiod does not know all pods"]]

        def agrees():
            told = tell(self._plane, self._oracle, self._names)
            if told is not None:
                routing = self.routing.differences(moment.state)
                found.append([*self.agreement.differences(told, moment.state), *routing])
            return not found[-1]

        if not eventually(agrees, _SECONDS):
            self.found[moment.step, len(self.found)] = found[-1]


def _without_the_engine(plane, objects):
    """Argo's controller is not here: pods come and go as the model has them, routes are left out.

    The examples' own Rollout stays behind in its plan, so that nobody waits for it.
    """
    pair = made(tuple(one for one in objects if one["metadata"]["name"] != "istio-system"))
    with Oracle(plane) as oracle:
        found = walk(plane, [oracle], [pair])

    assert found.differences == {}
    assert found.moments > len(pair.plan.steps()) > 0
    assert found.counts["verdicts"] > 0
    assert found.counts["ways"] > 0


@pytest.mark.parametrize("mesh", MESHES, ids=lambda m: m if isinstance(m, str) else m.name)
def test_the_model_says_at_every_moment_what_istiod_tells_the_proxies(plane, mesh, tmp_path):
    if mesh in FOLDERS and any(one["kind"] == "Rollout" for one in _objects(mesh)):
        _without_the_engine(plane, _objects(mesh))
        return
    with installed(plane, _objects(mesh)) as names, Oracle(plane) as oracle:
        walk = Walk(plane, planned(plane, tmp_path, names, *_options(mesh)))
        looker = _Looker(plane, oracle, names)
        walk.forwards(looker.look)
        walk.back(looker.look)
        steps = len([*walk.plan.steps()])

        assert looker.found == {}
        assert looker.moments >= 2 * steps + 2
        assert looker.agreement.counts["verdicts"] > 0
        assert looker.agreement.counts["ways"] > 0
        assert all(looker.routing.counts[of] for of in ROUTED.get(mesh, ()))
        print(mesh, looker.moments, {**looker.agreement.counts, **looker.routing.counts})
