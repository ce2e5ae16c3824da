"""Small meshes for hypothesis: namespaces, workloads of several kinds, services, policies, routes; and their
plans.
"""

from hypothesis import strategies as st

from migrator.istio import kinds
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.options import Acknowledge
from migrator.rules import all_rules, analyze

NAMESPACES = ("bank", "shop")
APPS = ("a", "b", "c")
EVERYTHING = tuple(Acknowledge(code=rule.code) for rule in all_rules())

_injection = st.sampled_from(
    [
        {"istio-injection": "enabled"},
        {"istio-injection": "enabled"},
        {"istio.io/rev": "canary"},
        {},
        {"istio-injection": "enabled", "istio.io/dataplane-mode": "ambient"},
    ]
)
_pod_labels = st.sampled_from(
    [
        {},
        {},
        {},
        {"sidecar.istio.io/inject": "false"},
        {"sidecar.istio.io/inject": "true"},
        {"istio.io/dataplane-mode": "none"},
    ]
)
_kinds = st.sampled_from(
    [
        kinds.DEPLOYMENT,
        kinds.DEPLOYMENT,
        kinds.STATEFUL_SET,
        kinds.DAEMON_SET,
        kinds.CRON_JOB,
        kinds.JOB,
        kinds.POD,
    ]
)
_source = st.fixed_dictionaries(
    {},
    optional={
        "principals": st.just(["cluster.local/ns/shop/sa/a"]),
        "notPrincipals": st.just(["cluster.local/ns/shop/sa/b"]),
        "namespaces": st.just(["bank"]),
        "requestPrincipals": st.just(["*"]),
        "notRequestPrincipals": st.just(["*"]),
    },
)
_operation = st.fixed_dictionaries(
    {},
    optional={
        "ports": st.sampled_from([["8080"], ["9090"]]),
        "notPorts": st.just(["9090"]),
        "methods": st.just(["GET"]),
        "paths": st.just(["/admin"]),
    },
)
_when = st.sampled_from(
    [
        {"key": "source.namespace", "values": ["shop"]},
        {"key": "destination.port", "values": ["8080"]},
        {"key": "request.headers[x]", "values": ["1"]},
    ]
)
_rule = st.fixed_dictionaries(
    {},
    optional={
        "from": st.lists(_source.filter(bool).map(lambda s: {"source": s}), min_size=1, max_size=2),
        "to": st.lists(
            _operation.filter(bool).map(lambda o: {"operation": o}), min_size=1, max_size=2
        ),
        "when": st.lists(_when, min_size=1, max_size=2),
    },
)
policy_specs = st.fixed_dictionaries(
    {"action": st.sampled_from(["ALLOW", "DENY", "CUSTOM", "AUDIT"])},
    optional={
        "rules": st.lists(_rule, min_size=1, max_size=2),
        "selector": st.sampled_from([{"matchLabels": {"app": app}} for app in APPS]),
    },
)


def resource(kind, namespace, name, **body):
    """An object as a reader would give it."""
    version = "v1"
    metadata = {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        **body.pop("metadata", {}),
    }
    api = f"{kind.group}/{version}" if kind.group else version
    return Resource(
        Ref(*kind, namespace, name),
        {"apiVersion": api, "kind": kind.kind, "metadata": metadata, **body},
    )


def _template(app, labels):
    return {
        "metadata": {"labels": {"app": app, **labels}},
        "spec": {
            "serviceAccountName": app,
            "containers": [{"name": "app", "image": "app:1", "ports": [{"containerPort": 8080}]}],
        },
    }


def workload(kind, namespace, app, labels):
    """A workload of any kind whose pods carry `app`."""
    template = _template(app, labels)
    if kind == kinds.POD:
        return resource(
            kind,
            namespace,
            app,
            metadata={"labels": template["metadata"]["labels"]},
            spec=template["spec"],
        )
    if kind == kinds.CRON_JOB:
        return resource(
            kind, namespace, app, spec={"jobTemplate": {"spec": {"template": template}}}
        )
    spec = {"template": template, "selector": {"matchLabels": {"app": app}}}
    return resource(kind, namespace, app, spec=spec)


def service(namespace, app, *, headless=False, port="http"):
    """A Service in front of the pods of `app`."""
    spec = {"selector": {"app": app}, "ports": [{"name": port, "port": 80, "targetPort": 8080}]}
    return resource(
        kinds.SERVICE, namespace, app, spec={**spec, **({"clusterIP": "None"} if headless else {})}
    )


@st.composite
def resources(draw):
    """The objects of one mesh, in the order in which they were drawn."""
    found = []
    for namespace in NAMESPACES:
        found.append(
            resource(kinds.NAMESPACE, "", namespace, metadata={"labels": draw(_injection)})
        )
        for app in draw(st.sets(st.sampled_from(APPS), min_size=1)):
            found.append(workload(draw(_kinds), namespace, app, draw(_pod_labels)))
            if draw(st.integers(0, 3)):
                found.append(service(namespace, app, headless=draw(st.integers(0, 4)) == 0))
    for number, spec in enumerate(draw(st.lists(policy_specs, max_size=4))):
        home = draw(st.sampled_from((*NAMESPACES, "istio-system")))
        found.append(resource(kinds.AUTHORIZATION_POLICY, home, f"p{number}", spec=spec))
    return [*found, *draw(_now_and_then())]


@st.composite
def _sending(draw, name):
    """A DestinationRule that says how its callers send: of one Service, of a namespace's, of all."""
    home = draw(st.sampled_from((*NAMESPACES, "istio-system")))
    about = draw(st.sampled_from(NAMESPACES))
    hosts = (f"a.{about}.svc.cluster.local", f"*.{about}.svc.cluster.local", "*.local")
    tls = {"tls": {"mode": draw(st.sampled_from(("DISABLE", "ISTIO_MUTUAL", "SIMPLE")))}}
    spec = {"host": draw(st.sampled_from(hosts)), "trafficPolicy": tls}
    exported = draw(st.sampled_from((None, None, ["."], ["shop"])))
    return resource(
        kinds.DESTINATION_RULE, home, name, spec=spec | ({"exportTo": exported} if exported else {})
    )


@st.composite
def _now_and_then(draw):
    """What only some meshes have: a default for mTLS, tokens, a route, a gateway."""
    found = []
    if draw(st.booleans()):
        mode = {"mtls": {"mode": draw(st.sampled_from(["STRICT", "PERMISSIVE"]))}}
        found.append(resource(kinds.PEER_AUTHENTICATION, "istio-system", "default", spec=mode))
    if draw(st.integers(0, 2)) == 0:
        jwt = {"selector": {"matchLabels": {"app": "a"}}, "jwtRules": [{"issuer": "i"}]}
        found.append(
            resource(
                kinds.REQUEST_AUTHENTICATION, draw(st.sampled_from(NAMESPACES)), "jwt", spec=jwt
            )
        )
    if draw(st.integers(0, 2)) == 0:
        route = {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}
        found.append(
            resource(kinds.VIRTUAL_SERVICE, draw(st.sampled_from(NAMESPACES)), "vs", spec=route)
        )
    found += [draw(_sending(f"rule-{n}")) for n in range(draw(st.sampled_from((0, 0, 1, 2))))]
    if draw(st.integers(0, 3)) == 0:
        found.append(
            resource(
                kinds.GATEWAY,
                draw(st.sampled_from(NAMESPACES)),
                "edge",
                spec={"gatewayClassName": "istio", "listeners": []},
            )
        )
    return found


snapshots = resources().map(Snapshot)


def planned(mesh, **options):
    """The plan of a mesh, from the findings of all rules."""
    return make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(**options))


def planned_with_all_accepted(mesh):
    """The same where a person has accepted whatever a rule says, so that nobody stays behind for it."""
    return planned(mesh, acknowledge=EVERYTHING)
