"""Canonical JSON: one document, one digest."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.registry.canonical import canonical_json, document_digest

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_keys_are_sorted_and_nothing_is_escaped_that_need_not_be() -> None:
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()


def test_digest_is_of_the_document_without_what_speaks_about_it() -> None:
    document = {"a": 1}
    expected = hashlib.sha256(b'{"a":1}').hexdigest()
    assert document_digest(document) == expected
    assert document_digest({**document, "digest": "x", "signature": {"y": 1}}) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_has_no_digest(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        document_digest({"a": value})


@given(st.dictionaries(st.text(), plain, max_size=5))
def test_order_of_members_does_not_change_the_digest(document: dict[str, object]) -> None:
    assert document_digest(document) == document_digest(dict(reversed(list(document.items()))))
