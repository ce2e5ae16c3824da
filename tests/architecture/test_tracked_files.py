"""What is committed: nothing about one machine, and texts that keep up with the code."""

import re
import subprocess
from pathlib import Path

import pytest

from tools.cli_reference import commands

ROOT = Path(__file__).parents[2]
TEXTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/plan.md")

FOREIGN = re.compile(
    r"/(?:work|root|farm)/"  # paths of one machine
    r"|/(?:home|Users)/[a-z]"
    r"|(?:pythonhosted|pypi|npmjs|crates|(?:proxy|sum)\.golang)\.(?:org|io)"  # package registries
)


def tracked(*patterns: str) -> list[str]:
    run = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=True
    )
    return [name for name in run.stdout.decode().split("\0") if name]


def test_no_machine_and_no_registry_is_named() -> None:
    """Locks name packages, versions and hashes; where to get them is each machine's own matter."""
    found = [
        f"{name}:{number}"
        for name in tracked()
        if (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("lock", tracked("requirements/*.txt"))
def test_every_locked_package_has_a_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text())

    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_both_locks_agree() -> None:
    """What runs at the developers' is what runs at the users'."""

    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / lock).read_text(), re.MULTILINE))

    assert pins("requirements/run.txt") <= pins("requirements/dev.txt")


@pytest.mark.parametrize("text", TEXTS)
def test_commands_that_a_text_names_exist(text: str) -> None:
    """`migrate x` and `make x`, in code and in code blocks."""
    content = (ROOT / text).read_text()
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", content, re.DOTALL))
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z0-9-]+)", code)) <= targets
    assert set(re.findall(r"\bmigrate ([a-z]+)", code)) <= {c.name for c in commands()}


def test_every_command_has_its_place_in_the_reference() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text()

    assert [c.name for c in commands() if f"\n## `migrate {c.name}`\n" not in reference] == []


@pytest.mark.parametrize("text", tracked("*.md"))
def test_links_between_texts_lead_somewhere(text: str) -> None:
    file = ROOT / text
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", file.read_text())

    assert [link for link in links if not (file.parent / link).exists()] == []
