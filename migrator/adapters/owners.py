"""Owner references must lead somewhere: a cycle would hide every workload in it."""

from collections.abc import Iterable, Iterator, Mapping

from migrator.model.resource import Ref, Resource


def cycles(resources: Mapping[Ref, Resource]) -> Iterator[tuple[Ref, ...]]:
    """Every cycle of controlling owners, from its smallest member on."""
    done: set[Ref] = set()
    for start in sorted(_owners(resources.values()).values()):
        path: list[Ref] = []
        at: Ref | None = start
        while at is not None and at not in done:
            done.add(at)
            path.append(at)
            at = _owner(resources[at]) if at in resources else None
        if at is not None and at in path:
            ring = path[path.index(at) :]
            first = ring.index(min(ring))
            yield (*ring[first:], *ring[:first])


def _owners(resources: Iterable[Resource]) -> dict[Ref, Ref]:
    """Every controlling owner. Pods of one owner share its references, which are looked at once."""
    found: dict[Ref, Ref] = {}
    seen: set[tuple[str, int]] = set()
    for resource in resources:
        references = resource.body["metadata"].get("ownerReferences")
        key = (resource.ref.namespace, id(references))
        if references and key not in seen:
            seen.add(key)
            if owner := _owner(resource):
                found[owner] = owner
    return found


def _owner(resource: Resource) -> Ref | None:
    for owner in resource.metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner.get("apiVersion", "").rpartition("/")[0]
            return Ref(group, owner.get("kind", ""), resource.namespace, owner.get("name", ""))
    return None
