"""Who writes an object, by the marks that tools leave."""

from typing import Any

import pytest

from migrator.istio.ownership import argocd, changed_by_plan, flux, grouped, helm, named, operator
from migrator.model.resource import Ref, Resource

from .manifests import deployment, mesh, resource

FLUX = "kustomize.toolkit.fluxcd.io"


def marked(
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    name: str = "cart",
) -> Resource:
    meta = {"name": name, "namespace": "shop"}
    return resource(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**meta, "labels": labels or {}, "annotations": annotations or {}},
        }
    )


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/cart"}, "shop"),
        ({}, {"argocd.argoproj.io/tracking-id": "argocd_shop:apps/Deployment:shop/cart"}, "shop"),
        ({"argocd.argoproj.io/instance": "shop"}, {}, "shop"),
        ({"app.kubernetes.io/instance": "known"}, {}, "known"),
        ({"app.kubernetes.io/instance": "cart"}, {}, None),
        ({}, {}, None),
    ],
)
def test_argo_cd(labels: dict[str, str], annotations: dict[str, str], owner: str | None) -> None:
    mark = argocd(marked(labels, annotations), {"known": marked()})

    assert (mark.owner if mark else None) == owner


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({f"{FLUX}/name": "a", f"{FLUX}/namespace": "flux"}, {}, "Kustomization flux/a"),
        ({"helm.toolkit.fluxcd.io/name": "a"}, {}, "HelmRelease shop/a"),
        ({f"{FLUX}/name": "a"}, {f"{FLUX}/reconcile": "disabled"}, None),
        ({f"{FLUX}/name": "a"}, {f"{FLUX}/ssa": "IfNotPresent"}, None),
        ({f"{FLUX}/name": "a"}, {f"{FLUX}/ssa": "Merge"}, "Kustomization shop/a"),
        ({}, {}, None),
    ],
)
def test_flux(labels: dict[str, str], annotations: dict[str, str], owner: str | None) -> None:
    mark = flux(marked(labels, annotations))

    assert (mark.owner if mark else None) == owner


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({}, {"meta.helm.sh/release-name": "a", "meta.helm.sh/release-namespace": "b"}, "b/a"),
        ({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "a"}, {}, "shop/a"),
        ({"app.kubernetes.io/managed-by": "Helm", "release": "a"}, {}, "shop/a"),
        ({"app.kubernetes.io/managed-by": "kustomize"}, {}, None),
    ],
)
def test_helm(labels: dict[str, str], annotations: dict[str, str], owner: str | None) -> None:
    mark = helm(marked(labels, annotations))

    assert (mark.owner if mark else None) == owner


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (
            {"apiVersion": "search.example/v1", "kind": "Cluster", "name": "a", "controller": True},
            "a",
        ),
        ({"apiVersion": "search.example/v1", "kind": "Cluster", "name": "a"}, None),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a", "controller": True}, None),
        ({"apiVersion": "v1", "kind": "Node", "name": "a", "controller": True}, None),
    ],
)
def test_operators(owner: dict[str, Any], expected: str | None) -> None:
    one = marked()
    one.body["metadata"]["ownerReferences"] = [owner]
    found = operator(one)

    assert found == (Ref("search.example", "Cluster", "shop", "a") if expected else None)


def test_owners_come_with_their_objects_in_order() -> None:
    by_argo = {"argocd.argoproj.io/instance": "shop"}
    first, second = marked(by_argo, name="a"), marked(by_argo, name="b")
    found = grouped([second, marked(name="c"), first], lambda one: argocd(one, {}))

    assert {name: owned.objects for name, owned in found.items()} == {"shop": (second, first)}


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "Deployment/shop/0"),
        (3, "Deployment/shop/0, Deployment/shop/1, Deployment/shop/2"),
        (5, "Deployment/shop/0, Deployment/shop/1, Deployment/shop/2 and 2 more"),
    ],
)
def test_names_a_few(count: int, said: str) -> None:
    assert named([deployment(str(i)) for i in range(count)]) == said


def test_a_plan_changes_meshed_workloads_and_their_namespaces() -> None:
    text = """
    kind: Namespace
    metadata: {name: shop, labels: {istio-injection: enabled}}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: cart, namespace: shop}
    spec: {template: {spec: {containers: [{name: cart}]}}}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: builder, namespace: tools}
    spec: {template: {spec: {containers: [{name: builder}]}}}
    """
    assert [one.name for one in changed_by_plan(mesh(text))] == ["shop", "cart"]
