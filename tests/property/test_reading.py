"""Laws of reading: order does not matter, saving loses nothing, and no input makes the tool fall over."""

import io
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz import outcome
from bench.mutate import mutated, seeds
from migrator.adapters import snapshot_file, yaml_reader
from migrator.adapters.files import read_sources
from migrator.errors import ManifestError
from migrator.istio.schema import shapes
from migrator.istio.schema.shape_types import ANY, MAP, OBJECTS, STRS, B, I, Map, OneOf, Q, S, Shape
from migrator.model.snapshot import Snapshot

SEEDS = seeds()
SECONDS = 20
seed = st.sampled_from(SEEDS)
number = st.integers(0, 2**32)


def read_text(data: bytes) -> Snapshot:
    return read_sources(["-"], stdin=io.BytesIO(data)).snapshot


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """A hang is a failure, not a run that never ends."""

    def too_long(_signal: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@settings(max_examples=60, deadline=None)
@given(seed, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_order_or_form(data, chance):
    """Documents of YAML, items of a JSON list, in any order: one digest."""
    snapshot = read_text(data)
    objects = [msgspec.json.decode(msgspec.json.encode(r.body)) for r in snapshot]
    documents = yaml.safe_dump_all(objects).encode()
    chance.shuffle(objects)
    items = msgspec.json.encode({"kind": "List", "apiVersion": "v1", "items": objects})

    assert {read_text(documents).digest(), read_text(items).digest()} == {snapshot.digest()}


@settings(max_examples=80, deadline=None)
@given(seed, number)
def test_a_saved_snapshot_is_the_snapshot(data, number):
    """Also one that could not be read in full."""
    try:
        one = read_text(mutated(data, random.Random(number)))
    except ManifestError:
        return

    again = read_text(snapshot_file.dump(one))

    assert [(r.ref, r.body, r.origin) for r in again] == [(r.ref, r.body, r.origin) for r in one]
    assert (again.unread, again.unknown) == (one.unread, one.unknown)
    assert again.digest() == one.digest()


@settings(max_examples=300, deadline=None)
@given(seed, number)
def test_no_spoilt_manifest_makes_the_tool_fall_over(data, number):
    """It is read, or said to be unreadable; rules and planner then stand it. In time."""
    with within(SECONDS):
        assert outcome(mutated(data, random.Random(number))) in {
            "complete",
            "incomplete",
            "refused",
        }


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="{}[]:,&*-!?|>'\"\n\t ab1", max_size=200))
def test_no_text_makes_the_reader_fall_over(text):
    data = text.encode() if isinstance(text, str) else text
    with within(SECONDS):
        said = what_it_says(data)

    assert all(text.isprintable() for text in said)


def what_it_says(data: bytes) -> list[str]:
    try:
        return [text for unread in read_text(data).unread for text in unread]
    except ManifestError as error:
        return [error.summary, error.detail]


words = st.text(st.characters(categories=("L", "N", "P", "Zs"), max_codepoint=0xD7FF), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | words,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(words, below),
        max_leaves=8,
    )
)
def test_yaml_reads_what_json_wrote(value):
    """JSON is YAML; but for nulls in mappings, which count as absent."""
    text = msgspec.json.encode(value)

    assert yaml_reader.parse(text).value == without_nulls(value)


def without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


TABLE = {
    "name!": S, "port": I, "on": B, "size": Q, "labels": MAP, "hosts": STRS, "rest": ANY,
    "rules": [{"to": OBJECTS, "mode": OneOf(("A", "B"))}], "more": Map({"x!": S}),
}  # fmt: skip
leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
leaf |= st.sampled_from(["A", "B"])
keys = st.sampled_from([key.removesuffix("!") for key in (*TABLE, "to", "mode", "x")])
anything = st.recursive(
    leaf, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below), max_leaves=10
)
SHAPE = Shape(TABLE)


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(keys, anything))
def test_what_does_not_fit_has_a_place(value):
    """The quick check and the one that finds the place agree: else `misfit` would have nothing to say."""
    found = SHAPE.misfit(value)

    assert (found is None) == (next(shapes_slow(value), None) is None)


def shapes_slow(value: object) -> Iterator[object]:
    from migrator.istio.schema.shape_types import _misfits

    return _misfits(TABLE, value, ())


@pytest.mark.parametrize("kind", sorted(shapes.kinds.KNOWN), ids=str)
def test_every_kind_s_shape_takes_the_smallest_object(kind):
    assert shapes.misfit(kind, {"metadata": {"name": "a"}}) is None
    assert shapes.misfit(kind, {"metadata": {"labels": {"a": 1}}}) is not None
