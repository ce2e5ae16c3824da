"""`make docs` writes every generated page; with `--check` it fails when one would change."""

import argparse
import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

from . import cli_reference, readme_session, rule_pages, schemas
from .catalogue import ROOT

# Folders in which every Markdown file is generated: what is not, is left over.
OWNED = (rule_pages.PAGES,)


def generated() -> dict[str, str]:
    """Every generated file, by its path from the root."""
    return {
        **rule_pages.pages(),
        **cli_reference.pages(),
        **schemas.pages(),
        **readme_session.pages(),
    }


def left_over(wanted: Mapping[str, str]) -> list[Path]:
    files = (file for folder in OWNED for file in (ROOT / folder).glob("*.md"))
    return [file for file in sorted(files) if file.relative_to(ROOT).as_posix() not in wanted]


def differences(wanted: Mapping[str, str]) -> list[str]:
    """The unified diff of each page that is not what it would be."""
    found = [f"left over: {file.relative_to(ROOT)}\n" for file in left_over(wanted)]
    for name, text in sorted(wanted.items()):
        path = ROOT / name
        old = path.read_text() if path.is_file() else ""
        diff = difflib.unified_diff(
            old.split("\n"), text.split("\n"), name, "new", n=1, lineterm=""
        )
        found += [f"{line}\n" for line in diff]
    return found


def write(wanted: Mapping[str, str]) -> list[str]:
    """Write what changed, remove what is left over; the names of both."""
    changed = []
    for name, text in sorted(wanted.items()):
        path = ROOT / name
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed.append(name)
    for file in left_over(wanted):
        file.unlink()
        changed.append(f"{file.relative_to(ROOT)} (removed)")
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on differences")
    wanted = generated()
    if parser.parse_args().check:
        found = differences(wanted)
        sys.stdout.writelines(found[:60])
        print("docs: run `make docs`" if found else f"docs: {len(wanted)} pages up to date")
        return 1 if found else 0
    changed = write(wanted)
    print("\n".join(changed) or "docs: nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
