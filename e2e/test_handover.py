"""The hand-over per pod: every pod is born under the policies of its own mode, there and back.

A plan narrows old policies to pods with a sidecar and binds the guard to ambient ones. Of policies without
selector it narrows those by which ztunnel would deny more than they ask; the others stay for who comes later.
Shown at every moment of the plan and of its rollback, also while pods of both kinds run.

Real: injection, istiod and what it tells ztunnel and sidecars. Simulated: see `lockstep`.
"""

import pytest
import yaml

from migrator.adapters.kube.client import connect
from migrator.exposure.state import State
from migrator.istio import kinds
from migrator.model.resource import Ref, Resource

from .agreement import Agreement
from .cni_standin import ambient_plane
from .generated_moments import planned
from .lockstep import Asker, Stage, differing, show
from .meshes import eventually
from .oracle import Oracle
from .oracle_told import tell

MESH = """
{apiVersion: v1, kind: Namespace, metadata: {name: SPACE, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: SPACE}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: orders, namespace: SPACE}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: SPACE}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: app, image: "app:1"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: SPACE}
spec:
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      serviceAccountName: orders
      containers: [{name: app, image: "app:1", ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: SPACE}
spec: {selector: {app: orders}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: SPACE}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: SPACE}
spec:
  SELECTOR
  action: ALLOW
  rules:
    - from: [{source: {principals: [cluster.local/ns/SPACE/sa/web]}}]
      to: [{operation: {methods: [GET]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-admin, namespace: SPACE}
spec:
  SELECTOR
  action: DENY
  rules: [{to: [{operation: {ports: ["8080"], paths: ["/admin*"]}}]}]
"""
BY_SELECTOR = "selector: {matchLabels: {app: orders}}"
OLD = ("readers", "no-admin")


def objects(space, selector):
    return tuple(yaml.safe_load_all(MESH.replace("SPACE", space).replace("  SELECTOR\n", selector)))


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ambient_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.mark.parametrize(
    ("space", "selector", "narrowed"),
    [("by-selector", f"  {BY_SELECTOR}\n", set(OLD)), ("whole-namespace", "", {"no-admin"})],
)
def test_each_pod_is_under_the_policies_of_its_own_mode_there_and_back(
    plane, space, selector, narrowed
):
    pair = planned(objects(space, selector))
    steps = [step for _, _, step in pair.plan.steps()]
    guard = {s.target.name for s in steps if s.id == f"guard.{space}.deployment.orders"}
    assert {s.target.name for s in steps if s.id.startswith("narrow.")} == narrowed
    stage = Stage(connect(str(plane.kubeconfig)), pair)
    seen = []
    with Oracle(plane) as oracle:
        asker = Asker(oracle, Agreement())
        while stage.next():
            show([stage])
            stage.changed = True
            assert differing(plane, [asker], [stage]) == []
            told = eventually(lambda: tell(plane, oracle, pair.namespaces), 30)
            seen.append(servers(told, space))
    stage.clear()

    assert sum(len(found) > 1 for found in seen) >= 2  # while its pods roll, forwards and back
    assert all(set(OLD) <= names and not guard & names for names in by_mode(seen, "hbone"))
    assert all(guard <= names and not narrowed & names for names in by_mode(seen, "ambient"))
    assert by_mode(seen, "ambient")


def lost(policy):
    return None


def turned(policy):
    """The same with the other action."""
    other = {"ALLOW": "DENY", "DENY": "ALLOW"}[policy.spec["action"]]
    return Resource(policy.ref, {**policy.body, "spec": {**policy.spec, "action": other}})


def widened(policy):
    """A rule more."""
    rules = [*policy.spec["rules"], {"to": [{"operation": {"methods": ["GET"]}}]}]
    return Resource(policy.ref, {**policy.body, "spec": {**policy.spec, "rules": rules}})


def test_a_difference_is_seen(plane):
    """The comparison itself: a model of another mesh than the one on the control plane does not agree."""
    pair = planned(objects("planted", f"  {BY_SELECTOR}\n"))
    stage = Stage(connect(str(plane.kubeconfig)), pair)
    stage.next()
    show([stage])
    with Oracle(plane) as oracle:
        assert differing(plane, [Asker(oracle, Agreement())], [stage]) == []
        told = tell(plane, oracle, pair.namespaces)
    stage.clear()
    for name in OLD:
        policy = pair.mesh.snapshot.get(Ref(*kinds.AUTHORIZATION_POLICY, "planted", name))
        for plant in (lost, turned, widened):
            state = State(pair.mesh.changed({policy.ref: plant(policy)}))

            assert Agreement().differences(told, state), (name, plant)


def by_mode(seen, mode):
    return [found[mode] for found in seen if mode in found]


def servers(told, space):
    """The names of the policies that act on pods of the server, by the pods' mode."""
    return {
        key.mode: {name.partition("/")[2] for name, _ in server.policies}
        for key, server in told.pods.items()
        if key.workload == f"{space}/orders"
    }
