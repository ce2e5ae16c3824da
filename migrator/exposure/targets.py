"""What can be called in two states: ports of Services, and pods by their own address."""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.istio.services import Service
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref

from .calling import Target
from .facts import Facts, is_http

_CALLED = frozenset({Role.APP, Role.GATEWAY})


class Pair(NamedTuple):
    """The same target in both states."""

    before: Target
    after: Target

    @property
    def servers(self) -> frozenset[Ref]:
        return self.before.servers | self.after.servers


def pairs(before: Facts, after: Facts, only: frozenset[Ref] | None) -> Iterator[Pair]:
    """Every target that both states have; `only` limits them to these Services and workloads."""
    for service in before.state.mesh.services.all:
        later = after.state.mesh.services.get(service.ref)
        if later is not None and _wanted(before, service, only):
            yield from _of_service(before, after, service, later)
    for workload in before.state.mesh.workloads:
        same = after.state.mesh.workload(workload.ref)
        if same is None or workload.role not in _CALLED:
            continue
        if only is not None and workload.ref not in only:
            continue
        if _is_reached_past(before, workload) or _is_reached_past(after, same):
            yield from _of_pods(before, after, workload, same)


def _wanted(facts: Facts, service: Service, only: frozenset[Ref] | None) -> bool:
    behind = [w for w in facts.state.mesh.services.workloads(service) if w.role in _CALLED]
    if not behind:
        return False  # nobody answers
    return only is None or service.ref in only or any(w.ref in only for w in behind)


def _of_service(before: Facts, after: Facts, service: Service, later: Service) -> Iterator[Pair]:
    ports = {port.number: port for port in later.ports}
    for port in service.ports:
        same = ports.get(port.number)
        if same is not None:
            found = (
                Target(
                    one,
                    None,
                    at.number,
                    at.target or at.number,
                    is_http(at.protocol),
                    frozenset(w.ref for w in facts.state.mesh.services.workloads(one)),
                )
                for facts, one, at in ((before, service, port), (after, later, same))
            )
            yield Pair(*found)


def _is_reached_past(facts: Facts, workload: Workload) -> bool:
    """Whether its address is another way than those of its Services: one has a waypoint, or there is none."""
    services = facts.state.mesh.services.of_workload(workload)
    return not services or any(facts.state.waypoint_of(one)[0] for one in services)


def _of_pods(before: Facts, after: Facts, workload: Workload, later: Workload) -> Iterator[Pair]:
    then, now = _ports(before, workload), _ports(after, later)
    own = frozenset({workload.ref})
    for number in sorted(then.keys() | now.keys()):
        was, is_ = then.get(number, now.get(number)), now.get(number, then.get(number))
        yield Pair(
            Target(None, workload, number, number, was, own),
            Target(None, later, number, number, is_, own),
        )


def _ports(facts: Facts, workload: Workload) -> dict[int, bool | None]:
    """The ports of its pods that Services, containers or policies name."""
    found: dict[int, bool | None] = {}
    for pods in facts.state.pods_of(workload):
        server = facts.server(workload, pods)
        named = server.ports() if server else frozenset()
        found |= dict.fromkeys(named)
    for container in workload.containers:
        for port in container.get("ports") or ():
            found.setdefault(int(port.get("containerPort") or 0))
    for service in facts.state.mesh.services.of_workload(workload):
        for one in service.ports:
            found[one.target or one.number] = is_http(one.protocol)
    return found
