"""docs/cli.md: every command as the command line itself declares it."""

import inspect
from typing import NamedTuple

import typer
from typer.core import TyperGroup

from migrator.cli import app

PAGE = "docs/cli.md"
NAME = "migrate"


class Command(NamedTuple):
    """One command with what its help says; options and arguments as (names, help)."""

    name: str
    usage: str
    help: str
    arguments: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]


def commands() -> tuple[Command, ...]:
    """Every command, in the order of `migrate --help`."""
    group = typer.main.get_group(app)
    context = typer.Context(group, info_name=NAME)
    return tuple(_read(group, name, context) for name in group.list_commands(context))


def _read(group: TyperGroup, name: str, parent: typer.Context) -> Command:
    command = group.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    context = typer.Context(command, info_name=name, parent=parent)
    records: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            names, text = record
            records[param.param_type_name].append((names.removesuffix(" <list[str]>"), text))
    return Command(
        name=name,
        usage=" ".join([NAME, name, *command.collect_usage_pieces(context)]),
        help=inspect.cleandoc(command.help or ""),
        arguments=tuple(records["argument"]),
        options=tuple(records["option"]),
    )


def _table(title: str, rows: tuple[tuple[str, str], ...]) -> list[str]:
    if not rows:
        return []
    body = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in rows]
    return ["", f"| {title} | |", "|---|---|", *body]


def _cell(text: str) -> str:
    """A text of one line that cannot end its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def page() -> str:
    lines = [
        "# Commands",
        "",
        "Data goes to stdout, narration to stderr.",
        "`migrate COMMAND --help` says the same as this page.",
    ]
    for command in commands():
        lines += ["", f"## `{NAME} {command.name}`", "", command.help]
        lines += ["", "```console", f"$ {command.usage}", "```"]
        lines += _table("argument", command.arguments) + _table("option", command.options)
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    return {PAGE: page()}
