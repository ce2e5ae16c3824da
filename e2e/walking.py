"""Walk a plan forwards and back with the product's own engine, and look at the cluster after every step.

Real: the engine and all that it meets on the control plane. A look happens where a person could stop the
run: after a step is verified, before the next one begins.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from migrator.adapters.kube.client import connect
from migrator.adapters.kube.reading import read_cluster
from migrator.cli.plan_files import load_plan
from migrator.cli.world import Target, job_of, world
from migrator.engine import apply as engine
from migrator.engine.forward import Reach
from migrator.istio.mesh import Mesh
from migrator.model.news import News, Question, Topic
from migrator.planner.outlook.moments import Moment, moments, moments_back

from .controlplane import Kubectl

Look = Callable[[Moment], None]


class Walk:
    """One plan on one cluster, with what the model says of every moment of it."""

    def __init__(self, plane: Kubectl, file: Path) -> None:
        self._target = Target(str(plane.kubeconfig))
        self._file = file
        self.plan = load_plan(file)
        self.mesh = Mesh(read_cluster(connect(str(plane.kubeconfig))).snapshot)

    def forwards(self, look: Look) -> None:
        """`migrate apply`, with a look at the start, after each step, and at the end."""
        with _Watcher(_settled(moments(self.mesh, self.plan)), look) as watcher:
            engine.apply(self._job(watcher), Reach(), "stop")

    def back(self, look: Look) -> None:
        """`migrate rollback` to the start."""
        with _Watcher(_settled(moments_back(self.mesh, self.plan)), look) as watcher:
            engine.rollback(self._job(watcher), "")

    def _job(self, watcher: "_Watcher") -> engine.Job:
        return engine.Job(*job_of(self.plan, world(self._file, self._target), watcher))


class _Watcher:
    """Agrees to everything; before each step the moment is looked at that the last one led to."""

    def __init__(self, settled: Iterator[Moment], look: Look) -> None:
        self._settled, self._look = settled, look

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._look(next(self._settled))
            assert next(self._settled, None) is None

    def tell(self, news: News) -> None:
        if news.topic is Topic.STEP:
            self._look(next(self._settled))

    def ask(self, _: Question) -> bool:
        return True


def _settled(found: Iterator[Moment]) -> Iterator[Moment]:
    return (moment for moment in found if not moment.rolling)
