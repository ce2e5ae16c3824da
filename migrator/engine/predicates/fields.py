"""What a step wrote is there: labels, whole objects, or their absence."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.model.resource import Ref
from migrator.model.verdict import Verdict
from migrator.model.writes import MANAGED_BY, Path, Write, at, contains
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check, CreateObject, UpdateSpec

from .bodies import gone, is_ending, labels_of, pod_ref, subject, together
from .pods import live

_SHORT = 80


def labels_set(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    """Every field of the step, on its target and on the pods that it labels."""
    ref = subject(check, step)
    writes = step.writes("")
    body = cluster.get(ref)
    if body is None and writes:
        return gone(ref)
    verdicts = [_field(ref, body, write) for write in writes]
    on_pods = step.pod_labels()
    pods = live(cluster, ref) if on_pods else ()
    for pod in pods:
        verdicts += [_label(pod, key, value) for key, value in on_pods.items()]
    of_pods = f", on {len(pods)} live pods too" if on_pods else ""
    seen = ", ".join(f"{write.path[-1]} is {_shown(write.value)}" for write in writes)
    return together(verdicts, f"{ref}: {seen or 'labels are set'}{of_pods}")


def exists(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    """The live spec has everything of the step's, and nothing that the step takes away."""
    ref = subject(check, step)
    body = cluster.get(ref)
    if body is None:
        return gone(ref)
    if is_ending(body):
        return Verdict.failed(f"{ref} is being deleted: metadata.deletionTimestamp is set")
    for where, found, wanted in _differences(step, body):
        return Verdict.waiting(f"{ref}: {where} is {_shown(found)}; {_shown(wanted)} is awaited")
    return Verdict.done(f"{ref} is there, as the step made it")


def absent(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    ref = subject(check, step)
    body = cluster.get(ref)
    if body is None:
        return Verdict.done(f"{ref} is not there")
    if is_ending(body):
        finalizers = body["metadata"].get("finalizers") or ()
        held = f", held by the finalizers {', '.join(finalizers)}" if finalizers else ""
        return Verdict.waiting(f"{ref} is being deleted{held}; its absence is awaited")
    manager = labels_of(body).get(MANAGED_BY)
    made_by = f", managed by {manager}" if manager else ""
    return Verdict.failed(f"{ref} is there{made_by}, and nobody is deleting it")


def _field(ref: Ref, body: Body | None, write: Write) -> Verdict:
    found = at(body, write.path)
    says = f"{ref}: {'.'.join(write.path)} is {_shown(found)}"
    if found == write.value:
        return Verdict.done(says)
    return Verdict.waiting(f"{says}; {_shown(write.value)} is awaited")


def _label(pod: Body, key: str, value: str | None) -> Verdict:
    found = labels_of(pod).get(key)
    says = f"{pod_ref(pod)}: label {key} is {_shown(found)}"
    if found == value:
        return Verdict.done(says)
    return Verdict.waiting(f"{says}; {_shown(value)} is awaited")


def _differences(step: AnyStep, body: Body) -> Iterator[tuple[str, Any, Any]]:
    """Where, what is found, what is wanted."""
    if isinstance(step, CreateObject):
        for key in step.manifest.keys() - {"apiVersion", "kind", "metadata"}:
            yield from _missing((key,), body.get(key), step.manifest[key])
        for key, value in (step.manifest["metadata"].get("labels") or {}).items():
            yield from _missing(("metadata", "labels", key), labels_of(body).get(key), value)
    if isinstance(step, UpdateSpec):
        yield from _missing(("spec",), body.get("spec"), step.spec)
        yield from _left(("spec",), body.get("spec"), step.spec, step.old)


def _missing(path: Path, found: Any, wanted: Any) -> Iterator[tuple[str, Any, Any]]:
    """The innermost fields that are not as wanted; what the API server added does not count."""
    if contains(found, wanted):
        return
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key, value in wanted.items():
            yield from _missing((*path, key), found.get(key), value)
    else:
        yield ".".join(path), found, wanted


def _left(path: Path, found: Any, wanted: Any, old: Any) -> Iterator[tuple[str, Any, Any]]:
    """Fields of the old spec that the step takes away and that are still there."""
    if not all(isinstance(one, Mapping) for one in (found, wanted, old)):
        return
    for key in sorted(old):
        if key in found and wanted.get(key) is None:
            yield ".".join((*path, key)), found[key], None
        else:
            yield from _left((*path, key), found.get(key), wanted.get(key), old[key])


def _shown(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
