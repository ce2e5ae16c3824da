"""What a rehearsal reaches clusters with: the provider, the engine's jobs, the system's clock."""

from typing import TYPE_CHECKING, NamedTuple

from .world import World, job_of

if TYPE_CHECKING:
    from migrator.engine.apply import Job
    from migrator.planner.plan import Plan
    from migrator.ports import Cluster, Probe, Watcher
    from migrator.rehearsal.providers import Provider, Throwaway
    from migrator.rehearsal.run import Jobs
    from migrator.rehearsal.whole import Tools


class Place(NamedTuple):
    """Everything that says where the cluster comes from, and what runs on it."""

    provider: str
    checkout: str
    on: str
    kubeconfig: str
    node_image: str
    load: tuple[str, ...]
    image: str
    hub: str
    tag: str
    charts: str
    gateway_api: str


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


def provider_of(place: Place) -> "Provider":
    """Where the cluster comes from."""
    if place.provider == "controlplane":
        from migrator.adapters.throwaway.controlplane import ControlPlane

        return ControlPlane(place.checkout)
    from migrator.adapters.throwaway.context import Context
    from migrator.adapters.throwaway.istio import Images
    from migrator.adapters.throwaway.kind import Kind, Wishes
    from migrator.adapters.throwaway.runner import Programs

    named = {"charts": place.charts, "gateway_api": place.gateway_api}
    images = Images(place.hub, place.tag, **{key: value for key, value in named.items() if value})
    wishes = Wishes(place.node_image, place.load, place.image, images)
    if place.provider == "context":
        return Context(Programs(), (place.kubeconfig, place.on), wishes)
    return Kind(Programs(), wishes)
