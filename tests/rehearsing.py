"""A rehearsal without any cluster: the in-memory one, and calls judged by the exposure model."""

from collections.abc import Callable, Sequence
from pathlib import Path

from migrator.adapters.fake import FakeClock, FakeCluster, MemoryJournal
from migrator.engine.apply import Job
from migrator.engine.lock import Holder, Lock
from migrator.engine.record import ClusterRecord, Record, plan_id
from migrator.engine.run import Run
from migrator.exposure.calling import Caller
from migrator.exposure.enforcing import FORGED
from migrator.exposure.state import State, pods_of
from migrator.exposure.verdict import Answer as Fate
from migrator.exposure.verdict import Request, verdicts
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner.plan import Plan
from migrator.ports import Body, Probe, Watcher
from migrator.rehearsal.calls import Answer, Call, Sample
from migrator.rehearsal.faults import Fault, Trouble
from migrator.rehearsal.matrix import Ability
from migrator.rehearsal.providers import Leftover, Nature
from migrator.rehearsal.whole import Tools

from .runs import Watcher as Quiet

EXAMPLES = Path(__file__).parents[1] / "plans" / "examples"
_FATES = {Fate.ALLOWED: Answer.ALLOWED, Fate.DENIED: Answer.DENIED}
_MODES = {
    "sidecar": Caller.SIDECAR, "sidecar-hbone": Caller.SIDECAR, "ambient": Caller.AMBIENT,
    "gateway": Caller.GATEWAY,
}  # fmt: skip


class ModelTraffic:
    """What the model says of every call now; `lie` may change an answer."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self.calls: Sequence[Call] = ()
        self.lie: Callable[[Call, Answer], Answer] = lambda _, answer: answer
        self.stopped = False
        self._seen: frozenset[object] = frozenset()
        self._told: list[tuple[Call, Answer]] = []

    def start(self, calls: Sequence[Call], namespaces: Sequence[str]) -> None:
        self.calls = calls

    def take(self) -> Sequence[Sample]:
        found = (Resource(_ref(body), body) for body in self._cluster.everything())
        kept = [one for one in found if one.ref.group_kind != kinds.POD or _ready((one,))]
        seen = frozenset((one.ref, one.metadata.get("resourceVersion")) for one in kept)
        if seen != self._seen:
            self._seen, state = seen, State(Mesh(Snapshot(kept)))
            self._told = [(call, a) for call in self.calls for a in self._answers(state, call)]
        return [
            Sample(call.id, self.lie(call, answer), "the model", simulated=True)
            for call, answer in self._told
        ]

    def stop(self) -> None:
        self.stopped = True

    def _answers(self, state: State, call: Call) -> set[Answer]:
        workloads = (state.mesh.workload(server) for server in call.servers)
        if not any(w and _ready(w.pods) for w in workloads):
            return {Answer.FAILED}
        return {
            _FATES.get(verdict.answer, Answer.FAILED)
            for sender in _senders(state, call)
            for verdict in verdicts(state, _request(call, sender))
        }


class FakeThrowaway:
    """A cluster in memory."""

    kubeconfig = context = ""
    istio = "1.30.3"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster.of(Snapshot(()), self.clock, ambient=False)
        self.traffic = ModelTraffic(self.cluster)
        self.installed = 0
        self.deleted = False
        self.faults: list[Trouble] = []
        self.harmless = False  # faults are put in and do nothing

    def install_ambient(self) -> None:
        self.installed += 1
        self.cluster.install_ambient()

    def put_in(self, fault: Fault) -> None:
        self.faults.append(fault.trouble)
        if self.harmless:
            return
        match fault.trouble:
            case Trouble.WAYPOINT:
                self.cluster.hold_back(Ref(*kinds.DEPLOYMENT, fault.namespace, "waypoint"))
            case Trouble.ENROLMENT:
                self.cluster.faults.cni = "never"
            case Trouble.IMAGE if fault.workload:
                self.cluster.faults.unready.add(fault.workload)
            case Trouble.ERRORS if fault.workload:
                self._scale(fault.workload, 0)

    def take_out(self, fault: Fault) -> None:
        self.cluster.faults.cni = "enabled"
        if fault.trouble is Trouble.ERRORS and fault.workload:
            self._scale(fault.workload, 2)
        for held in list(self.cluster.faults.unready):
            self.cluster.let_go(held)
        self.clock.settle(60)

    def _scale(self, workload: Ref, replicas: int) -> None:
        self.cluster.patch(workload, {"spec": {"replicas": replicas}})
        self.clock.sleep(2)

    def delete(self) -> None:
        self.deleted = True


class FakeProvider:
    """Makes `FakeThrowaway`s, and remembers the last."""

    name = "fake"
    nature = Nature(("nothing",), ("everything",), Ability(tokens=True))

    def __init__(self, prepare: Callable[[FakeThrowaway], None] = lambda _: None) -> None:
        self.prepare = prepare
        self.last = FakeThrowaway()

    def create(self, istio: str) -> FakeThrowaway:
        self.prepare(self.last)
        return self.last

    def leftovers(self) -> Sequence[Leftover]:
        return (Leftover("one"), Leftover("two", "somebody uses it"))

    def remove(self, leftover: str) -> None:
        raise AssertionError(leftover)


def tools(throwaway: FakeThrowaway, watcher: Watcher | None = None) -> Tools:
    return Tools(
        throwaway.clock, watcher or Quiet(), lambda _: throwaway.cluster,
        lambda cluster, _: jobs(cluster, throwaway.clock),
    )  # fmt: skip


def jobs(cluster: FakeCluster, clock: FakeClock):
    def make(plan: Plan, watcher: Watcher, probe: Probe) -> Job:
        in_cluster = ClusterRecord(cluster, plan.header.root_namespace, plan_id(plan))
        run = Run(
            plan=plan, cluster=cluster, clock=clock, record=Record(MemoryJournal(), in_cluster),
            watcher=watcher, lock=Lock(cluster, clock, "istio-system", Holder("me", lambda _: True)),
            name="me", probe=probe,
        )  # fmt: skip
        return Job(run, in_cluster, lambda: ())

    return make


def _ref(body: Body) -> Ref:
    meta = body["metadata"]
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return Ref(group, str(body["kind"]), meta.get("namespace", ""), meta["name"])


def _ready(pods: Sequence[Resource]) -> bool:
    return any(
        c.get("type") == "Ready" and c.get("status") == "True"
        for pod in pods
        for c in pod.status.get("conditions") or ()
    )


def _senders(state: State, call: Call) -> set[Caller]:
    if call.caller is None:
        return {Caller.OUTSIDE}
    workload = state.mesh.workload(call.caller)
    if workload is None:
        return set()
    if workload.role is Role.GATEWAY:
        return {Caller.GATEWAY}
    return {_MODES[str(p.mode)] for p in pods_of(state.mesh, workload) if str(p.mode) in _MODES}


def _request(call: Call, sender: Caller) -> Request:
    values = call.values
    kept = {k.partition(":")[2]: v for k, v in values.items() if k.startswith("header:") and v}
    claims = {k.partition(":")[2]: v for k, v in values.items() if k.startswith("claim:") and v}
    return Request(
        sender, call.service, call.port, call.principal, values.get("method") or "GET",
        values.get("path") or "/", values.get("host") or "", kept, values.get("token"), claims,
        http=call.http,
    )  # fmt: skip


__all__ = ["EXAMPLES", "FORGED", "FakeProvider", "FakeThrowaway", "ModelTraffic", "tools"]
