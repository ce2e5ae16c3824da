"""What gateways serve: Ingresses of Istio's class, and Gateway API routes with a Gateway as parent.

Mirrors `shouldProcessIngressWithClass` of istio/istio
pilot/pkg/config/kube/ingress/virtualservices.go.
"""

from collections.abc import Iterator

from migrator.model.resource import Ref, Resource


def backends(route: Resource) -> Iterator[Ref]:
    """The Services that a Gateway API route leads to."""
    for rule in route.spec.get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            if backend.get("kind", "Service") == "Service" and not backend.get("group"):
                namespace = backend.get("namespace") or route.namespace
                yield Ref("", "Service", namespace, backend.get("name", ""))


def has_gateway_parent(route: Resource) -> bool:
    """Whether a route is for a gateway; `Gateway` is the default kind of a parent."""
    parents = route.spec.get("parentRefs") or ()
    return any(parent.get("kind", "Gateway") == "Gateway" for parent in parents)


def is_istio(ingress: Resource) -> bool:
    """Whether Istio's gateways serve it, by the default `meshConfig.ingressClass`."""
    named = ingress.spec.get("ingressClassName") or ingress.annotations.get(
        "kubernetes.io/ingress.class"
    )
    return named == "istio"


def services(ingress: Resource) -> Iterator[Ref]:
    """The Services that an Ingress leads to."""
    backends = [ingress.spec.get("defaultBackend") or {}]
    for rule in ingress.spec.get("rules") or ():
        paths = (rule.get("http") or {}).get("paths") or ()
        backends += [path.get("backend") or {} for path in paths]
    for backend in backends:
        name = (backend.get("service") or {}).get("name")
        if name:
            yield Ref("", "Service", ingress.namespace, name)
