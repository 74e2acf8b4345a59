from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.ledger import PayloadError, RefusedEntryError
from evaluation.ledger.payloads import check_payload

REVIEW = {"use_case": "triage", "site": "city", "outcome": "continue", "next_review": "2027-01-01"}
TIER = {
    "use_case": "triage",
    "site": "city",
    "release": None,
    "from_tier": "model",
    "tier": "rule",
    "reason": "slow-scores",
    "is_automatic": True,
}
AT = datetime(2026, 11, 2, 8, tzinfo=UTC)

EXAMPLES = {
    "rollback": {
        "use_case": "triage",
        "site": "city",
        "from_stage": "assistive",
        "stage": "shadow",
        "release": "a" * 64,
        "previous": "b" * 64,
        "generation": 4,
        "reason": "too many alerts",
        "effective_at": AT,
    },
    "tier_change": TIER,
    "rehearsal": {
        "use_case": "triage",
        "site": "city",
        "release": None,
        "evidence": "c" * 64,
        "seconds_to_restore": 1.5,
        "steps": [{"step": "write pointer", "seconds": 0.1}],
    },
    "incident_opened": {
        "use_case": "triage",
        "site": "city",
        "incident": "inc-1",
        "severity": "high",
        "what": "scores late",
        "found_by": "slow-scores",
        "release": None,
        "detail": {"run_id": "0123456789abcdef" * 2, "count": 3},
    },
    "incident_closed": {
        "use_case": "triage",
        "site": "city",
        "incident": "inc-1",
        "cause": "disk full",
        "done": "freed",
    },
    "feedback_summary": {
        "use_case": "triage",
        "site": "city",
        "release": None,
        "start_at": AT,
        "until": AT + timedelta(days=1),
        "displayed": 10,
        "accepted": 6,
        "overridden": 2,
        "reasons": {"wrong": 1, "late": 1},
    },
    "promotion_refused": {
        "use_case": "triage",
        "site": "city",
        "stage": "shadow",
        "reasons": [{"clause": "c", "figure": "f", "threshold": "t", "to_meet": "m"}],
    },
    "review": REVIEW,
    "erasure": {
        "erasure": "erasure-7106d8f8e697abfc",
        "site": "city",
        "why": "person",
        "reason": "asked for by the person",
        "counts": {"keys": 2, "rows": 12, "destroyed": 1},
    },
}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_payload_of_every_kind_is_recorded_and_settled(board, kind):
    board.wait(days=2)
    entry = board.ledger.append(kind, "board", EXAMPLES[kind], at=board.now)
    assert check_payload(kind, entry.payload) == entry.payload
    assert board.ledger.verify().ok


def test_times_in_a_payload_are_written_in_utc():
    payload = check_payload("tier_change", {**TIER, "effective_at": "2026-11-02T10:00:00+02:00"})
    assert payload["effective_at"] == "2026-11-02T08:00:00.000000Z"


def test_unknown_kind_is_refused_with_those_that_exist():
    with pytest.raises(PayloadError, match="'gossip' is no kind of entry; expected one of person_registered"):
        check_payload("gossip", {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "extra"),
        ({"outcome": ""}, "outcome"),
        ({"site": "Some Site"}, "site"),
        ({"next_review": "tomorrow"}, "next_review"),
        ({"detail": {"figure": float("nan")}}, "what JSON cannot"),
        ({"detail": {"figure": float("inf")}}, "what JSON cannot"),
        ({"outcome": "\udcff"}, "outcome|JSON"),
    ],
)
def test_payload_that_breaks_its_shape_is_refused_with_the_member(change, message):
    with pytest.raises(PayloadError, match=message):
        check_payload("review", {**REVIEW, **change})


@pytest.mark.parametrize(
    "detail",
    [
        {"patient_key": "x"},
        {"rows": [{"PatientId": 1}]},
        {"mrn": "1"},
        {"old_mrn_number": "1"},
        {"person_id": 5},
        {"encounter": "x"},
        {"visit_key": "x"},
        {"birth_date": "x"},
        {"email": "x"},
        {"note": "seen for 0123456789abcdef0123456789abcdef today"},
        {"0123456789abcdef0123456789abcdef": 1},
        {"deep": [[{"x": "0123456789abcdef0123456789abcdef"}]]},
    ],
)
def test_payload_that_could_identify_a_patient_is_refused_without_repeating_it(detail):
    with pytest.raises(PayloadError) as caught:
        check_payload("review", {**REVIEW, "detail": detail})
    assert "0123456789abcdef" not in str(caught.value)


@pytest.mark.parametrize("text", ["a" * 64, "b" * 128, "f" * 31, "f" * 33, "visits fell by 3 %", "Berlin"])
def test_digests_and_words_are_not_taken_for_pseudonyms(text):
    detail = {"text": text, "rows": 3, "is_new": True, "nothing": None, "alerts": [1.5, "x"]}
    assert check_payload("review", {**REVIEW, "detail": detail})["detail"] == detail


@given(st.binary(min_size=16, max_size=16), st.sampled_from(["{}", "({})", "id={}", "x {} y", "{},{}"]))
def test_no_pseudonym_of_the_lake_gets_into_the_ledger(pseudonym, text):
    with pytest.raises(PayloadError):
        check_payload("review", {**REVIEW, "outcome": text.format(pseudonym.hex(), "x")})


def test_statement_that_is_none_is_refused():
    payload = {"statement": {"schema": "x"}, "signature": "0" * 128, "public_key": "0" * 64}
    with pytest.raises(PayloadError, match="approval: statement"):
        check_payload("approval", payload)


def test_a_tier_does_not_step_up_by_itself(board):
    for change in ({"from_tier": "rule", "tier": "model"}, {"from_tier": "rule", "tier": "rule"}):
        with pytest.raises(RefusedEntryError, match="only a person steps up"):
            board.ledger.append("tier_change", "pilothouse", {**TIER, **change}, at=board.now)
    by_hand = {**TIER, "from_tier": "rule", "tier": "model", "is_automatic": False}
    assert board.ledger.append("tier_change", "anna.berg", by_hand, at=board.now).seq == 1


def test_nothing_takes_effect_after_it_was_recorded(board):
    ahead = board.now + timedelta(minutes=5)
    board.ledger.append("tier_change", "pilothouse", {**TIER, "effective_at": ahead}, at=board.now)
    with pytest.raises(RefusedEntryError, match="takes effect after"):
        later = ahead + timedelta(microseconds=1)
        board.ledger.append("tier_change", "pilothouse", {**TIER, "effective_at": later}, at=board.now)
