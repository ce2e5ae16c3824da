"""Real calls, made inside the pods of the callers by the stand-in's own client.

For each caller two generators, half a second apart; each makes every call once a second, waits 3 seconds for
an answer, and tries nothing again. The client prints `[call, answer, by]` for each.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrator.engine.pods import running_pods
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.ports import Clock, Cluster
from migrator.rehearsal import standin
from migrator.rehearsal.calls import Answer, Call, Sample

from .runner import Lines, Runner

OUTSIDE = Ref(*kinds.DEPLOYMENT, "migrate-rehearsal-outside", "caller")
_DELAYS = (0, 500)  # milliseconds
_EVERY, _TIMEOUT = 1000, 3000
_PATIENCE = 10.0  # seconds for every call to have an answer
_PAUSE = 0.5
_PROXY = "istio-proxy"


class ExecTraffic:
    """Generators by caller and delay; one whose pod ends is started again in another."""

    def __init__(
        self, runner: Runner, cluster: Cluster, clock: Clock, kubectl: Sequence[str]
    ) -> None:
        self._runner, self._cluster, self._clock = runner, cluster, clock
        self._kubectl = list(kubectl)
        self._calls: Sequence[Call] = ()
        self._running: dict[tuple[Ref, int], Lines] = {}

    def start(self, calls: Sequence[Call], namespaces: Sequence[str]) -> None:  # noqa: ARG002
        self.stop()
        self._calls = calls
        self._revive()

    def take(self) -> Sequence[Sample]:
        """Waits until every call whose caller has a pod was answered, but not for long."""
        found: list[Sample] = []
        begin = self._clock.now()
        while True:
            self._revive()
            found.extend(self._read())
            waited = (self._clock.now() - begin).total_seconds()
            if self._wanted() <= {one.call for one in found} or waited > _PATIENCE:
                return found
            self._clock.sleep(_PAUSE)

    def stop(self) -> None:
        for one in self._running.values():
            one.end()
        self._running.clear()

    def _wanted(self) -> set[str]:
        speaking = {caller for caller, _ in self._running}
        return {call.id for call in self._calls if (call.caller or OUTSIDE) in speaking}

    def _read(self) -> Iterator[Sample]:
        for one in self._running.values():
            for line in one.read():
                sample = _sample(line)
                if sample is not None:
                    yield sample

    def _revive(self) -> None:
        by_caller: dict[Ref, list[Call]] = {}
        for call in self._calls:
            by_caller.setdefault(call.caller or OUTSIDE, []).append(call)
        for caller, calls in by_caller.items():
            for number, delay in enumerate(_DELAYS):
                running = self._running.get((caller, delay))
                if running is None or running.ended:
                    self._begin(caller, calls, (number, delay))

    def _begin(self, caller: Ref, calls: Sequence[Call], turn: tuple[int, int]) -> None:
        number, delay = turn
        old = self._running.pop((caller, delay), None)
        if old is not None:
            old.end()
        pods = [body for body in running_pods(self._cluster, caller) if _is_ready(body)]
        if not pods:
            return
        body = pods[number % len(pods)]
        meta = body["metadata"]
        command = [
            *self._kubectl, "exec", "-i", "-n", meta["namespace"], meta["name"], "-c", _container(body),
            "--", standin.PROGRAM, "call", f"--delay={delay}ms", f"--every={_EVERY}ms",
            f"--timeout={_TIMEOUT}ms",
        ]  # fmt: skip
        asked = "".join(json.dumps(call.data()) + "\n" for call in calls)
        self._running[caller, delay] = self._runner.start(command, asked)


def _sample(line: str) -> Sample | None:
    """What the client printed; other words, of kubectl for one, are no answer."""
    try:
        call, answer, by = json.loads(line)
        return Sample(str(call), Answer(answer), str(by))
    except (ValueError, TypeError):
        return None


def _container(body: Mapping[str, Any]) -> str:
    """The first stand-in of the pod."""
    named = [c["name"] for c in body["spec"]["containers"]]
    return str(next((name for name in named if name != _PROXY), named[0]))


def _is_ready(body: Mapping[str, Any]) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def outside(image: str, marks: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A caller without any proxy: its namespace has no label but `marks`, and its pod refuses one."""
    labels = {"app": OUTSIDE.name, "sidecar.istio.io/inject": "false"}
    meta = {"name": OUTSIDE.namespace, "labels": dict(marks)}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    template = {
        "metadata": {"labels": labels},
        "spec": standin.pod_spec({"containers": [{"name": "caller"}]}, {}, image, ends=False),
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": OUTSIDE.name, "namespace": OUTSIDE.namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": OUTSIDE.name}},
            "template": template,
        },
    }
