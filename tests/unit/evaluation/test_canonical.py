"""The bytes and the digest of a document."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.canonical import canonical_json, document_digest

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: "\\ud" not in json.dumps(value))


def test_keys_are_sorted_and_nothing_is_escaped_that_need_not_be():
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'.encode()


def test_digest_is_that_of_the_known_bytes():
    # printf '{"a":1}' | sha256sum
    assert document_digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


def test_digest_leaves_out_digest_and_signature_at_the_top_only():
    assert document_digest({"a": 1, "digest": "x", "signature": "y"}) == document_digest({"a": 1})
    assert document_digest({"a": {"digest": "x"}}) != document_digest({"a": {}})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_of_json_is_refused(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": number})


@given(documents)
def test_canonical_form_survives_a_round_trip(value):
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


@given(st.dictionaries(st.text(alphabet="abc"), st.integers(), max_size=5))
def test_digest_does_not_depend_on_the_order_of_members(members):
    assert document_digest(dict(reversed(members.items()))) == document_digest(members)
