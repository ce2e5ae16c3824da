"""A finding names the line of its field, in whatever form the object was written."""

import io
import json
from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Ref

CART = Ref("", "Service", "shop", "cart")
YAML = """\
# the shop
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
  labels: {app: cart}
  annotations:
    istio.io/use-waypoint: none
spec:
  selector: {app: cart}
  ports:
  # the only one
  - name: http
    port: 80
"""
PAY = YAML.replace("cart", "pay")
INDENTED = "".join(f"  {line}\n" for line in YAML.splitlines()[1:])
LIST = f"apiVersion: v1\nitems:\n- {INDENTED[2:]}kind: List\n"
PATHS = {
    "": 0,
    "kind": 1,
    "metadata.labels.app": 5,
    'metadata.annotations["istio.io/use-waypoint"]': 7,
    "spec.ports": 10,
    "spec.ports[0]": 12,
    "spec.ports[0].port": 13,
    "spec.ports[0].targetPort": 12,
    "spec.ports[7]": 10,
    "spec.type": 8,
    "status.conditions": 0,
    "no path at all!": 0,
}


def finding_at(path: str) -> Finding:
    return Finding(
        code="AMB000", rule="a-rule", severity=Severity.INFO, subject=CART, path=path,
        message="what is", fix="what to do", remedy=Remedy.NONE, scope=Scope.WORKLOAD,
    )  # fmt: skip


@pytest.mark.parametrize(("path", "row"), PATHS.items())
@pytest.mark.parametrize(
    ("text", "first"),
    [(YAML, 2), (f"{PAY}---\n{YAML}", 18), (LIST, 3)],
    ids=["one", "many", "list"],
)
def test_the_last_part_that_exists_is_found(
    text: str, first: int, path: str, row: int, tmp_path: Path
) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(text)

    found = read_sources([str(file)]).locate(finding_at(path))

    assert (found.file, found.line) == (str(file), first + row)


JSON = json.dumps(
    {
        "kind": "List",
        "apiVersion": "v1",
        "items": [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"ports": [{"port": 80, "name": "http"}]},
            }
            for name in ("pay", "cart")
        ],
    },
    indent=2,
)


def test_json_has_lines_too(tmp_path: Path) -> None:
    file = tmp_path / "mesh.json"
    file.write_text(JSON)

    found = read_sources([str(file)]).locate(finding_at("spec.ports[0].name"))

    lines = JSON.splitlines()
    assert "http" in lines[found.line - 1]
    assert found.line > len(lines) // 2


def test_standard_input_is_remembered() -> None:
    reading = read_sources(["-"], stdin=io.BytesIO(YAML.encode()))

    found = reading.locate(finding_at("spec.ports[0].port"))

    assert (found.file, found.line) == ("-", 15)


def test_a_merged_field_is_found_where_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec:\n"
        "  selector: &l\n    app: cart\n  other: {<<: *l, a: b}\n"
    )

    found = read_sources([str(file)]).locate(finding_at("spec.other.app"))

    assert found.line == 6


@pytest.mark.parametrize("now", [None, "", "]", "[" * 100_000, PAY])
def test_a_file_that_changed_since_leaves_the_object_s_own_line(
    now: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(f"---\n{YAML}")
    reading = read_sources([str(file)])
    if now is None:
        file.unlink()
    else:
        file.write_text(now)

    found = reading.locate(finding_at("spec.ports"))

    assert (found.file, found.line) == (str(file), 3)


def test_a_finding_about_something_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(PAY)

    assert read_sources([str(tmp_path)]).locate(finding_at("spec")) == finding_at("spec")
