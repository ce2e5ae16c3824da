"""Admission policies of Kyverno and Kubernetes that speak of what the migration changes.

Fields: kyverno.io/v1 ClusterPolicy and Policy (`validationFailureAction`, `rules[].validate`), and
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy (`validations[].expression`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.loose import members, text, texts
from migrator.model.fieldpath import field
from migrator.model.resource import Resource

# What stands behind `!` or `!=` is exempted: such a rule has nothing against pods without sidecar.
_MARKS = re.compile(
    r"""(!=?\s*(?:\\?["'])?)?"""
    r"(istio-injection|sidecar\.istio\.io/(?:inject|status)"
    r"|istio\.io/(?:rev|dataplane-mode|use-waypoint)|\bistio-(?:proxy|init)\b)"
)
_CONTAINERS = frozenset({"istio-proxy", "istio-init"})
POLICIES = frozenset(
    {kinds.KYVERNO_CLUSTER_POLICY, kinds.KYVERNO_POLICY, kinds.VALIDATING_ADMISSION_POLICY}
)


class Hurdle(NamedTuple):
    """A rule of an admission policy: where it stands, what it names, and whether it refuses."""

    path: str
    marks: tuple[str, ...]
    enforced: bool
    namespaces: tuple[str, ...] = ()

    @property
    def on_labels(self) -> bool:
        """Whether it names more than the sidecar's containers, which many policies only exempt."""
        return not _CONTAINERS.issuperset(self.marks)


def hurdles(policy: Resource) -> Iterator[Hurdle]:
    """The rules of an admission policy that name Istio's labels, annotations or containers."""
    if policy.ref.group_kind == kinds.VALIDATING_ADMISSION_POLICY:
        for i, validation in members(policy.spec, "validations"):
            if marks := _marks(validation.get("expression")):
                yield Hurdle(field("spec", "validations", i), marks, enforced=True)
        return
    for i, rule in members(policy.spec, "rules"):
        for part in ("validate", "mutate"):
            if marks := _marks(rule.get(part)):
                yield Hurdle(
                    field("spec", "rules", i, part),
                    marks,
                    enforced=part == "mutate" or _refuses(policy, rule),
                    namespaces=_matched(rule),
                )


def namespaces_of(policy: Resource, hurdle: Hurdle, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the `known` namespaces that the rule can concern, by the names that it matches."""
    if policy.namespace:
        return tuple(n for n in known if n == policy.namespace)
    patterns = hurdle.namespaces
    return tuple(n for n in known if not patterns or any(fnmatchcase(n, p) for p in patterns))


def _matched(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """The namespaces that every block of `match` names; empty where one names none."""
    match = rule.get("match")
    blocks: list[Any] = [one for key in ("any", "all") for _, one in members(match, key)] or [match]
    named = [texts(block, "resources", "namespaces") for block in blocks]
    return tuple(name for names in named for name in names) if all(named) else ()


def _refuses(policy: Resource, rule: Mapping[str, Any]) -> bool:
    own = text(rule, "validate", "failureAction")
    return (own or text(policy.spec, "validationFailureAction")).lower() == "enforce"


def _marks(value: Any) -> tuple[str, ...]:
    text_of = json.dumps(value) if value is not None else ""
    return tuple(sorted({m[2] for m in _MARKS.finditer(text_of) if not m[1]}))
