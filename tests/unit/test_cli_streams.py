"""What becomes of output when a stream is closed, full, of another encoding, or nobody reads it."""

import contextlib
import json
import os
import pty
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from migrator.cli import common, main

ROOT = Path(__file__).parents[2]
BANK = "plans/examples/bank/mesh"
MESH = """apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: web:1}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  rules: [{to: [{operation: {paths: [/café]}}]}]
"""


def command(*arguments):
    return [sys.executable, "-m", "migrator", *arguments]


@pytest.fixture
def accented(tmp_path):
    """A mesh whose findings name a path that ASCII has no letters for."""
    file = tmp_path / "mesh.yaml"
    file.write_text(MESH, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("form", ["table", "json", "yaml", "markdown", "sarif", "junit"])
def test_data_is_utf_8_whatever_the_locale(accented, form):
    """A pipeline with LC_ALL=C gets the same bytes as everybody else."""
    said = [
        subprocess.run(
            command("check", accented, "-o", form),
            stdout=subprocess.PIPE,
            check=False,
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
        for encoding in ("ascii", "utf-8")
    ]

    assert [one.returncode for one in said] == [3, 3]
    assert said[0].stdout == said[1].stdout
    assert "café" in said[0].stdout.decode() or "caf\\u00e9" in said[0].stdout.decode()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["check", BANK], ["plan", BANK], ["explain"]])
def test_a_full_disk_is_no_bug(arguments, unbuffered, tmp_path):
    """It is said once, in words, with exit 1. (A limit of the size of files stands for the disk.)"""
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run(
            command(*arguments),
            stdout=out, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == "error: the system refused: File too large\n"


def test_a_closed_stdout_leaves_the_exit_code():
    """`>&-` asks for nothing but the verdict."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command("check", BANK)],
        stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (3, "")


def test_a_reader_that_leaves_early_hears_nothing():
    """`migrate … | head`: no word on stderr."""
    with subprocess.Popen(
        command("explain", "-o", "json"),  # more than a pipe holds
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert (said, process.returncode) == ("", 1)


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    """Ctrl-C while it reads: no traceback."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(common, "read", interrupted)
    monkeypatch.setattr(sys, "argv", ["migrate", "check", "-"])
    with pytest.raises(SystemExit) as stop:
        main()

    assert stop.value.code == 130
    assert "Traceback" not in capsys.readouterr().err


def test_help_imports_nothing_that_costs_time():
    """`migrate --help` stays fast: no models, no rules, no YAML, no rich."""
    asked = (
        "import sys, migrator.cli\n"
        "costly = {'rich', 'pydantic', 'yaml', 'msgspec', 'jinja2', 'migrator.rules',"
        " 'migrator.istio', 'migrator.report'}\n"
        "print(sorted(costly & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert done.stdout == "[]\n"


def test_yaml_and_json_of_the_inventory_are_one(accented):
    """The same data in both forms, letters and all."""
    forms = {
        form: subprocess.run(
            command("scan", accented, "-o", form), stdout=subprocess.PIPE, check=True, cwd=ROOT
        ).stdout.decode()
        for form in ("json", "yaml")
    }

    assert json.loads(forms["json"]) == yaml.safe_load(forms["yaml"])


def _all_of(terminal):
    """What is written to a terminal until nobody has it open any more; a slow machine writes much."""
    found = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while part := os.read(terminal, 4096):
            found += part
    return found


@pytest.mark.parametrize(("term", "shown"), [("xterm", True), ("dumb", False)])
def test_progress_is_for_terminals_and_goes_away(accented, term, shown):
    """stderr on a terminal shows what goes on, and clears its line; stdout stays data."""
    main_end, other_end = pty.openpty()
    with ThreadPoolExecutor(1) as pool, subprocess.Popen(
        command("check", accented),
        stdout=subprocess.PIPE, stderr=other_end, cwd=ROOT,
        env={**os.environ, "TERM": term, "NO_COLOR": "1"},
    ) as process:  # fmt: skip
        os.close(other_end)
        seen = pool.submit(_all_of, main_end)
        assert process.stdout is not None
        out = process.stdout.read().decode()
        said = seen.result().decode()
    os.close(main_end)

    assert ("reading" in said, "asking" in said) == (shown, shown)
    assert said.endswith("\x1b[2K" if shown else "")
    assert "\x1b" not in out
    assert "reading" not in out
