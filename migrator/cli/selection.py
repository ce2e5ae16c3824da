"""Which rules are asked, and which findings are shown."""

from collections.abc import Iterable

import typer

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope
from migrator.rules import all_rules, analyze
from migrator.rules.base import Rule

from .names import near
from .streams import working


def choose(only: Iterable[str], skip: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of `--only` without those of `--skip`. An unknown name is a usage error."""
    by_name = {name: rule for rule in all_rules() for name in (rule.code, rule.id())}
    wanted = {_known(name, by_name, "--only").code for name in only}
    unwanted = {_known(name, by_name, "--skip").code for name in skip}
    return tuple(
        rule
        for rule in all_rules()
        if (not wanted or rule.code in wanted) and rule.code not in unwanted
    )


def find_rule(name: str) -> Rule:
    """The rule of a code or id. An unknown name is a usage error."""
    return _known(name, {n: rule for rule in all_rules() for n in (rule.code, rule.id())}, "RULE")


def ask(mesh: Mesh, rules: tuple[Rule, ...]) -> tuple[Finding, ...]:
    """What the rules find."""
    with working(f"asking {len(rules)} rules"):
        return analyze(mesh, rules)


def in_namespaces(findings: Iterable[Finding], namespaces: Iterable[str]) -> tuple[Finding, ...]:
    """Findings that concern the namespaces: their objects, workloads in them, and the whole mesh."""
    wanted = set(namespaces)
    return tuple(
        f for f in findings if not wanted or f.scope is Scope.CLUSTER or wanted & _homes(f)
    )


def _homes(finding: Finding) -> set[str]:
    subject = finding.subject
    own = subject.name if subject.group_kind == kinds.NAMESPACE else subject.namespace
    return {own, *(ref.namespace for ref in finding.affects)}


def _known(name: str, by_name: dict[str, Rule], option: str) -> Rule:
    found = by_name.get(name) or by_name.get(name.upper())
    if found is None:
        help_ = near(name, by_name) or "; `migrate explain` lists all"
        message = f"{option}: there is no rule {name!r}{help_}"
        raise typer.BadParameter(message)
    return found
