"""VirtualServices as HTTPRoutes: what maps, field by field, and the reason where it does not."""

from typing import Any

import pytest
import yaml

from migrator.istio.mesh import Mesh
from migrator.istio.traffic.httproute import fit
from migrator.model.fieldpath import parts
from migrator.model.snapshot import Snapshot
from migrator.translate.http_route import http_routes

from .manifests import resource

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart-next, namespace: shop}
spec: {selector: {app: cart-next}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: stock, namespace: depot}
spec: {selector: {app: stock}, ports: [{name: http, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: till, namespace: shop}
spec:
  selector: {app: till}
  ports: [{name: http, port: 80}, {name: http-admin, port: 8080}, {name: tcp-sync, port: 90}]
---
apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: shop}
spec: {selector: {app: ledger}, ports: [{name: tcp, port: 5000}]}
"""
TO_CART = [{"destination": {"host": "cart"}}]
BACKEND = {"group": "", "kind": "Service", "name": "cart", "port": 80, "weight": 1}
ANY = [{"path": {"type": "PathPrefix", "value": "/"}}]


def virtual_service(spec, name="cart", namespace="shop"):
    meta = {"name": name, "namespace": namespace}
    api = "networking.istio.io/v1"
    return resource({"apiVersion": api, "kind": "VirtualService", "metadata": meta, "spec": spec})


def fitted(spec, *more):
    vs = virtual_service(spec)
    services = [resource(body) for body in yaml.safe_load_all(SERVICES)]
    return fit(Mesh(Snapshot([*services, vs, *more])), vs)


def of_cart(*http):
    return {"hosts": ["cart"], "http": list(http)}


def rules(*http) -> tuple[dict[str, Any], ...]:
    """The rules of the one route that comes of it."""
    found = fitted(of_cart(*http))
    assert found.misfits == ()
    (route,) = found.routes
    return route.rules


def test_the_object_is_of_its_service_and_says_every_default():
    """Else the API server would add defaults, and a repository would drift."""
    spec = of_cart({"route": TO_CART})
    (made,) = http_routes(virtual_service(spec), fitted(spec).routes)

    assert made == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "cart",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "migrate"},
        },
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "cart"}],
            "rules": [{"matches": ANY, "backendRefs": [BACKEND]}],
        },
    }


MATCHES = [
    ({"uri": {"exact": "/a"}}, {"path": {"type": "Exact", "value": "/a"}}),
    (
        {"uri": {"prefix": "/a.b"}},
        {"path": {"type": "RegularExpression", "value": r"/a\.b.*"}},
    ),
    ({"uri": {"prefix": "/"}}, ANY[0]),
    ({"uri": {"regex": "/a|/b"}}, {"path": {"type": "RegularExpression", "value": "/a|/b"}}),
    ({"method": {"exact": "GET"}}, {**ANY[0], "method": "GET"}),
    (
        {"headers": {"x-user": {"exact": "anna"}}},
        {**ANY[0], "headers": [{"type": "Exact", "name": "x-user", "value": "anna"}]},
    ),
    (
        {"headers": {"x-user": {"prefix": "a."}}},
        {**ANY[0], "headers": [{"type": "RegularExpression", "name": "x-user", "value": r"a\..*"}]},
    ),
    (
        {"headers": {"x-user": {}}},
        {**ANY[0], "headers": [{"type": "RegularExpression", "name": "x-user", "value": ".*"}]},
    ),
    (
        {"queryParams": {"page": {"regex": "*"}}},
        {
            **ANY[0],
            "queryParams": [{"type": "RegularExpression", "name": "page", "value": ".*"}],
        },
    ),
    ({"name": "for-logs", "gateways": ["mesh"]}, ANY[0]),
]


@pytest.mark.parametrize(("block", "expected"), MATCHES, ids=str)
def test_a_match_block(block, expected):
    """A prefix of a VirtualService is no prefix of an HTTPRoute, which stops at a slash."""
    (rule,) = rules({"match": [block], "route": TO_CART})

    assert rule["matches"] == [expected]


def test_several_methods_are_several_matches():
    """An HTTPRoute names one method in a match."""
    (rule,) = rules({"match": [{"method": {"regex": "GET|HEAD"}}], "route": TO_CART})

    assert [match["method"] for match in rule["matches"]] == ["GET", "HEAD"]


ACTIONS = [
    (
        {"headers": {"request": {"set": {"b": "2", "a": "1"}, "remove": ["c"]}}},
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "set": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
                "remove": ["c"],
            },
        },
    ),
    (
        {"headers": {"response": {"add": {"a": "1"}}}},
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"add": [{"name": "a", "value": "1"}]},
        },
    ),
    (
        {"match": [{"uri": {"exact": "/a"}}], "rewrite": {"uri": "/b", "authority": "old.shop"}},
        {
            "type": "URLRewrite",
            "urlRewrite": {
                "hostname": "old.shop",
                "path": {"type": "ReplaceFullPath", "replaceFullPath": "/b"},
            },
        },
    ),
    (
        {"mirror": {"host": "cart-next"}},
        {
            "type": "RequestMirror",
            "requestMirror": {
                "backendRef": {"group": "", "kind": "Service", "name": "cart-next", "port": 80}
            },
        },
    ),
    (
        {
            "mirrors": [
                {"destination": {"host": "stock.depot.svc.cluster.local", "port": {"number": 9000}},
                 "percentage": {"value": 2.5}}
            ]
        },
        {
            "type": "RequestMirror",
            "requestMirror": {
                "backendRef": {
                    "group": "",
                    "kind": "Service",
                    "name": "stock",
                    "namespace": "depot",
                    "port": 9000,
                },
                "fraction": {"numerator": 25000, "denominator": 1000000},
            },
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), ACTIONS, ids=lambda one: str(list(one)))
def test_a_filter(asked, expected):
    (rule,) = rules({**asked, "route": TO_CART})

    assert rule["filters"] == [expected]
    assert rule["backendRefs"] == [BACKEND]


def test_a_mirror_of_nothing_is_none():
    """`mirrorPercentage: 0` switches it off."""
    mirror = {"mirror": {"host": "cart-next"}, "mirrorPercentage": {"value": 0}}
    (rule,) = rules({**mirror, "route": TO_CART})

    assert "filters" not in rule


REDIRECTS = [
    ({"uri": "/b"}, {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/b"}}),
    ({"authority": "new.shop", "redirectCode": 302}, {"hostname": "new.shop", "statusCode": 302}),
    ({"scheme": "https", "port": 443}, {"scheme": "https"}),
    ({"scheme": "https", "port": 8443}, {"scheme": "https", "port": 8443}),
    ({"port": 8080}, {"port": 8080}),
    ({"derivePort": "FROM_REQUEST_PORT"}, {}),
]


@pytest.mark.parametrize(("asked", "expected"), REDIRECTS, ids=str)
def test_a_redirect(asked, expected):
    """The code is written out: the defaults of the two APIs differ."""
    (rule,) = rules({"redirect": asked})

    (found,) = rule["filters"]
    assert found["requestRedirect"] == {"statusCode": 301, **expected}
    assert "backendRefs" not in rule


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("5s", "5s"), ("1.5s", "1s500ms"), ("0s", None), ("0.5s", "500ms"), ("1h30m", "1h30m")],
)
def test_a_timeout(asked, expected):
    (rule,) = rules({"timeout": asked, "route": TO_CART})

    assert rule.get("timeouts") == ({"request": expected} if expected else None)


def test_weights_and_headers_of_destinations():
    """Zero stays zero: the API's default is one."""
    header = {"headers": {"response": {"set": {"x-version": "next"}}}}
    route = [
        {"destination": {"host": "cart"}, "weight": 100},
        {"destination": {"host": "cart-next"}, **header},
    ]
    (rule,) = rules({"route": route})

    assert rule["backendRefs"] == [
        {**BACKEND, "weight": 100},
        {
            **BACKEND,
            "name": "cart-next",
            "weight": 0,
            "filters": [
                {
                    "type": "ResponseHeaderModifier",
                    "responseHeaderModifier": {"set": [{"name": "x-version", "value": "next"}]},
                }
            ],
        },
    ]


def test_what_follows_a_match_of_everything_is_left_out():
    """It is never reached, and the order of an HTTPRoute would reach it."""
    first = {"match": [{"uri": {"prefix": "/"}}], "route": TO_CART}
    (rule,) = rules(first, {"match": [{"uri": {"exact": "/a"}}], "redirect": {"uri": "/b"}})

    assert rule == {"matches": ANY, "backendRefs": [BACKEND]}


def test_a_regular_expression_is_tried_after_every_prefix():
    """So that one that covers any path is one too, a shorter one."""
    found = rules(
        {"match": [{"uri": {"prefix": "/a"}}], "redirect": {"uri": "/b"}}, {"route": TO_CART}
    )

    assert [rule["matches"][0]["path"]["value"] for rule in found] == ["/a.*", "/.*"]


def test_ports_that_differ_get_routes_of_their_own():
    """A destination without port is at the port of the listener; a block may be for one port only."""
    found = fitted(
        {
            "hosts": ["till"],
            "http": [
                {"match": [{"port": 80, "uri": {"exact": "/a"}}], "redirect": {"uri": "/b"}},
                {"route": [{"destination": {"host": "till"}}]},
            ],
        }
    )
    made = http_routes(virtual_service({}, "till"), found.routes)

    assert [(m["metadata"]["name"], m["spec"]["parentRefs"][0]["port"]) for m in made] == [
        ("till-80", 80),
        ("till-8080", 8080),
    ]
    assert [len(m["spec"]["rules"]) for m in made] == [2, 1]
    assert made[1]["spec"]["rules"][0]["backendRefs"][0]["port"] == 8080


def test_hosts_get_routes_of_their_own():
    spec = {"hosts": ["cart", "cart-next.shop.svc.cluster.local"], "http": [{"route": TO_CART}]}
    made = http_routes(virtual_service(spec), fitted(spec).routes)

    assert [m["metadata"]["name"] for m in made] == ["cart-cart", "cart-cart-next"]


ROUTE = {"route": TO_CART}
LONG = "x" * 1025
MISFITS = [
    ("spec.http[0].match[0].scheme", {"match": [{"scheme": {"exact": "http"}}], **ROUTE}),
    ("spec.http[0].match[0].authority", {"match": [{"authority": {"exact": "a"}}], **ROUTE}),
    ("spec.http[0].match[0].sourceLabels", {"match": [{"sourceLabels": {"app": "web"}}], **ROUTE}),
    ("spec.http[0].match[0].sourceNamespace", {"match": [{"sourceNamespace": "web"}], **ROUTE}),
    ("spec.http[0].match[0].withoutHeaders", {"match": [{"withoutHeaders": {"a": {}}}], **ROUTE}),
    ("spec.http[0].match[0].statPrefix", {"match": [{"statPrefix": "a"}], **ROUTE}),
    (
        "spec.http[0].match[0].ignoreUriCase",
        {"match": [{"uri": {"exact": "/a"}, "ignoreUriCase": True}], **ROUTE},
    ),
    ("spec.http[0].match[0].uri", {"match": [{"uri": {"exact": "/a//b"}}], **ROUTE}),
    ("spec.http[0].match[0].uri", {"match": [{"uri": {"exact": "a"}}], **ROUTE}),
    ("spec.http[0].match[0].uri", {"match": [{"uri": {"prefix": f"/{LONG}"}}], **ROUTE}),
    ("spec.http[0].match[0].method", {"match": [{"method": {"exact": "PURGE"}}], **ROUTE}),
    ("spec.http[0].match[0].method", {"match": [{"method": {"prefix": "P"}}], **ROUTE}),
    (
        'spec.http[0].match[0].headers["@request.auth.claims.group"]',
        {"match": [{"headers": {"@request.auth.claims.group": {"exact": "a"}}}], **ROUTE},
    ),
    ("spec.http[0].match[0].headers.a", {"match": [{"headers": {"a": {"exact": ""}}}], **ROUTE}),
    (
        "spec.http[0].match[0].headers",
        {"match": [{"headers": {f"h{i}": {"exact": "a"} for i in range(17)}}], **ROUTE},
    ),
    ("spec.http[0].delegate", {"delegate": {"name": "other"}}),
    ("spec.http[0].directResponse", {"directResponse": {"status": 503}}),
    ("spec.http[0].fault", {"fault": {"abort": {"httpStatus": 500}}, **ROUTE}),
    ("spec.http[0].retries", {"retries": {"attempts": 3}, **ROUTE}),
    ("spec.http[0].corsPolicy", {"corsPolicy": {"allowOrigins": [{"exact": "https://a"}]}, **ROUTE}),
    ("spec.http[0].timeout", {"timeout": "0.0001s", **ROUTE}),
    ("spec.http[0].rewrite.uri", {"rewrite": {"uri": "/b"}, **ROUTE}),
    (
        "spec.http[0].rewrite.uri",
        {"match": [{"uri": {"exact": "/a"}}], "rewrite": {"uri": r"/\1"}, **ROUTE},
    ),
    (
        "spec.http[0].rewrite.uriRegexRewrite",
        {"rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "b"}}, **ROUTE},
    ),
    ("spec.http[0].rewrite.authority", {"rewrite": {"authority": "a:80"}, **ROUTE}),
    ("spec.http[0].redirect.authority", {"redirect": {"authority": "a:80"}}),
    ("spec.http[0].redirect.prefixRewrite", {"redirect": {"prefixRewrite": "/b"}}),
    ("spec.http[0].redirect", {"redirect": {"uri": "/b", "redirectCode": 304}}),
    (
        "spec.http[0].headers.request.set.a",
        {"headers": {"request": {"set": {"a": ""}}}, **ROUTE},
    ),
    (
        "spec.http[0].route[0].destination.subset",
        {"route": [{"destination": {"host": "cart", "subset": "v1"}}]},
    ),
    ("spec.http[0].route[0].destination", {"route": [{"destination": {"host": "gone"}}]}),
    (
        "spec.http[0].route[0].destination",
        {"route": [{"destination": {"host": "cart", "port": {"number": 81}}}]},
    ),
    ("spec.http[0].mirror", {"mirror": {"host": "gone"}, **ROUTE}),
    (
        "spec.http[0].route[0].destination",
        {"route": [{"destination": {"host": "stock.depot.svc.cluster.local"}}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "route"), MISFITS, ids=[f"{p} {i}" for i, (p, _) in enumerate(MISFITS)]
)
def test_what_an_httproute_cannot_say(path, route):
    found = fitted(of_cart(route))

    assert [one.path for one in found.misfits] == [path]
    assert found.routes == ()
    assert found.misfits[0].why
    assert parts(path)


WHOLE = [
    ("spec.gateways", {"gateways": ["mesh", "front"]}),
    ("spec.exportTo", {"exportTo": ["."]}),
    ("spec.tls", {"tls": [{"match": [{"sniHosts": ["a"]}], "route": TO_CART}]}),
    ("spec.tcp", {"tcp": [{"route": TO_CART}]}),
    ("spec", {"http": []}),
    ("spec.hosts[0]", {"hosts": ["*.shop.svc.cluster.local"]}),
    ("spec.hosts[0]", {"hosts": ["cart.shop"]}),
    ("spec.hosts[0]", {"hosts": ["stock.depot.svc.cluster.local"]}),
    ("spec.hosts", {"hosts": ["ledger"]}),
]


@pytest.mark.parametrize(
    ("path", "change"), WHOLE, ids=[f"{p} {i}" for i, (p, _) in enumerate(WHOLE)]
)
def test_what_no_httproute_can_stand_for(path, change):
    found = fitted({**of_cart({"route": TO_CART}), **change})

    assert [one.path for one in found.misfits] == [path]


def test_redirects_name_a_port_that_the_request_may_not_have_named():
    """Without `port`, an HTTPRoute answers with the request's own, a VirtualService with none."""
    found = fitted({"hosts": ["till"], "http": [{"redirect": {"uri": "/b"}}]})

    assert [one.path for one in found.misfits] == ["spec.http[0].redirect"]


def test_another_route_of_the_same_service():
    """Both would be merged, in an order that is not the one of today."""
    other = virtual_service(of_cart({"route": TO_CART}), "other")
    found = fitted(of_cart({"route": TO_CART}), other)

    assert [one.path for one in found.misfits] == ["spec.hosts[0]"]
    assert "VirtualService/shop/other" in found.misfits[0].why


def test_one_whose_weights_a_rollout_writes():
    """It would go on writing into an object that is gone."""
    routing = {"istio": {"virtualService": {"name": "cart"}}}
    rollout = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"strategy": {"canary": {"trafficRouting": routing}}},
    }
    found = fitted(of_cart({"route": TO_CART}), resource(rollout))

    assert [one.why for one in found.misfits] == ["Rollout/shop/cart writes its weights"]


def test_one_that_an_operator_makes():
    vs = virtual_service(of_cart({"route": TO_CART}))
    owner = {"apiVersion": "flagger.app/v1", "kind": "Canary", "name": "cart", "controller": True}
    vs.body["metadata"]["ownerReferences"] = [owner]
    services = map(resource, yaml.safe_load_all(SERVICES))

    (misfit,) = fit(Mesh(Snapshot([*services, vs])), vs).misfits
    assert (misfit.path, misfit.why) == ("metadata.ownerReferences", "Canary/shop/cart makes it")


def test_an_order_that_would_turn_round():
    """The first rule is for anybody from a group, whatever the path."""
    first = {"match": [{"headers": {"x-group": {"exact": "beta"}}}], "redirect": {"uri": "/b"}}
    found = fitted(
        of_cart(first, {"match": [{"uri": {"prefix": "/a"}}], "redirect": {"uri": "/c"}}, ROUTE)
    )

    assert [one.path for one in found.misfits] == ["spec.http[1]"]


DISJOINT = [
    ({"uri": {"prefix": "/a"}}, {"uri": {"exact": "/b"}}),
    ({"method": {"exact": "GET"}}, {"method": {"exact": "PUT"}, "uri": {"exact": "/a"}}),
    (
        {"headers": {"X-User": {"exact": "a"}}},
        {"headers": {"x-user": {"exact": "b"}}, "uri": {"exact": "/a"}},
    ),
]


@pytest.mark.parametrize(("first", "second"), DISJOINT, ids=str)
def test_an_order_that_turns_round_and_nobody_notices(first, second):
    """No request meets both."""
    found = rules(
        {"match": [first], "redirect": {"uri": "/x"}},
        {"match": [second], "redirect": {"uri": "/y"}},
    )

    assert len(found) == 2


def test_more_rules_than_an_httproute_takes():
    many = [{"match": [{"uri": {"exact": f"/{i}"}}], **ROUTE} for i in range(17)]

    assert [one.path for one in fitted(of_cart(*many)).misfits] == ["spec.http"]
