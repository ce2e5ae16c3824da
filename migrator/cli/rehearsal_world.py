"""What a rehearsal reaches clusters with: the provider, the engine's jobs, the system's clock."""

from typing import TYPE_CHECKING

from .world import World, job_of

if TYPE_CHECKING:
    from migrator.engine.apply import Job
    from migrator.planner.plan import Plan
    from migrator.ports import Cluster, Probe, Watcher
    from migrator.rehearsal.providers import Provider, Throwaway
    from migrator.rehearsal.run import Jobs
    from migrator.rehearsal.whole import Tools


def tools(watcher: "Watcher") -> "Tools":
    """The system's clock, and the live cluster of the provider."""
    from migrator.adapters.clock import SystemClock
    from migrator.rehearsal.whole import Tools

    return Tools(SystemClock(), watcher, _connect, _jobs)


def _connect(throwaway: "Throwaway") -> "Cluster":
    from migrator.adapters.kube.client import connect
    from migrator.adapters.kube.writer import LiveCluster

    return LiveCluster(connect(throwaway.kubeconfig, throwaway.context))


class _NothingChanges:
    """What was made for the plan is what it was made from."""

    def changes(self, *_: object) -> tuple[()]:
        return ()


def _jobs(cluster: "Cluster", _: "Throwaway") -> "Jobs":
    from migrator.adapters.clock import SystemClock
    from migrator.adapters.fake import MemoryJournal

    def make(plan: "Plan", watcher: "Watcher", probe: "Probe") -> "Job":
        nothing = _NothingChanges()
        found = World(cluster, SystemClock(), MemoryJournal(), nothing, probe)  # type: ignore[arg-type]
        return job_of(plan, found, watcher)

    return make


def provider_of(checkout: str) -> "Provider":
    """Where the cluster comes from."""
    from migrator.adapters.throwaway.controlplane import ControlPlane

    return ControlPlane(checkout)
