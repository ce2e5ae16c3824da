"""RFC 7386, for any pair of JSON objects: the difference leads from one to the other, and is the least."""

import json
from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from migrator.model.mergepatch import difference, merged

KEYS = st.sampled_from("abc")  # few, so that objects meet
SCALARS = st.one_of(st.booleans(), st.integers(0, 1), st.sampled_from(["", "x"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(st.one_of(inner, st.none()), max_size=2),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)
PATCHES = st.dictionaries(
    KEYS,
    st.recursive(
        st.one_of(SCALARS, st.none()), lambda inner: st.dictionaries(KEYS, inner), max_leaves=6
    ),
)


def text(value):
    """JSON, in which 1 is not true as it is in Python."""
    return json.dumps(value, sort_keys=True)


def leaves(patch):
    """Every path that a patch sets or removes."""
    for key, value in patch.items():
        if isinstance(value, dict) and value:
            yield from ((key, *rest) for rest in leaves(value))
        else:
            yield (key,)


def without(patch, path):
    """The patch without what it says of one path."""
    head, *rest = path
    if not rest:
        return {key: value for key, value in patch.items() if key != head}
    return {**patch, head: without(patch[head], rest)}


@given(OBJECTS, OBJECTS)
def test_the_difference_leads_from_the_old_to_the_new(old, new):
    assert text(merged(old, difference(old, new))) == text(new)


@given(OBJECTS)
def test_of_the_same_object_there_is_no_difference(body):
    assert difference(body, deepcopy(body)) == {}


@given(OBJECTS, OBJECTS)
def test_nothing_can_be_left_out_of_a_difference(old, new):
    patch = difference(old, new)

    for path in leaves(patch):
        smaller = without(patch, path)
        if text(smaller) != text(patch):
            assert text(merged(old, smaller)) != text(new)


@given(OBJECTS, PATCHES)
def test_a_patch_twice_is_the_patch_once(body, patch):
    once = merged(body, patch)

    assert text(merged(once, patch)) == text(once)


@given(OBJECTS, PATCHES)
def test_neither_the_body_nor_the_patch_is_changed(body, patch):
    before = text([body, patch])

    merged(body, patch)
    difference(body, patch)

    assert text([body, patch]) == before


@given(OBJECTS, PATCHES)
def test_no_null_of_a_patch_is_left_in_what_it_makes(body, patch):
    def nulls(value):
        return value is None or (isinstance(value, dict) and any(map(nulls, value.values())))

    assert not nulls(merged(body, patch))


def test_the_examples_of_the_rfc():
    """RFC 7386, appendix A: those whose target is an object, or becomes one."""
    cases = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, "bar", "bar"),
        ({"a": "foo"}, None, None),
    ]

    for target, patch, result in cases:
        assert merged(target, patch) == result
