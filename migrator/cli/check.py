"""`migrate check`: what stands between this mesh and ambient."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from . import common, live, names

if TYPE_CHECKING:
    from migrator.report.contract import CheckReport
    from migrator.rules.base import Rule


class Form(StrEnum):
    """Forms of the findings."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JUNIT = "junit"


class FailOn(StrEnum):
    """From which severity on the exit code is 3."""

    BLOCKER = "blocker"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


def check(
    sources: common.Sources = None,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="The form of the answer.")
    ] = Form.TABLE,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            show_default=False,
            help="Ask only this rule, by code or id; may be repeated.",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            show_default=False,
            help="Do not ask this rule, by code or id; may be repeated.",
        ),
    ] = None,
    namespace: common.Namespaces = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="From which severity on to exit with 3.")
    ] = FailOn.BLOCKER,
    istio_version: common.IstioVersion = "",
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
) -> None:
    """Find what will not work in ambient, or not as it does now.

    Exit code 0; 3 with findings of the severity of --fail-on or graver; 1 when something could not be
    read, whatever was found. An annotation `ignore-check.migrate/CODE: "reason"` on an object suppresses
    a rule for it.
    """  # fmt: skip
    from migrator.report import contract
    from migrator.rules.suppression import lacking_reason, without_suppressed

    from .selection import ask, choose, in_namespaces

    rules = choose(only or (), skip or ())
    reading = common.read(sources, live.Live(context, kubeconfig, tuple(namespace or ())))
    mesh = common.mesh_of(reading, istio_version)
    wanted = names.check_namespaces(mesh, namespace or ())
    found = reading.locate_all(ask(mesh, rules))
    kept, suppressed = without_suppressed(mesh.snapshot, in_namespaces(found, wanted))
    read = contract.ReadView(namespaces=reading.namespaces, not_looked_at=reading.not_looked_at)
    report = contract.check_report(mesh, kept, suppressed, wanted, read)
    _print(report, output, rules)
    for subject, annotation in lacking_reason(mesh.snapshot, kept):
        common.narrate(f"{subject}: {annotation} gives no reason, so it suppresses nothing")
    if not report.complete:
        common.narrate("incomplete: something could not be read; this must not be taken as ready")
        raise typer.Exit(code=1)
    if _fails(report, fail_on):
        raise typer.Exit(code=3)


def _print(report: "CheckReport", form: Form, rules: "tuple[Rule, ...]") -> None:
    match form:
        case Form.TABLE:
            from migrator.report import check_text
            from migrator.report.text import width

            common.print_lines(check_text.lines(report, width()))
        case Form.MARKDOWN:
            from migrator.report import check_markdown

            typer.echo(check_markdown.render(report), nl=False)
        case Form.SARIF:
            from migrator.report import sarif

            pages = {rule.code: (rule.summary(), rule.doc()) for rule in rules}
            typer.echo(sarif.render(report, pages), nl=False)
        case Form.JUNIT:
            from migrator.report import junit

            typer.echo(junit.render(report, [(rule.code, rule.id()) for rule in rules]), nl=False)
        case Form.JSON | Form.YAML:
            common.print_model(report, form.value)


def _fails(report: "CheckReport", fail_on: FailOn) -> bool:
    order = [FailOn.BLOCKER, FailOn.WARNING, FailOn.INFO]
    counted = order[: order.index(fail_on) + 1] if fail_on in order else []
    return any(getattr(report.summary, severity.value) for severity in counted)
