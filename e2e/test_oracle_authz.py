"""What ztunnel is told of an AuthorizationPolicy, held against the model, for some 700 generated ones.

Real: the API server, Istio's validating webhook, istiod, and what istiod answers to a ztunnel. Simulated:
ztunnel, whose evaluation is written down again in `oracle_ztunnel`; no packet flows.
"""

import json
from itertools import product

import pytest

from migrator.istio import kinds
from migrator.istio.policies.authz import Level, evaluate
from migrator.istio.versions import Version
from migrator.model.finding import Effect
from migrator.model.resource import Ref, Resource

from .generated_authz import NAMESPACES, policies
from .meshes import condition, eventually
from .oracle import Oracle
from .oracle_asked import asked, condition_at, rules
from .oracle_ztunnel import authorizations, bound_to, workloads

VERSION = Version(1, 32)  # a development version of it is what e2e/go pins
LAST = "zz-last"


@pytest.fixture(scope="module")
def made(plane):
    """Every policy applied in bulk, with a pod in each namespace; and ztunnel's answer to them."""
    last = {**policies()[0], "metadata": {"name": LAST, "namespace": NAMESPACES[0]}}
    objects = [*(_namespace(n) for n in NAMESPACES), *(_pod(n) for n in NAMESPACES), *policies()]
    _apply(plane, objects)
    _apply(plane, [last])  # policies are seen in the order of their writing
    with Oracle(plane) as oracle:
        key = f"{NAMESPACES[0]}/{LAST}"
        pods = {f"{namespace}/somebody" for namespace in NAMESPACES}

        def complete():
            answer = oracle.ztunnel()
            whole = key in authorizations(answer) and pods <= workloads(answer).keys()
            return answer if whole else None

        answer = eventually(complete, 60)
    yield [_resource(manifest) for manifest in policies()], answer
    plane.kubectl("delete", "namespace", *NAMESPACES, "--wait=false")


def test_what_is_sent_is_what_the_model_says_is_kept(made):
    """Which policies, with which action, and of each exactly the fields that the model keeps."""
    resources, answer = made
    told = authorizations(answer)
    for policy in resources:
        evaluation = evaluate(policy, VERSION)
        name = f"{policy.namespace}/{policy.name}"
        sent = told.get(name)
        if sent is None:
            assert evaluation.action in {"CUSTOM", "AUDIT"} or _unsent(policy), name
            continue

        assert sent.action == evaluation.action, name
        assert sorted(sent.conditions) == sorted(_kept(policy, evaluation)), (name, policy.spec)


def test_the_effect_is_that_of_ztunnels_own_evaluation(made):
    """Requests that rules ask for against requests that ztunnel matches, one by one."""
    resources, answer = made
    told = authorizations(answer)
    pods = workloads(answer)
    seen = set()
    for policy in resources:
        name = f"{policy.namespace}/{policy.name}"
        evaluation = evaluate(policy, VERSION)
        bound = name in bound_to(pods[f"{policy.namespace}/somebody"], told)
        if (policy.spec.get("selector") or {}).get("matchLabels"):
            assert not bound, name
            continue
        expected = _effect(policy, told[name] if bound else None)
        seen.add(expected)

        assert evaluation.effect is expected, (name, policy.spec, told.get(name))

    assert seen == set(Effect)


def test_rules_match_as_the_model_says(made):
    """Each rule of a DENY policy, and the only rule of an ALLOW policy, by itself."""
    resources, answer = made
    told = authorizations(answer)
    compared = 0
    for policy in resources:
        name = f"{policy.namespace}/{policy.name}"
        evaluation = evaluate(policy, VERSION)
        if name not in told or (evaluation.action == "ALLOW" and len(evaluation.rules) > 1):
            continue
        for i, (wanted, rule) in enumerate(zip(rules(policy.body), evaluation.rules, strict=True)):
            sent = told[name]._replace(groups=told[name].groups[i : i + 1])
            over, under, some = _compare((wanted,), sent)

            assert rule.over_matches == over, (name, i, policy.spec)
            assert (rule.matches == "never") == (not some), (name, i, policy.spec)
            assert (rule.matches == "narrower") == (
                some and under and not (over and evaluation.action == "ALLOW")
            ), (name, i, policy.spec)
            compared += 1

    assert compared > len(resources) // 2


def test_the_status_says_l7_where_the_model_does(plane, made):
    """`ZtunnelAccepted` of every policy that ztunnel is told, and of the others where there is one.

    istiod keeps what it does not send under one key for all (`WorkloadAuthorization.ResourceName`), so of
    several policies of action CUSTOM or AUDIT most never get the condition.
    """
    resources, answer = made
    told = authorizations(answer).keys()
    sent = {policy.ref for policy in resources if f"{policy.namespace}/{policy.name}" in told}

    def live():
        found = {
            (item["metadata"]["namespace"], item["metadata"]["name"]): reason
            for namespace in NAMESPACES
            for item in plane.get("authorizationpolicies", "-n", namespace)["items"]
            if (reason := condition(item, "ZtunnelAccepted").get("reason"))
        }
        return found if {(r.namespace, r.name) for r in sent} <= found.keys() else None

    reasons = eventually(live, 60)
    for policy in resources:
        reason = reasons.get((policy.namespace, policy.name))
        if reason is None:
            assert policy.ref not in sent
            continue
        unsupported = evaluate(policy, VERSION).level is Level.L7 or _unsent(policy)

        assert (reason == "UnsupportedValue") == unsupported, policy.spec


def _effect(policy, sent):
    """Of a policy that speaks of the pod in its namespace; `sent` is what ztunnel asks for it."""
    action, asked_for = policy.spec.get("action", "ALLOW"), rules(policy.body)
    if action == "CUSTOM":
        return Effect.OPEN
    if sent is None:
        return Effect.IGNORED if asked_for else Effect.FAITHFUL
    over, under, some = _compare(asked_for, sent)
    if under and not some:
        return Effect.OPEN if action == "DENY" else Effect.CLOSED
    if over and (action == "ALLOW" or not under):
        return Effect.WIDER
    return Effect.NARROWER if under else Effect.FAITHFUL


def _compare(groups, sent):
    """Whether ztunnel matches what is not asked for, misses what is, and matches anything at all.

    Every truth of the conditions of one rule at a time, those of the others false.
    """
    over = under = some = False
    for group in groups:
        own = sorted({c for clause in group for match in clause for c in match})
        for values in product((False, True), repeat=len(own)):
            holds = dict(zip(own, values, strict=True))
            wanted = asked(groups, lambda c, holds=holds: holds.get(c, False))
            found = sent.matches(lambda c, holds=holds: holds.get(c, False))
            over |= found and not wanted
            under |= wanted and not found
            some |= found
    return over, under, some


def _kept(policy, evaluation):
    """The conditions that the model says reach ztunnel."""
    lost = {use.path for use in (*evaluation.l7, *evaluation.dropped_silently)}
    omitted = {rule.index for rule in evaluation.rules if evaluation.action == "ALLOW" and rule.l7}
    return [
        found
        for path, conditions in condition_at(policy.body).items()
        if path not in lost and not any(path.startswith(f"spec.rules[{i}].") for i in omitted)
        for found in conditions
    ]


def _unsent(policy):
    return "targetRef" in policy.spec or "targetRefs" in policy.spec or _dry_run(policy)


def _dry_run(policy):
    return policy.annotations.get("istio.io/dry-run") in {"true", "1"}


def _resource(manifest):
    meta = manifest["metadata"]
    ref = Ref(*kinds.AUTHORIZATION_POLICY, meta["namespace"], meta["name"])
    return Resource(ref, manifest)


def _namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _pod(namespace):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "somebody", "namespace": namespace, "labels": {"app": "somebody"}},
        "spec": {"containers": [{"name": "app", "image": "app"}]},
    }


def _apply(plane, objects):
    items = {"apiVersion": "v1", "kind": "List", "items": objects}
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(items))
