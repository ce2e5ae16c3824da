"""Simulated Jobs: their pods run for a while, then they are over."""

from migrator.istio import kinds
from migrator.model.resource import Ref

from .bodies import condition, is_active, ref_of, set_status, short_hash, spec_of, template_of
from .loop import Loop
from .pods import Pods
from .store import Object, Store

DURATION = 300.0  # seconds
_OVER = frozenset({"Complete", "Failed"})


class Jobs:
    """Whatever a Job does succeeds; CronJobs start none of their own."""

    def __init__(self, store: Store, loop: Loop, pods: Pods) -> None:
        self._store = store
        self._loop = loop
        self._pods = pods

    def reconcile(self, ref: Ref) -> None:
        body = self._store.get(ref)
        if body is None or spec_of(body).get("suspend") or _is_over(body):
            return
        pods = self._store.owned(body, kinds.POD)
        if not pods:
            for number in range(int(spec_of(body).get("parallelism", 1))):
                name = f"{ref.name}-{short_hash(ref.name, number)[:5]}"
                labels = {"batch.kubernetes.io/job-name": ref.name, "job-name": ref.name}
                self._pods.make(body, name, template_of(body, kinds.JOB), labels)
        set_status(self._store, body, {"active": len(self._store.owned(body, kinds.POD))})
        self._loop.soon(DURATION, self._finish, ref)

    def _finish(self, ref: Ref) -> None:
        body = self._store.get(ref)
        if body is None:
            return
        pods = [pod for pod in self._store.owned(body, kinds.POD) if is_active(pod)]
        for pod in pods:
            ended = [condition("Ready", "False", "PodCompleted")]
            set_status(self._store, pod, {"phase": "Succeeded", "conditions": ended})
        done = {"active": 0, "succeeded": len(pods)}
        self._store.change(
            ref_of(body),
            {**body, "status": {**done, "conditions": [condition("Complete", "True", "")]}},
        )


def _is_over(body: Object) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(one.get("type") in _OVER and one.get("status") == "True" for one in conditions)
