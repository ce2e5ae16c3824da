"""The codes of all rules: which subject a code belongs to, and which are kept for rules to come."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
RULES = ROOT / "migrator" / "rules"
FIXTURES = ROOT / "tests" / "fixtures" / "rules"
RESERVED = RULES / "reserved.txt"

# The folder of a rule, by the hundred of its code. AMB9xx is left to users' own rules.
SUBJECTS = {
    "platform": "0",
    "authz": "1",
    "routing": "2",
    "workload": "3",
    "extension": "4",
    "edge": "5",
    "service": "6",
    "ownership": "7",
}

# A name says what is wrong, so that "allow <name>" reads well; these would name the cure.
CURES = ("not-allowed-", "disallow-", "banned-", "avoid-", "require-", "use-", "must-")


def read_reserved() -> dict[str, str]:
    """Code to rule id, for rules that do not exist yet."""
    found = {}
    for line in RESERVED.read_text().splitlines():
        code, name = line.split()
        found[code] = name
    return found


def write_reserved(reserved: dict[str, str]) -> None:
    lines = (f"{code}  {name}\n" for code, name in sorted(reserved.items()))
    RESERVED.write_text("".join(lines))


def subject_of(code: str) -> str | None:
    """The folder that AMBnnn belongs to."""
    return next((name for name, digit in SUBJECTS.items() if code[3:4] == digit), None)
