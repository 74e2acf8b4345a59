"""Three rooms, one digest: the same document has the same bytes and the same digest wherever it is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluation.canonical
import ml.registry.canonical
from evaluation.policies import load_policy
from ml.usecases import load_use_case
from orchestration.steps.releases.card import card_layout

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
members = st.text() | st.sampled_from(["digest", "signature"])
documents = st.dictionaries(members, values, max_size=5)


@given(values)
def test_a_value_has_the_same_canonical_bytes_in_both_rooms(value: object) -> None:
    canonical = evaluation.canonical.canonical_json(value)
    assert canonical == ml.registry.canonical.canonical_json(value)
    assert evaluation.canonical.canonical_json(json.loads(canonical)) == canonical


@given(documents)
def test_a_document_has_the_same_digest_in_both_rooms(document: dict[str, object]) -> None:
    assert evaluation.canonical.document_digest(document) == ml.registry.canonical.document_digest(document)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes", "\ud800"])
def test_what_has_no_canonical_form_is_refused_alike(value: object) -> None:
    refused: list[type[Exception]] = []
    for room in (evaluation.canonical, ml.registry.canonical):
        with pytest.raises((ValueError, TypeError)) as caught:
            room.document_digest({"value": value})
        refused.append(caught.type)
    assert refused[0] is refused[1]


def test_both_rooms_leave_out_the_same_members() -> None:
    assert evaluation.canonical.UNSIGNED_MEMBERS == ml.registry.canonical.UNSIGNED_MEMBERS


def test_a_use_case_has_the_digest_that_both_rooms_would_give_it() -> None:
    declared = load_use_case("triage")
    for room in (evaluation.canonical, ml.registry.canonical):
        assert declared.digest == room.document_digest(declared.document())


def test_the_text_of_a_card_has_the_digest_that_both_rooms_would_give_it() -> None:
    declared = load_use_case("triage")
    text = declared.card.model_dump(mode="json", by_alias=True)
    for room in (evaluation.canonical, ml.registry.canonical):
        assert declared.card_digest == room.document_digest(text)


def test_a_card_layout_has_the_same_digest_as_a_subject_and_as_a_release() -> None:
    """Approvals are bound to evaluation's digest of the card; serving verifies the registry's."""
    from ml.registry.layout import card_digest

    layout = card_layout(load_use_case("triage"), load_policy("triage"))
    assert card_digest(layout) == evaluation.canonical.document_digest(layout)
