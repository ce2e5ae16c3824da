"""`make new-rule NAME=… [SUBJECT=… | CODE=…]`: a rule and its two fixtures, ready to be filled in.

A name that is kept for a rule to come gets the code that is kept with it.
"""

import argparse
import re
import sys
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from migrator.rules import all_rules

from .catalogue import (
    CURES,
    FIXTURES,
    ROOT,
    RULES,
    SUBJECTS,
    read_reserved,
    subject_of,
    write_reserved,
)

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")


class RefusedError(Exception):
    """The rule cannot be made; the text says why."""


def choose_code(name: str, subject: str, code: str) -> str:
    """The code asked for, else the one kept for the name, else the next free one of the subject."""
    reserved = read_reserved()
    kept = next((one for one, its_name in reserved.items() if its_name == name), "")
    taken = {rule.code: rule.id() for rule in all_rules()} | reserved
    if code:
        if not re.fullmatch(r"AMB\d{3}", code) or subject_of(code) is None:
            raise RefusedError(f"{code} is no code: AMB and three digits, the first from 0 to 7")
        if code in taken and code != kept:
            raise RefusedError(f"{code} belongs to {taken[code]}")
        return code
    if kept:
        return kept
    if subject not in SUBJECTS:
        raise RefusedError(f"no subject {subject!r}; there are: {', '.join(SUBJECTS)}")
    free = (f"AMB{SUBJECTS[subject]}{n:02}" for n in range(1, 100))
    return next(one for one in free if one not in taken)


def plan_files(name: str, code: str) -> dict[Path, str]:
    """Where each file goes, and the template that it is made from."""
    subject = subject_of(code)
    if subject is None:
        raise RefusedError(f"{code} belongs to no subject")
    return {
        RULES / subject / f"{name.replace('-', '_')}.py": "new_rule.py.j2",
        FIXTURES / name / "bad.yaml": "new_rule_bad.yaml.j2",
        FIXTURES / name / "good.yaml": "new_rule_good.yaml.j2",
    }


def create(name: str, subject: str, code: str) -> list[Path]:
    """Write the files, and take the code from the reserved ones."""
    if not NAME.fullmatch(name):
        raise RefusedError(f"NAME={name!r} is no name: words in lower case joined by dashes")
    if name.startswith(CURES):
        raise RefusedError(
            f"{name} names the cure; name what is wrong: allow <name> must read well"
        )
    if name in {rule.id() for rule in all_rules()}:
        raise RefusedError(f"there is a rule {name} already")
    code = choose_code(name, subject, code)
    files = plan_files(name, code)
    templates = Environment(
        loader=PackageLoader("migrator", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    class_name = "".join(word.capitalize() for word in name.split("-"))
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = templates.get_template(template)
        path.write_text(text.render(name=name, code=code, class_name=class_name))
    write_reserved(
        {one: kept for one, kept in read_reserved().items() if one != code and kept != name}
    )
    return list(files)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--subject", default="")
    parser.add_argument("--code", default="")
    asked = parser.parse_args()
    try:
        files = create(asked.name, asked.subject or "workload", asked.code)
    except RefusedError as refused:
        print(f"new-rule: {refused}", file=sys.stderr)
        return 2
    for file in files:
        print(f"wrote {file.relative_to(ROOT)}")
    print(f"next: fill in bad.yaml, then good.yaml, then check(); .venv/bin/pytest -k {asked.name}")
    print("then: make docs, and a line in CHANGELOG.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
