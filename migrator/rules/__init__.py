"""Every rule, found by walking this package: a new file is a new rule."""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding

from .base import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """One instance of every rule, ordered by code."""
    for module in walk_packages(__path__, prefix=f"{__name__}."):
        import_module(module.name)
    return tuple(sorted((cls() for cls in Rule.__subclasses__()), key=lambda rule: rule.code))


def analyze(mesh: Mesh, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """Ask every rule; the gravest findings first, in a total order."""
    found = {finding for rule in rules for finding in rule.check(mesh)}
    return tuple(sorted(found, key=lambda finding: finding.sort_key))
