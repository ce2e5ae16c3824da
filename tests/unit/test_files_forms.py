"""Every form in which manifests come: all of it is read, and each object knows its file and line."""

import io
import json
from pathlib import Path

import pytest

from migrator.adapters.files import Reading, read_sources
from migrator.errors import ManifestError
from migrator.istio import kinds
from migrator.model.resource import Ref

CART = """\
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
"""
PAY = CART.replace("cart", "pay")
TWO_ITEMS = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}}
    for name in ("cart", "pay")
]
KUBECTL_LIST = """\
apiVersion: v1
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: cart
    namespace: shop
  spec:
    note: |
      items:
      - not one
- apiVersion: v1
  kind: Service
  metadata:
    name: pay
    namespace: shop
kind: List
metadata:
  resourceVersion: ""
"""


def reading_of(text: str | bytes, folder: Path, name: str = "mesh.yaml") -> Reading:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_sources([str(file)])


def lines_of(reading: Reading) -> dict[str, int]:
    """The name and the line of every object that was read; nothing must be missing."""
    assert reading.snapshot.unread == ()
    return {r.name: r.origin.line for r in reading.snapshot if r.origin}


FORMS = {
    "one": (CART, {"cart": 1}),
    "separator first": (f"---\n{CART}", {"cart": 2}),
    "many": (f"{CART}---\n{PAY}", {"cart": 1, "pay": 7}),
    "a comment on the separator": (f"{CART}--- # the next\n{PAY}", {"cart": 1, "pay": 7}),
    "helm's empty documents": (
        f"---\n# Source: shop/a.yaml\n---\n\n---\n# Source: shop/b.yaml\n{CART}---\n# nothing\n",
        {"cart": 7},
    ),
    "document ends": (f"{CART}...\n---\n{PAY}...\n", {"cart": 1, "pay": 8}),
    "directive": (f"%YAML 1.1\n---\n{CART}", {"cart": 3}),
    "windows lines": (f"{CART}---\n{PAY}".replace("\n", "\r\n"), {"cart": 1, "pay": 7}),
    "byte order mark": (f"\ufeff{CART}", {"cart": 1}),
    "braces": (
        "{apiVersion: v1, kind: Service, metadata: {name: cart}}\n---\n" + PAY,
        {"cart": 1, "pay": 3},
    ),
    "a dash line in a text": (
        f"{CART}  annotations:\n    istio.io/note: |\n      ---\n      text\n---\n{PAY}",
        {"cart": 1, "pay": 11},
    ),
    "kubectl get -o yaml": (KUBECTL_LIST, {"cart": 3, "pay": 12}),
    "list with indented items": (
        (
            "kind: List\napiVersion: v1\nitems:\n  # first\n  - apiVersion: v1\n    kind: Service\n"
            "    metadata: {name: cart}\n\n  - apiVersion: v1\n    kind: Service\n"
            "    metadata: {name: pay}\n"
        ),
        {"cart": 5, "pay": 9},
    ),
    "list that cannot be cut": (
        (
            "kind: List\napiVersion: v1\nitems:\n- &a\n  apiVersion: v1\n  kind: Service\n"
            "  metadata: {name: cart}\n- <<: *a\n  metadata: {name: pay}\n"
        ),
        {"cart": 4, "pay": 8},
    ),
    "typed list": (
        "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: cart}\n",
        {"cart": 4},
    ),
    "empty list beside an object": (
        f"apiVersion: v1\nkind: List\nitems: []\n---\n{CART}",
        {"cart": 5},
    ),
    "anchors and merges": (
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: cart, labels: &l {app: cart}}\n"
            "spec: {selector: {<<: *l, tier: web}}\n"
        ),
        {"cart": 1},
    ),
    "json in yaml documents": (
        json.dumps(TWO_ITEMS[0]) + "\n---\n" + json.dumps(TWO_ITEMS[1]) + "\n",
        {"cart": 1, "pay": 3},
    ),
    "several json documents": (
        json.dumps(TWO_ITEMS[0], indent=1) + "\n\n" + json.dumps(TWO_ITEMS[1]),
        {"cart": 1, "pay": 10},
    ),
    "kubectl get -o json": (
        json.dumps({"apiVersion": "v1", "items": TWO_ITEMS, "kind": "List"}, indent=4),
        {"cart": 4, "pay": 12},
    ),
    "typed json list": (
        json.dumps(
            {"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "cart"}}]}
        ),
        {"cart": 1},
    ),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS.keys())
def test_every_form_is_read_with_its_lines(
    text: str, expected: dict[str, int], tmp_path: Path
) -> None:
    assert lines_of(reading_of(text, tmp_path)) == expected


def test_standard_input_is_read_beside_files(tmp_path: Path) -> None:
    (tmp_path / "cart.yaml").write_text(CART)

    reading = read_sources([str(tmp_path), "-"], stdin=io.BytesIO(PAY.encode()))

    assert {r.name: r.origin for r in reading.snapshot} == {
        "cart": (str(tmp_path / "cart.yaml"), 1),
        "pay": ("-", 1),
    }


def test_folders_are_walked_without_hidden_ones_and_loops(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    hidden = tmp_path / ".git"
    for folder in (deep, hidden):
        folder.mkdir(parents=True)
    (deep / "cart.yml").write_text(CART)
    (deep / "loop").symlink_to(tmp_path)
    (tmp_path / "again.yaml").symlink_to(deep / "cart.yml")
    (tmp_path / "notes.txt").write_text("no manifest")
    (hidden / "secret.yaml").write_text(PAY)

    reading = read_sources([str(tmp_path), str(tmp_path / "a")])

    assert list(lines_of(reading)) == ["cart"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    hidden = tmp_path / ".mesh"
    hidden.mkdir()

    assert lines_of(reading_of(CART, hidden)) == {"cart": 1}


def test_a_namespaced_object_without_namespace_gets_the_default(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\n"
    (tmp_path / "a.yaml").write_text(text)

    reading = read_sources([str(tmp_path)], default_namespace="shop")

    (service,) = reading.snapshot
    assert service.ref == Ref("", "Service", "shop", "cart")
    assert service.metadata["namespace"] == "shop"


def test_a_cluster_scoped_object_has_no_namespace(tmp_path: Path) -> None:
    reading = reading_of("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", tmp_path)

    assert [r.ref for r in reading.snapshot] == [Ref("", "Namespace", "", "shop")]


def test_kinds_that_are_not_used_are_counted(tmp_path: Path) -> None:
    """Among them Secrets, of which nothing else is kept, and tool files without a name."""
    text = (
        f"{CART}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{key: aGVsbG8=}}\n"
        "---\napiVersion: skaffold/v2beta1\nkind: Config\n"
    )

    snapshot = reading_of(text, tmp_path).snapshot

    assert snapshot.complete
    assert snapshot.unknown == {"Secret": 1, "Config.skaffold": 1}


def test_versions_of_a_kind_are_one_kind(tmp_path: Path) -> None:
    text = (
        "apiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\nmetadata: {name: a}\n"
        "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: b}\n"
    )

    snapshot = reading_of(text, tmp_path).snapshot

    assert [r.name for r in snapshot.of(kinds.PEER_AUTHENTICATION)] == ["a", "b"]


SCALARS = {
    "yes": True, "off": False, "y": True, "12": 12, "0x1f": 31, "010": 8, "1_000": 1000, "1e3": 1000.0,
    ".5": 0.5, "1:30": "1:30", "2020-01-01": "2020-01-01", "1.2.3": "1.2.3", "'on'": "on",
    '"12"': "12", "!!str 12": "12", "nope": "nope", "08": 8.0,
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_mean_what_kubectl_takes_them_for(text: str, value: object, tmp_path: Path) -> None:
    manifest = (
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: a}\n"
        f"spec:\n  values:\n    a: {text}\n"
    )

    (resource,) = reading_of(manifest, tmp_path).snapshot

    found = resource.spec["values"]["a"]
    assert (found, type(found)) == (value, type(value))


def test_nulls_are_as_good_as_absent(tmp_path: Path) -> None:
    yaml = reading_of(CART + "spec:\n  selector: null\n  ports: ~\n", tmp_path)
    json_ = reading_of(
        '{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop"},'
        '"spec":{"selector":null}}',
        tmp_path,
    )

    assert [r.spec for r in (*yaml.snapshot, *json_.snapshot)] == [{}, {}]


def test_two_sources_one_wrong_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CART)

    with pytest.raises(ManifestError, match="There is no"):
        read_sources([str(tmp_path), str(tmp_path / "missing.yaml")])
