"""The printed RBAC holds what reading and every step of a plan need, and never Secrets."""

from pathlib import Path

import pytest

from migrator.adapters.kube.permissions import roles, without_role
from migrator.adapters.kube.resources import plural
from migrator.engine.preflight import permissions
from migrator.istio import kinds
from migrator.planner.file.planfile import load

EXAMPLES = Path(__file__).parents[2] / "plans" / "examples"


def granted(role):
    return {
        (verb, group, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("purpose", ["scan", "apply"])
def test_every_known_kind_may_be_listed_and_nothing_is_a_wildcard(purpose):
    (role,) = roles(purpose)
    rights = granted(role)

    assert role["kind"] == "ClusterRole"
    listed = {resource for verb, _, resource in rights if verb == "list"} - {"events"}
    assert len(listed) == len({plural(kind) for kind in kinds.KNOWN})
    assert ("events" in {resource for _, _, resource in rights}) == (purpose == "apply")
    assert not {"*", "secrets"} & {part for right in rights for part in right}


def test_scan_changes_nothing():
    (role,) = roles("scan")

    assert {verb for verb, _, _ in granted(role)} == {"get", "list"}


@pytest.mark.parametrize("example", sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir()))
def test_apply_is_enough_for_every_step_of_the_examples(example):
    (role,) = roles("apply")
    resources = {"coordination.k8s.io": "leases"}
    rights = {(verb, group) for verb, group, _ in granted(role)}
    needed = permissions(load((EXAMPLES / example / "plan.yaml").read_text()))

    assert needed
    for verb, kind, _ in needed:
        if kind in kinds.KNOWN:
            assert (verb, kind.group, plural(kind)) in granted(role), (verb, kind)
        else:
            assert kind.group in resources
            assert (verb, kind.group) in rights


def test_roles_are_of_the_namespaces_and_the_root_namespace_alone():
    made = roles("scan", ["shop"])

    assert [(r["kind"], r["metadata"]["namespace"]) for r in made] == [
        ("Role", "istio-system"), ("Role", "shop"),
    ]  # fmt: skip
    rights = granted(made[0])
    assert ("get", "", "namespaces") in rights
    assert ("list", "", "namespaces") not in rights
    assert not {resource for _, _, resource in rights} & set(without_role())
    assert "nodes" in without_role()
