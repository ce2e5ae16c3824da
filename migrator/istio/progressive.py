"""Progressive delivery: which VirtualServices a controller writes weights into."""

from migrator.model.resource import Ref, Resource

from . import kinds
from .loose import members, text
from .yamltext import dig

_ROUTING = ("strategy", "canary", "trafficRouting", "istio")


def virtual_services(rollout: Resource) -> tuple[Ref, ...] | None:
    """Those of an Argo Rollout; None where it does not shift traffic with Istio."""
    routing = dig(rollout.spec, *_ROUTING)
    if routing is None:
        return None
    named = [text(one, "name") for _, one in members(routing, "virtualServices")]
    found = []
    for one in filter(None, [text(routing, "virtualService", "name"), *named]):
        name, _, namespace = one.partition(".")
        found.append(Ref(*kinds.VIRTUAL_SERVICE, namespace or rollout.namespace, name))
    return tuple(found)
