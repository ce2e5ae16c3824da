"""A plan as kustomize components, one a wave: for clusters whose owner is a repository.

New objects are resources, changed fields are patches, deleted objects are `$patch: delete`. What a
person does, waits and gates cannot be committed: they stand in the README of the folder.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.planner.file.yaml_text import block
from migrator.planner.plan import Plan, Wave
from migrator.steps import AnyStep, CreateObject, DeleteObject, RestartWorkload, UpdateSpec

_VERSIONS = {
    "": "v1", "apps": "apps/v1", "batch": "batch/v1", "argoproj.io": "argoproj.io/v1alpha1",
    "networking.k8s.io": "networking.k8s.io/v1", "security.istio.io": "security.istio.io/v1",
    "networking.istio.io": "networking.istio.io/v1",
    "gateway.networking.k8s.io": "gateway.networking.k8s.io/v1",
}  # fmt: skip


def render(plan: Plan) -> Mapping[str, str]:
    """File names (relative, with folders) and their texts."""
    files: dict[str, str] = {}
    folders: list[tuple[str, Wave]] = []
    number = 0
    for phase in plan.phases:
        for wave in phase.waves:
            number += 1
            folder = f"{number:02}-{phase.name.value}-{wave.name}"
            folders.append((folder, wave))
            files.update(_component(folder, wave))
    files["README.md"] = _readme(folders)
    return files


def _component(folder: str, wave: Wave) -> Iterator[tuple[str, str]]:
    resources, patches = [], []
    for step in wave.steps:
        name = f"{step.id.replace('/', '-')}.yaml"
        if isinstance(step, CreateObject):
            resources.append(name)
            yield f"{folder}/{name}", block(step.manifest)
        elif body := _patch(step):
            patches.append(name)
            yield f"{folder}/{name}", block(body)
    component: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
    }
    if resources:
        component["resources"] = resources
    if patches:
        component["patches"] = [{"path": name} for name in patches]
    if resources or patches:
        yield f"{folder}/kustomization.yaml", block(component)


def _patch(step: AnyStep) -> dict[str, Any]:
    target = step.target
    metadata: dict[str, Any] = {"name": target.name}
    if target.namespace:
        metadata["namespace"] = target.namespace
    head = {"apiVersion": _VERSIONS.get(target.group, target.group), "kind": target.kind}
    if isinstance(step, DeleteObject):
        return {**head, "metadata": metadata, "$patch": "delete"}
    if isinstance(step, RestartWorkload) or not step.writes(""):
        return {}
    if isinstance(step, UpdateSpec):
        return {**head, "metadata": metadata, "spec": {"$patch": "replace", **step.spec}}
    body: dict[str, Any] = {**head, "metadata": metadata}
    for write in step.writes(""):
        _put(body, write.path, write.value)
    return body


def _put(body: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    for part in parents:
        body = body.setdefault(part, {})
    body[last] = value


def _readme(folders: list[tuple[str, Wave]]) -> str:
    lines = [
        "# The plan as kustomize components", "",
        "One folder a wave, in order. Add them to your overlay one after another, let the owner sync, and",
        "let the checks below hold before the next; `migrate apply` waits for each of them too.", "",
    ]  # fmt: skip
    for folder, wave in folders:
        lines += [f"## {folder}", "", wave.goal, ""]
        for step in wave.steps:
            lines.append(f"- {step.summary()}")
            lines += [f"  - then: {check.says}" for check in step.after]
        lines += [f"- gate: {gate.says}" for gate in wave.gates] + [""]
    return "\n".join(lines)
