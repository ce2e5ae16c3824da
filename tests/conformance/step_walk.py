"""Every kind of step, walked: before, apply, verify, undo is before, apply, verify, apply again is no write.

The same walk in memory and on a real API server; each kind with an object of its own.
"""

import json

import pytest
import yaml

from migrator.adapters.clock import SystemClock
from migrator.adapters.fake import MemoryJournal
from migrator.engine import stepper
from migrator.engine.lock import Holder, Lock
from migrator.engine.run import Run
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.journal import Event
from migrator.model.news import Topic
from migrator.model.resource import Ref
from migrator.planner.outlook.undo import Undo
from migrator.planner.phases import checks
from migrator.planner.plan import Header, Plan
from migrator.steps import (
    AnyStep,
    CreateObject,
    DeleteObject,
    Disruption,
    PatchTemplate,
    Person,
    RestartWorkload,
    SetLabels,
    Target,
    UpdateSpec,
    WaitForJobs,
)

from .world import World

APP = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: walked}}
spec:
  selector: {{matchLabels: {{app: walked}}}}
  {more}
  template:
    metadata: {{labels: {{app: walked}}}}
    spec: {{containers: [{{name: app, image: "registry.example.com/walked:1"}}]}}
"""
CRON = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: walked}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: walked}}
        spec: {restartPolicy: Never, containers: [{name: app, image: "registry.example.com/walked:1"}]}
"""
POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: walked, labels: {team: a}}
spec:
  selector: {matchLabels: {app: walked}}
  action: DENY
  rules: [{to: [{operation: {methods: [DELETE]}}]}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: walked}
spec: {selector: {app: walked}, ports: [{name: http, port: 80}]}
"""
_LABELS = {names.DATAPLANE_MODE: names.AMBIENT, names.INJECT: "false"}


class Listening:
    def __init__(self):
        self.told = []

    def tell(self, news):
        self.told.append(news.topic)

    def ask(self, question):
        return True


def run_on(world: World) -> Run:
    header = Header(
        snapshot="", istio="1.31.0", istio_assumed=False, root_namespace=world.namespace,
        trust_domain="cluster.local", calls="none",
    )  # fmt: skip
    plan = Plan(
        tool="t", header=header, assumptions=(), scope=(), waypoints=(), blockers=(),
        acknowledgements=(), exclusions=(), phases=(),
    )  # fmt: skip
    clock = getattr(world.cluster, "clock", None) or SystemClock()
    lock = Lock(world.cluster, clock, world.namespace, Holder("walk", lambda _: False))
    lock.acquire()
    return Run(plan, world.cluster, clock, MemoryJournal(), Listening(), lock, "walk")


def workload(kind):
    def make(world: World) -> Ref:
        more = "serviceName: walked" if kind == kinds.STATEFUL_SET else ""
        world.make(APP.format(kind=kind.kind, more=more))
        ref = world.ref(kind, "walked")
        world.becomes("rolled-out", ref)
        return ref

    return make


def made(kind, text):
    def make(world: World) -> Ref:
        world.make(text)
        return world.ref(kind, "walked")

    return make


def nothing(kind):
    return lambda world: world.ref(kind, "walked")


def template(ref: Ref, path: str = "spec.template", *, live: bool = False) -> AnyStep:
    return PatchTemplate(
        id="walk", target=Target.of(ref), template_path=path, why="", labels=_LABELS,
        old_labels=dict.fromkeys(_LABELS), live_pods=live,
        after=(checks.rolled_out(ref),) if path == "spec.template" else (),
        disruption=Disruption.RESTART,
    )  # fmt: skip


def restart(ref: Ref) -> AnyStep:
    return RestartWorkload(
        id="walk", target=Target.of(ref), why="", after=(checks.rolled_out(ref),),
        disruption=Disruption.RESTART,
    )  # fmt: skip


def labels(ref: Ref) -> AnyStep:
    return SetLabels(
        id="walk", target=Target.of(ref), why="", labels={names.USE_WAYPOINT: "none"},
        old={names.USE_WAYPOINT: None}, after=(checks.labels_set(ref),),
    )  # fmt: skip


def flip(ref: Ref) -> AnyStep:
    space = Ref(*kinds.NAMESPACE, "", ref.namespace)
    return SetLabels(
        id="walk", target=Target.of(space), why="",
        labels={names.DATAPLANE_MODE: names.AMBIENT, names.INJECTION: None},
        old={names.DATAPLANE_MODE: None, names.INJECTION: "enabled"},
        after=(checks.labels_set(space),),
    )  # fmt: skip


def create(ref: Ref) -> AnyStep:
    manifest = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": ref.name, "namespace": ref.namespace,
            "labels": {"app.kubernetes.io/managed-by": "migrate"},
        },
        "spec": {"selector": {"matchLabels": {"app": "walked"}}, "action": "ALLOW", "rules": [{}]},
    }  # fmt: skip
    return CreateObject(
        id="walk", target=Target.of(ref), why="", manifest=manifest,
        before=(checks.absent(ref),), after=(checks.exists(ref),),
    )  # fmt: skip


def delete(ref: Ref) -> AnyStep:
    return DeleteObject(
        id="walk", target=Target.of(ref), why="", manifest=_policy(ref),
        after=(checks.absent(ref),),
    )  # fmt: skip


def update(ref: Ref) -> AnyStep:
    old = _policy(ref)["spec"]
    spec = {
        **old,
        "selector": {"matchLabels": {"app": "walked", "security.istio.io/tlsMode": "istio"}},
    }
    return UpdateSpec(
        id="walk", target=Target.of(ref), why="", spec=spec, old=old, after=(checks.exists(ref),)
    )


def _policy(ref: Ref):
    body = yaml.safe_load(POLICY)
    body["metadata"]["namespace"] = ref.namespace
    return body


def person(ref: Ref) -> AnyStep:
    return Person(id="walk", target=Target.of(ref), why="", title="look", instruction="Look.")


def wait(ref: Ref) -> AnyStep:
    return WaitForJobs(id="walk", target=Target.of(ref), why="", after=(checks.jobs_done(ref),))


WALKS = [
    pytest.param(workload(kinds.DEPLOYMENT), template, id="template of a Deployment"),
    pytest.param(workload(kinds.STATEFUL_SET), template, id="template of a StatefulSet"),
    pytest.param(workload(kinds.DAEMON_SET), template, id="template of a DaemonSet"),
    pytest.param(
        made(kinds.CRON_JOB, CRON),
        lambda ref: template(ref, "spec.jobTemplate.spec.template"),
        id="template of a CronJob",
    ),
    pytest.param(
        workload(kinds.DEPLOYMENT),
        lambda ref: template(ref, live=True),
        id="template and live pods",
    ),
    pytest.param(workload(kinds.DEPLOYMENT), restart, id="restart of a Deployment"),
    pytest.param(workload(kinds.STATEFUL_SET), restart, id="restart of a StatefulSet"),
    pytest.param(workload(kinds.DAEMON_SET), restart, id="restart of a DaemonSet"),
    pytest.param(made(kinds.SERVICE, SERVICE), labels, id="labels of a Service"),
    pytest.param(made(kinds.SERVICE, SERVICE), flip, id="labels of a Namespace"),
    pytest.param(nothing(kinds.AUTHORIZATION_POLICY), create, id="a new policy"),
    pytest.param(made(kinds.AUTHORIZATION_POLICY, POLICY), delete, id="a deleted policy"),
    pytest.param(made(kinds.AUTHORIZATION_POLICY, POLICY), update, id="a changed policy"),
    pytest.param(made(kinds.SERVICE, SERVICE), person, id="a person"),
    pytest.param(made(kinds.CRON_JOB, CRON), wait, id="a wait for Jobs"),
]


class StepWalk:
    """Tests of every kind of step; a subclass's module gives the fixture `world`."""

    @pytest.mark.parametrize(("make", "step_of"), WALKS)
    def test_there_and_back_and_there_and_nothing_more(self, world, make, step_of):
        ref = make(world)
        step = step_of(ref)
        before = image(world, step)
        run = run_on(world)

        stepper.do(run, step)
        assert run.progress.of("walk").standing == "verified"
        stepper.undo(run, Undo(step))
        assert run.progress.of("walk").standing == "pending"
        assert image(world, step) == before

        stepper.do(run, step)
        again(run)
        told = run.watcher.told
        told.clear()
        stepper.do(run, step)

        assert Topic.CHANGED not in told


def again(run: Run) -> None:
    """As after a crash: the record holds the before-image, and nothing of what followed."""
    state = run.progress.of("walk")
    run.note(Event.CAPTURED, "walk", stamp=state.stamp, images=state.images)


def image(world: World, step: AnyStep) -> str:
    """Labels, annotations and spec, without what only the server counts."""
    body = world.cluster.get(step.target.ref)
    if body is None:
        return "absent"
    meta = body["metadata"]
    annotations = {
        key: value
        for key, value in (meta.get("annotations") or {}).items()
        if not key.startswith(("deployment.kubernetes.io", "deprecated.daemonset"))
    }
    kept = {
        "labels": meta.get("labels") or {},
        "annotations": annotations,
        "spec": body.get("spec"),
    }
    return json.dumps(kept, sort_keys=True)
