"""Who writes an object besides us: Argo CD, Flux, Helm, an operator's own resource.

Sources: the marks that these tools document for what they apply (Argo CD resource tracking, the labels of
Flux's kustomize- and helm-controller, Helm 3's annotations), and Kubernetes' owner references.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from migrator.model.fieldpath import field
from migrator.model.resource import Ref, Resource

from . import kinds
from .mesh import Mesh
from .workloads import Workload

TRACKING_ID, ARGO_INSTANCE = "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"
INSTANCE, MANAGED_BY = "app.kubernetes.io/instance", "app.kubernetes.io/managed-by"
RELEASE, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
_FLUX = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
_FLUX_LETS_GO = {"reconcile": {"disabled"}, "ssa": {"IfNotPresent", "Ignore"}}


class Mark(NamedTuple):
    """The owner's name, and the path of what says so."""

    owner: str
    path: str


class Owned(NamedTuple):
    """What one owner has of the objects that a plan changes, with the mark on the first."""

    mark: Mark
    objects: tuple[Resource, ...]


def changed_by_plan(mesh: Mesh) -> tuple[Resource, ...]:
    """The workloads that would move, and their namespaces where the source declares them."""
    declared = [mesh.namespace(name).resource for name in mesh.meshed_namespaces]
    namespaces = [one for one in declared if one is not None]
    return (*namespaces, *(w.resource for w in mesh.meshed))


def concerned(mesh: Mesh, objects: Iterable[Resource]) -> tuple[Ref, ...]:
    """The objects; with a namespace, every workload in it that would move by its label."""
    refs = {one.ref for one in objects}
    inside = {ref.name for ref in refs if ref.group_kind == kinds.NAMESPACE}
    return tuple(sorted(refs | {w.ref for name in inside for w in mesh.meshed_in(name)}))


def named(objects: Sequence[Resource | Workload], most: int = 3) -> str:
    """The first few by name, and how many more there are."""
    names = ", ".join(str(one.ref) for one in objects[:most])
    rest = len(objects) - most
    return f"{names} and {rest} more" if rest > 0 else names


def grouped(
    objects: Iterable[Resource], mark_of: Callable[[Resource], Mark | None]
) -> Mapping[str, Owned]:
    """The objects by their owner, in the order in which they come."""
    found: dict[str, tuple[Mark, list[Resource]]] = {}
    for one in objects:
        if mark := mark_of(one):
            found.setdefault(mark.owner, (mark, []))[1].append(one)
    return {owner: Owned(mark, tuple(group)) for owner, (mark, group) in found.items()}


def argocd(resource: Resource, applications: Mapping[str, Resource]) -> Mark | None:
    """The Application that tracks the object; the shared label counts where one has that name."""
    if tracking := resource.annotations.get(TRACKING_ID):
        owner = tracking.partition(":")[0].rpartition("_")[2]
        return Mark(owner, field("metadata", "annotations", TRACKING_ID))
    if owner := resource.labels.get(ARGO_INSTANCE, ""):
        return Mark(owner, field("metadata", "labels", ARGO_INSTANCE))
    owner = resource.labels.get(INSTANCE, "")
    return Mark(owner, field("metadata", "labels", INSTANCE)) if owner in applications else None


def flux(resource: Resource) -> Mark | None:
    """The Kustomization or HelmRelease that applies the object, unless it is told to leave it alone."""
    for domain in _FLUX:
        name = resource.labels.get(f"{domain}/name")
        released = any(
            resource.annotations.get(f"{domain}/{key}") in values
            for key, values in _FLUX_LETS_GO.items()
        )
        if name and not released:
            kind = "Kustomization" if domain.startswith("kustomize") else "HelmRelease"
            home = resource.labels.get(f"{domain}/namespace", resource.namespace)
            return Mark(f"{kind} {home}/{name}", field("metadata", "labels", f"{domain}/name"))
    return None


def helm(resource: Resource) -> Mark | None:
    """The release that the object is part of."""
    if name := resource.annotations.get(RELEASE):
        home = resource.annotations.get(RELEASE_NAMESPACE, resource.namespace)
        return Mark(f"{home}/{name}", field("metadata", "annotations", RELEASE))
    if resource.labels.get(MANAGED_BY) == "Helm":
        name = resource.labels.get(INSTANCE) or resource.labels.get("release") or "unknown"
        return Mark(f"{resource.namespace}/{name}", field("metadata", "labels", MANAGED_BY))
    return None


def operator(resource: Resource) -> Ref | None:
    """The custom resource whose operator makes the object."""
    for owner in resource.metadata.get("ownerReferences") or ():
        group = owner["apiVersion"].rpartition("/")[0]
        ref = Ref(group, owner["kind"], resource.namespace, owner["name"])
        if owner.get("controller") and ref.group_kind not in kinds.CONTROLLERS and "." in group:
            return ref
    return None
