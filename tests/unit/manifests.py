"""Manifests of tests, as the readers would give them."""

from textwrap import dedent
from typing import Any

import yaml

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot


def resource(body: dict[str, Any]) -> Resource:
    group = body.get("apiVersion", "v1").rpartition("/")[0]
    meta = body["metadata"]
    return Resource(Ref(group, body["kind"], meta.get("namespace", ""), meta["name"]), body)


def snapshot(text: str) -> Snapshot:
    return Snapshot(resource(body) for body in yaml.safe_load_all(dedent(text)) if body)


def mesh(text: str) -> Mesh:
    return Mesh(snapshot(text))


def deployment(
    name: str = "cart",
    namespace: str = "shop",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Resource:
    template = {
        "metadata": {"labels": {"app": name, **(labels or {})}, "annotations": annotations or {}},
        "spec": {"containers": [{"name": name}], **spec},
    }
    meta = {"name": name, "namespace": namespace}
    return Resource(
        Ref(*kinds.DEPLOYMENT, namespace, name), {"metadata": meta, "spec": {"template": template}}
    )


def namespace(name: str = "shop", labels: dict[str, str] | None = None) -> Resource:
    meta = {"name": name, "labels": labels or {}}
    return Resource(Ref(*kinds.NAMESPACE, "", name), {"metadata": meta})


def pod(
    name: str,
    owner: Resource | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    phase: str = "Running",
) -> Resource:
    """A pod of the namespace `shop`; it runs unless `phase` says otherwise ("" for a manifest)."""
    meta: dict[str, Any] = {
        "name": name,
        "namespace": "shop",
        "labels": labels or {},
        "annotations": annotations or {},
    }
    if owner is not None:
        meta["ownerReferences"] = [
            {
                "apiVersion": f"{owner.ref.group}/v1",
                "kind": owner.ref.kind,
                "name": owner.name,
                "controller": True,
            }
        ]
    body = {"metadata": meta, "spec": {"containers": [{"name": "app"}]}}
    if phase:
        body["status"] = {"phase": phase}
    return Resource(Ref(*kinds.POD, "shop", name), body)
