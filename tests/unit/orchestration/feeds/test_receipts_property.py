"""Properties of landing: counts add up, re-ingest changes nothing, random bytes raise nothing."""

import json
from collections.abc import Iterable
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.feeds import Receipt
from orchestration.feeds.framing import lines_of
from orchestration.feeds.limits import Limits

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=200, deadline=None)

good = st.builds(
    lambda i, g: json.dumps({"resourceType": "Patient", "id": str(i), "gender": g}).encode(),
    st.integers(0, 4),
    st.sampled_from(["female", "male", "other"]),
)
broken = st.sampled_from(
    [
        b'{"resourceType":"Patient","id":"0","gender":"?"}',
        b'{"resourceType":"Patient"}',
        b'{"resourceType":"Nothing","id":"0"}',
        b'{"resourceType":"Patient","id":',
        b"\xc3\x28",  # no UTF-8, nor the mark of another encoding, by which a file is held whole
        b"[" * 500,
        b"[]",
        b'{"a":1}',
    ]
)
line = st.one_of(good, good, broken, st.just(b""), st.just(b"  "))


def totals(receipts: list[Receipt]) -> tuple[int, ...]:
    return tuple(
        sum(getattr(r, name) for r in receipts)
        for name in ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")
    )


def changes(lines: Iterable[bytes]) -> int:
    """How often a good patient came that differs from the same patient before."""
    good_ones = [text for text in lines if text.startswith(b'{"resourceType": "Patient"')]
    by_id = groupby(sorted(good_ones, key=lambda text: json.loads(text)["id"]), key=lambda text: json.loads(text)["id"])
    return sum(len(list(groupby(versions))) for _, versions in by_id)


@FEW
@given(files=st.lists(st.lists(line, min_size=1, max_size=12), min_size=1, max_size=3))
def test_counts_add_up_and_landing_the_same_again_changes_nothing(make_zone, files) -> None:
    zone = make_zone()
    named = {f"{n}.ndjson": b"\n".join(lines) for n, lines in enumerate(files)}
    first = zone.land(named)
    for receipt, lines in zip(first, files, strict=True):
        records = sum(1 for text in lines if text.strip())
        is_whole = receipt.received == 1 and all(clause.startswith("file.") for clause in receipt.reasons)
        assert receipt.received == records or is_whole
        assert not is_whole or receipt.quarantined == 1 or records == 1
    stored = sum(r.stored for r in first)
    assert stored == changes(text for lines in files for text in lines) == len(zone.rows("fhir_patient", "_key"))
    before = zone.files()
    again = zone.land(named)
    assert zone.files() == before
    assert [r.landed + r.superseded + r.deleted for r in again] == [0] * len(again)
    assert [(r.received, r.quarantined, dict(r.reasons)) for r in again] == [
        (r.received, r.quarantined, dict(r.reasons)) for r in first
    ]


def test_a_file_that_begins_with_the_mark_of_another_encoding_is_held_whole(make_zone) -> None:
    patient = json.dumps({"resourceType": "Patient", "id": "0", "gender": "female"}).encode()
    receipt = make_zone().one("x.ndjson", b"\xff\xfe\n" + patient)
    assert (receipt.received, receipt.quarantined, set(receipt.reasons)) == (1, 1, {"file.not_utf8"})


@FEW
@given(
    content=st.binary(max_size=400),
    name=st.sampled_from(["a.json", "a.ndjson", "a.csv", "a.dta", "a.parquet", "a.zip", "a.gz", "a"]),
)
@pytest.mark.parametrize("feed", [None])
def test_random_bytes_are_quarantined_and_raise_nothing(make_zone, feed, content, name) -> None:
    receipt = make_zone().one(name, content, feed)
    assert receipt.received >= 1
    assert receipt.quarantined == receipt.received


KEYS = st.sampled_from(["reference", "coding", "code", "value", "start", "system", "x"])
FIELDS = [
    "subject",
    "code",
    "valueQuantity",
    "component",
    "status",
    "category",
    "meta",
    "effectiveDateTime",
    "encounter",
]
scalar = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
anything = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


@FEW
@given(value=anything, field=st.sampled_from(FIELDS))
def test_any_json_in_any_field_is_landed_or_quarantined(make_zone, observation, field, value) -> None:
    zone = make_zone()
    lines = [json.dumps({**observation("odd"), field: value}).encode(), json.dumps(observation("good")).encode()]
    receipt = zone.one("x.ndjson", b"\n".join(lines))
    assert receipt.received == 2
    assert receipt.landed >= 1


@MANY
@given(st.binary(max_size=300))
def test_every_non_blank_line_is_either_kept_or_named_as_bad(content) -> None:
    lines = lines_of(content, Limits(line=50, nesting=3))
    numbers = sorted([*lines.number.tolist(), *(n for n, _ in lines.bad)])
    split = content.split(b"\n")
    meant = [n for n, text in enumerate(split, start=1) if text.strip()]
    assert numbers == meant
    for number, text in zip(lines.number.tolist(), lines.text.to_pylist(), strict=True):
        assert text.encode().rstrip(b"\n") == split[number - 1]
