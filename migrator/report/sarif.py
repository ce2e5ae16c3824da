"""`migrate check` as SARIF 2.1.0 (OASIS), for code scanning."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from migrator import __version__

from .contract import CheckReport, FindingView

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LINK = re.compile(r"https://[^\s)>]+")
_LEVELS = {"blocker": "error", "warning": "warning", "info": "note"}


def render(report: CheckReport, pages: dict[str, tuple[str, str]]) -> str:
    """`pages` maps codes to (summary, full page)."""
    rules = sorted({(f.code, f.rule) for f in (*report.findings, *report.suppressed)})
    order = {code: number for number, (code, _) in enumerate(rules)}
    results = [_result(f, order) for f in report.findings]
    results += [
        {**_result(f, order), "suppressions": [{"kind": "inSource", "justification": f.reason}]}
        for f in report.suppressed
    ]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "migrate",
                "version": __version__,
                "rules": [_rule(code, rule, pages.get(code, ("", ""))) for code, rule in rules],
            }
        },
        "results": results,
        "invocations": [
            {
                "executionSuccessful": report.complete,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"{u.where}: {u.reason}"}}
                    for u in report.unread
                ],
            }
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str, rule: str, page: tuple[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": code,
        "name": rule,
        "shortDescription": {"text": page[0] or rule},
        "fullDescription": {"text": page[0] or rule},
        "help": {
            "text": page[1] or f"migrate explain {code}",
            "markdown": page[1] or f"`migrate explain {code}`",
        },
    }
    if link := _LINK.search(page[1]):  # the first reference that can be opened
        described["helpUri"] = link[0]
    return described


def _result(finding: FindingView, order: dict[str, int]) -> dict[str, Any]:
    located: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": f"{finding.subject} {finding.path}".strip()}]
    }
    if finding.file and finding.file != "-":
        located["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(finding.file)},
            "region": {"startLine": max(1, finding.line)},
        }
    return {
        "ruleId": finding.code,
        "ruleIndex": order[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.subject}: {finding.message} Fix: {finding.fix}"},
        "locations": [located],
    }


def _uri(file: str) -> str:
    """A reference relative to the working directory, where the repository's root is in a pipeline."""
    path, root = Path(file), Path.cwd()
    if path.is_absolute() and not path.is_relative_to(root):
        return path.as_uri()
    relative = path.relative_to(root) if path.is_absolute() else path
    return quote(relative.as_posix())
