"""Evidence documents: what is accepted, what is refused, and that nothing changes unseen."""

import json
import pickle
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.evidence import (
    Evidence,
    EvidenceError,
    EvidenceHead,
    Figure,
    Subject,
    read_evidence,
    write_evidence,
)

MODEL, DATA = "a" * 64, "b" * 64
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def made(**changes):
    members = {
        "kind": "performance",
        "use_case": "triage",
        "site": "nhamcs",
        "subject_model": MODEL,
        "subject_data": DATA,
        "created_at": NOW,
        "figures": {"critical_care.auroc": Figure(0.86, 0.84, 0.88, 5000, 120)},
        "detail": {"window": {"from": "2020-01-01"}, "curve": [1, 2.5]},
    }
    return Evidence(**(members | changes))


def test_a_document_comes_back_as_it_was_written(tmp_path):
    path = write_evidence(tmp_path / "evidence", made())
    assert path.name == f"performance-{made().digest[:16]}.json"
    assert read_evidence(path) == made()


def test_digest_depends_on_every_part_of_the_document():
    others = [
        made(kind="shadow"),
        made(use_case="staffing"),
        made(site="city"),
        made(subject_model="c" * 64),
        made(subject_data="c" * 64),
        made(created_at=NOW + timedelta(seconds=1)),
        made(figures={"critical_care.auroc": Figure(0.86, 0.84, 0.88, 5000, 121)}),
        made(detail={}),
    ]
    assert len({made().digest, *(other.digest for other in others)}) == len(others) + 1


def test_the_same_instant_in_another_zone_is_the_same_document():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    assert made(created_at=elsewhere).digest == made().digest


@pytest.mark.parametrize(
    ("member", "value"),
    [("site", "city"), ("created_at", "2026-11-23T09:30:00Z"), ("detail", {}), ("subject_model", "c" * 64)],
)
def test_a_document_changed_after_it_was_made_is_refused(member, value):
    document = made().to_json() | {member: value}
    with pytest.raises(EvidenceError, match="changed after it was made"):
        Evidence.from_json(document)


@pytest.mark.parametrize(
    ("member", "value", "where"),
    [
        ("schema", "pilothouse.evidence/2", "schema"),
        ("kind", "opinion", "kind"),
        ("site", "../../etc", "site"),
        ("subject_model", "A" * 64, "subject_model"),
        ("created_at", "2026-11-22T09:30:00+02:00", "created_at"),
        ("figures", {"x": {"value": "0.9", "lower": None, "upper": None, "n": 1, "n_events": 1}}, "figures/x/value"),
        ("figures", {"x": {"value": 0.9}}, "figures/x"),
        ("figures", {"<script>": Figure(1.0).to_json()}, "figures"),
    ],
)
def test_a_document_that_breaks_the_schema_is_refused_naming_the_place(member, value, where):
    with pytest.raises(EvidenceError, match=f"at {where}"):
        Evidence.from_json(made().to_json() | {member: value})


@pytest.mark.parametrize("document", [None, [], "evidence", 3])
def test_what_is_no_object_is_refused(document):
    with pytest.raises(EvidenceError):
        Evidence.from_json(document)


def test_a_missing_member_and_an_unknown_one_are_refused():
    document = made().to_json()
    with pytest.raises(EvidenceError, match="detail"):
        Evidence.from_json({key: value for key, value in document.items() if key != "detail"})
    with pytest.raises(EvidenceError, match="extra"):
        Evidence.from_json(document | {"extra": 1})


def test_a_day_that_does_not_exist_is_refused():
    with pytest.raises(EvidenceError, match="no date and time"):
        Evidence.from_json(_resealed(made().to_json() | {"created_at": "2026-02-30T00:00:00Z"}))


def _resealed(document):
    from evaluation.canonical import document_digest

    return document | {"digest": document_digest(document)}


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(EvidenceError, match="time zone"):
        made(created_at=NOW.replace(tzinfo=None))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("bound", ["value", "lower", "upper"])
def test_a_figure_holds_no_number_that_is_none(number, bound):
    with pytest.raises(EvidenceError, match=bound):
        Figure(**({"value": 1.0} | {bound: number}))


def test_bounds_may_meet_but_not_cross():
    assert Figure(0.5, 0.5, 0.5).upper == 0.5
    with pytest.raises(EvidenceError, match="wrong way round"):
        Figure(0.5, 0.6, 0.5)


def test_a_figure_without_a_value_stays_without_one():
    document = made(figures={"critical_care.auroc": Figure(None, n=10)}).to_json()
    assert Evidence.from_json(document).figures["critical_care.auroc"].value is None


def test_numbers_of_numpy_become_plain_ones():
    evidence = made(figures={"x": Figure(np.float64(0.5))}, detail={"y": np.float64(0.25)})
    assert json.loads(json.dumps(evidence.to_json()))["detail"] == {"y": 0.25}
    assert type(evidence.figures["x"].value) is float


def test_a_detail_that_json_cannot_hold_is_refused():
    with pytest.raises(EvidenceError, match="cannot"):
        made(detail={"x": object()})
    with pytest.raises(EvidenceError, match="cannot"):
        made(detail={"x": float("nan")})


def test_nothing_in_a_document_can_be_changed():
    detail = {"window": {"from": "2020"}, "rows": [1]}
    evidence = made(detail=detail)
    detail["window"]["from"] = "2019"
    assert evidence.detail["window"]["from"] == "2020"
    with pytest.raises(TypeError):
        evidence.detail["window"]["from"] = "2019"
    with pytest.raises(TypeError):
        evidence.figures["critical_care.auroc"] = Figure(1.0)
    with pytest.raises(FrozenInstanceError):
        evidence.site = "city"


def test_a_document_travels_between_processes():
    assert pickle.loads(pickle.dumps(made())) == made()


def test_evidence_is_about_its_own_model_and_data_only():
    subject = Subject(MODEL, DATA, "c" * 64, "d" * 64, "e" * 64)
    assert made().is_about(subject)
    assert not made(subject_model="f" * 64).is_about(subject)
    assert not made(subject_data="f" * 64).is_about(subject)


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_a_subject_holds_digests_only(text):
    with pytest.raises(EvidenceError, match=r"subject\.policy"):
        Subject(MODEL, DATA, "c" * 64, text, "e" * 64)


def test_a_subject_with_another_part_has_another_digest():
    parts = [c * 64 for c in "abcde01"]
    digests = {Subject(*parts).digest, Subject(*parts[:5]).digest}
    for position in range(7):
        digests.add(Subject(*[*parts[:position], "f" * 64, *parts[position + 1 :]]).digest)
    assert len(digests) == 9


def test_a_subject_of_an_older_release_keeps_its_form_and_is_changed_by_what_it_does_not_have():
    older = Subject(*(c * 64 for c in "abcde"))
    assert set(older.to_json()) == {"model", "data", "contracts", "policy", "card"}
    newer = Subject(**older.to_json(), intended_use="0" * 64, features="1" * 64)
    assert newer.changed_from(older) == ["intended_use", "features"]
    assert older.changed_from(newer) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b'{"schema": "pilothouse.evidence/1"}'])
def test_a_file_that_is_no_evidence_is_refused_by_name(tmp_path, content):
    path = tmp_path / "performance-x.json"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match=r"performance-x\.json"):
        read_evidence(path)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(EvidenceError, match=r"none\.json: cannot be read"):
        read_evidence(tmp_path / "none.json")


def test_a_changed_byte_in_a_file_is_found(tmp_path):
    path = write_evidence(tmp_path, made())
    path.write_bytes(path.read_bytes().replace(b"0.86", b"0.96"))
    with pytest.raises(EvidenceError, match="changed after it was made"):
        read_evidence(path)


def test_a_head_puts_its_window_into_every_document():
    head = EvidenceHead("triage", "nhamcs", MODEL, DATA, NOW, {"from": "2020-01-01"})
    evidence = head.evidence("slo", {"slo.share_within_30s": Figure(0.999)}, {"source": "events"})
    assert evidence.to_json()["detail"] == {"window": {"from": "2020-01-01"}, "source": "events"}
    assert evidence.subject_model == MODEL


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.dictionaries(st.text(alphabet="abc", min_size=1), st.integers() | st.text(alphabet="xyz<>&")),
)
def test_any_figure_and_detail_survive_the_round_trip(value, detail):
    evidence = made(figures={"x": Figure(value)}, detail=detail)
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence
