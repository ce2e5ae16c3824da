"""`migrate explain`: a rule's page."""

from enum import StrEnum
from typing import Annotated

import typer

from . import common


class Form(StrEnum):
    """Forms of a page."""

    TEXT = "text"
    JSON = "json"


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            show_default=False,
            help="A code (AMB101) or an id; without it all rules are listed.",
        ),
    ] = "",
    output: Annotated[
        Form, typer.Option("--output", "-o", help="The form of the answer.")
    ] = Form.TEXT,
) -> None:
    """Explain a rule: what it finds, why it matters, how to fix it, and where the facts come from."""
    from migrator.report import rule_text
    from migrator.report.text import width
    from migrator.rules import all_rules

    from .selection import find_rule

    chosen = (find_rule(rule),) if rule else all_rules()
    pages = tuple(rule_text.page(one) for one in chosen)
    if output is Form.JSON:
        data = [page.model_dump(mode="json") for page in pages]
        common.print_data(data[0] if rule else data, "json")
    elif rule:
        common.print_lines(rule_text.lines(pages[0], width()))
    else:
        common.print_lines(rule_text.index(pages, width()))
