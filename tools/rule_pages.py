"""docs/rules: one page a rule, from its class and its fixtures, and the index."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from migrator.model.finding import Remedy, Scope
from migrator.rules import all_rules
from migrator.rules.base import Rule

from .catalogue import FIXTURES, ROOT, SUBJECTS, read_reserved

PAGES = "docs/rules"

REMEDIES = {
    Remedy.AUTOMATIC: "resolves it by itself",
    Remedy.MANUAL: "asks a person",
    Remedy.NONE: "nothing is needed",
}
SCOPES = {
    Scope.CLUSTER: "everything",
    Scope.NAMESPACE: "the namespaces concerned",
    Scope.WORKLOAD: "the workloads concerned",
}
TITLES = {
    "platform": "Platform: control plane, CNI, nodes",
    "authz": "Security: authorization, authentication, mTLS",
    "routing": "Traffic management: routes and destinations",
    "workload": "Workloads and injection",
    "extension": "Extensions and observability",
    "edge": "Gateways, ingress, egress, waypoints",
    "service": "Services and protocols",
    "ownership": "Ownership and process",
}


def fixture(rule: Rule, name: str) -> str:
    path = FIXTURES / rule.id() / name
    if not path.is_file():
        raise SystemExit(f"docs: {rule.id()} has no {path.relative_to(ROOT)}")
    return path.read_text().strip()


def page(rule: Rule, templates: Environment) -> str:
    """The page of one rule."""
    text = templates.get_template("rule_page.md.j2").render(
        rule=rule,
        summary=rule.doc().partition("\n\n")[0].replace("\n", " "),
        body=rule.doc().partition("\n\n")[2].strip(),
        remedy=REMEDIES[rule.remedy],
        scope=SCOPES[rule.scope],
        inputs=sorted(f"`{kind}`" for kind in rule.inputs),
        bad=fixture(rule, "bad.yaml"),
        good=fixture(rule, "good.yaml"),
    )
    return text.strip() + "\n"


def index() -> str:
    """Every rule by subject, then the codes that wait for their rules."""
    lines = [
        "# Rules",
        "",
        f"{len(all_rules())} rules. `migrate explain CODE` prints a rule's page; codes are never",
        "used again. A blocker stops the scope that it touches, a warning must be acknowledged,",
        "an info is reported.",
    ]
    for subject, digit in SUBJECTS.items():
        rules = [rule for rule in all_rules() if rule.code[3] == digit]
        lines += ["", f"## {TITLES[subject]}", ""]
        lines += ["| code | rule | severity | `migrate plan` |", "|---|---|---|---|"]
        lines += [
            f"| {r.code} | [{r.id()}]({r.id()}.md) | {r.severity} | {REMEDIES[r.remedy]} |"
            for r in rules
        ]
    lines += ["", "## Reserved", "", "Codes that are kept for rules that do not exist yet.", ""]
    lines += ["| code | rule |", "|---|---|"]
    lines += [f"| {code} | {name} |" for code, name in sorted(read_reserved().items())]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Every page by its path."""
    templates = Environment(
        loader=PackageLoader("migrator", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    found = {f"{PAGES}/{rule.id()}.md": page(rule, templates) for rule in all_rules()}
    return {**found, f"{PAGES}/README.md": index()}
