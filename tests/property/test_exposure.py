"""The exposure model against a second evaluator, and against itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.exposure.calling import Caller
from migrator.exposure.compare import compare
from migrator.exposure.state import State
from migrator.exposure.verdict import Request, verdicts
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot

from . import brute
from .meshes import resource, snapshots

HOME = "shop"
DOMAIN = "cluster.local"
ONE, TWO, THREE = f"{DOMAIN}/ns/shop/sa/one", f"{DOMAIN}/ns/shop/sa/two", f"{DOMAIN}/ns/bank/sa/one"
WAYPOINT = f"{DOMAIN}/ns/shop/sa/waypoint"
ITSELF = f"{DOMAIN}/ns/shop/sa/server"  # the server moves too, and may call itself
SERVER = Ref(*kinds.SERVICE, HOME, "server")
WORKLOAD = Ref(*kinds.DEPLOYMENT, HOME, "server")


def lists(*options):
    return st.sampled_from([list(option) for option in options])


principals = lists([ONE], [ONE, THREE], ["*"], [f"{DOMAIN}/ns/shop/*"], ["*/sa/one"], [WAYPOINT])
source = st.fixed_dictionaries(
    {},
    optional={
        "principals": principals,
        "notPrincipals": principals,
        "namespaces": lists(["shop"], ["b*"]),
        "notNamespaces": lists(["shop"]),
        "serviceAccounts": lists(["one"], ["bank/one"]),
        "trustDomains": lists([DOMAIN], ["elsewhere"]),
        "requestPrincipals": lists(["*"], ["i/s"]),
        "notRequestPrincipals": lists(["*"]),
    },
)
operation = st.fixed_dictionaries(
    {},
    optional={
        "methods": lists(["GET"], ["D*"]),
        "notMethods": lists(["GET"]),
        "paths": lists(["/admin*"], ["*.html"], ["/admin", "/x"]),
        "notPaths": lists(["/admin*"]),
        "ports": lists(["8080"], ["80"]),
        "notPorts": lists(["8080"]),
    },
)
when = st.sampled_from(
    [
        {"key": "source.namespace", "values": ["shop"]},
        {"key": "source.principal", "notValues": [ONE]},
        {"key": "destination.port", "values": ["8080", "80"]},
        {"key": "request.headers[x]", "values": ["1"]},
        {"key": "request.headers[x]", "notValues": ["*"]},
        {"key": "request.auth.principal", "values": ["i/*"]},
    ]
)
rule = st.fixed_dictionaries(
    {},
    optional={
        "from": st.lists(source.map(lambda s: {"source": s}), min_size=1, max_size=2),
        "to": st.lists(operation.map(lambda o: {"operation": o}), min_size=1, max_size=2),
        "when": st.lists(when, min_size=1, max_size=2),
    },
)
spec = st.fixed_dictionaries(
    {"action": st.sampled_from(["ALLOW", "DENY"])},
    optional={"rules": st.lists(rule, min_size=1, max_size=2)},
)
world = st.fixed_dictionaries(
    {
        "at_pods": st.lists(spec, max_size=2),
        "at_waypoint": st.lists(spec, max_size=2),
        "ambient": st.booleans(),
        "bound": st.booleans(),
        "strict": st.booleans(),
        "http": st.booleans(),
        "tokens": st.booleans(),
    }
)
METHODS = ("GET", "DELETE", "POST")
PATHS = ("/", "/x", "/admin", "/admin/x", "/page.html", "/admin.html")
HEADERS = (None, "1", "2")
TOKENS = (None, "i/s", "i/t", "j/s")


def deployment(name, account, labels, namespace=HOME):
    pod = {"serviceAccountName": account, "containers": [{"name": "app"}]}
    template = {"metadata": {"labels": {"app": name, **labels}}, "spec": pod}
    return resource(kinds.DEPLOYMENT, namespace, name, spec={"replicas": 1, "template": template})


def state(one, callers):
    """The world as manifests; `callers` is the label that decides how the callers send."""
    ambient = {"istio.io/dataplane-mode": "ambient"}
    sidecar = {"sidecar.istio.io/inject": "true"}
    labels = {"istio.io/use-waypoint": "waypoint"} if one["bound"] else {}
    name = "http" if one["http"] else "tcp"
    found = [
        resource(kinds.NAMESPACE, "", HOME),
        resource(kinds.NAMESPACE, "", "bank"),
        deployment("server", "server", ambient if one["ambient"] else sidecar),
        deployment("c1", "one", callers),
        deployment("c2", "two", callers),
        deployment("c3", "one", callers, "bank"),
        resource(
            kinds.SERVICE, HOME, "server", metadata={"labels": labels},
            spec={"selector": {"app": "server"}, "ports": [{"name": name, "port": 80, "targetPort": 8080}]},
        ),
        resource(kinds.GATEWAY, HOME, "waypoint", spec={"gatewayClassName": "istio-waypoint"}),
    ]  # fmt: skip
    mode = {"mtls": {"mode": "STRICT" if one["strict"] else "PERMISSIVE"}}
    found.append(resource(kinds.PEER_AUTHENTICATION, HOME, "default", spec=mode))
    selector = {"selector": {"matchLabels": {"app": "server"}}}
    target = {"targetRefs": [{"group": "", "kind": "Service", "name": "server"}]}
    for kind, where in (("at_pods", selector), ("at_waypoint", target)):
        for number, policy in enumerate(one[kind]):
            name = f"{kind.replace('_', '-')}-{number}"
            found.append(resource(kinds.AUTHORIZATION_POLICY, HOME, name, spec={**policy, **where}))
        if one["tokens"]:
            rules = {"jwtRules": [{"issuer": brute.ISSUER, "forwardOriginalToken": True}]}
            name = f"tokens-{kind.replace('_', '-')}"
            found.append(
                resource(kinds.REQUEST_AUTHENTICATION, HOME, name, spec={**rules, **where})
            )
    return State(Mesh(Snapshot(found)))


def expected(one, caller, principal, request):
    """Whether the request is allowed, by the second evaluator."""
    http, tokens = one["http"], one["tokens"]
    seen = {**request, "principal": principal, "port": "8080"}
    if caller is Caller.OUTSIDE:
        if one["strict"]:
            return False
        seen["principal"] = None
    elif caller is Caller.AMBIENT and one["bound"]:
        arriving = {**seen, "port": "80"}
        if not brute.at_proxy(one["at_waypoint"], arriving, HOME, http, tokens):
            return False
        seen["principal"] = WAYPOINT
    if one["ambient"]:
        return brute.at_ztunnel(one["at_pods"], seen, HOME)
    return brute.at_proxy(one["at_pods"], seen, HOME, http, tokens)


def requests():
    return [
        {"method": m, "path": p, "header": h, "token": t}
        for m in METHODS for p in PATHS for h in HEADERS for t in TOKENS
    ]  # fmt: skip


def asked(at, caller, principal, request, http):
    headers = {"x": request["header"]} if request["header"] else {}
    found = verdicts(
        at,
        Request(
            caller, SERVER, 80, principal,
            method=request["method"], path=request["path"], headers=headers,
            token=request["token"], http=http,
        ),
    )  # fmt: skip
    (answer,) = {v.answer for v in found}
    return answer == "allowed"


SENDERS = {
    Caller.SIDECAR: {"sidecar.istio.io/inject": "true"},
    Caller.AMBIENT: {"istio.io/dataplane-mode": "ambient"},
}


@settings(max_examples=25, deadline=None)
@given(world, st.data())
def test_a_verdict_is_that_of_the_second_evaluator(one, data):
    at = state(one, {})
    for caller in (Caller.SIDECAR, Caller.AMBIENT, Caller.OUTSIDE):
        for request in data.draw(st.lists(st.sampled_from(requests()), min_size=8, max_size=8)):
            for principal in (ONE, TWO, THREE):
                told = asked(at, caller, principal, request, one["http"])
                assert told == expected(one, caller, principal, request), (
                    caller,
                    principal,
                    request,
                )


@settings(max_examples=25, deadline=None)
@given(world, world, st.sampled_from(list(SENDERS)))
def test_what_opens_and_closes_is_what_some_request_of_all_shows(first, second, caller):
    second["http"] = first["http"]
    before, after = (state(one, SENDERS[caller]) for one in (first, second))
    found = compare(before, after, only=frozenset({SERVER}))
    normal = {
        kind: {c.principal for c in changes if c.service == SERVER} - {ITSELF}
        for kind, changes in (("opens", found.opens), ("closes", found.closes))
    }
    truth = {"opens": set(), "closes": set()}
    for who, principal in [(caller, ONE), (caller, TWO), (caller, THREE), (Caller.OUTSIDE, "")]:
        for request in requests():
            was, is_ = (expected(one, who, principal, request) for one in (first, second))
            if was != is_:
                truth["opens" if is_ else "closes"].add(principal)

    for kind, told in normal.items():
        assert told <= truth[kind]
        assert bool(told) == bool(truth[kind]), kind


@settings(max_examples=15, deadline=None)
@given(world, world, st.sampled_from(list(SENDERS)))
def test_what_one_way_opens_the_other_way_closes(first, second, caller):
    second["http"] = first["http"]
    before, after = (state(one, SENDERS[caller]) for one in (first, second))
    there, back = compare(before, after), compare(after, before)

    assert {_who(c) for c in there.opens} == {_who(c) for c in back.closes}
    assert {_who(c) for c in there.closes} == {_who(c) for c in back.opens}


def _who(change):
    return change.principal, change.service, change.server, change.port, change.request


@settings(max_examples=15, deadline=None)
@given(snapshots)
def test_a_state_opens_and_closes_nothing_against_itself(snapshot):
    before, after = State(Mesh(snapshot)), State(Mesh(Snapshot(reversed(list(snapshot)))))

    assert not compare(before, after)


@pytest.mark.parametrize("caller", SENDERS)
def test_the_strategies_reach_both_openings_and_closings(caller):
    """Not vacuous: a policy more closes, one less opens."""
    plain = {
        "at_pods": [], "at_waypoint": [], "ambient": False, "bound": False,
        "strict": True, "http": True, "tokens": False,
    }  # fmt: skip
    denied = {
        **plain,
        "at_pods": [{"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}],
    }
    before, after = (state(one, SENDERS[caller]) for one in (plain, denied))

    assert compare(before, after).closes
    assert compare(after, before).opens
