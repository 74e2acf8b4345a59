import json
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pydicom
from hypothesis import given
from hypothesis import strategies as st

from orchestration.simulator import dicom_files, simulate_group
from orchestration.simulator.damage import damage, damage_records
from orchestration.simulator.x12 import billing

from .conftest import DAYS, SITES, START, parse
from .parsed import Feeds, Hl7, is_whole

LINES = [
    json.dumps({"id": str(n), "subject": {"reference": "Patient/é"}}, ensure_ascii=False).encode()
    for n in range(60_000)
]


def test_damage_is_rare_and_of_every_kind():
    sent = damage("Observation", LINES, np.random.default_rng(1))
    parsed = [parse(line.decode()) for line in sent.lines]
    cut = sum(resource is None for resource in parsed)
    no_subject = sum(resource is not None and "subject" not in resource for resource in parsed)
    repeated = len(sent.lines) - len(LINES)
    assert min(cut, no_subject, repeated) > 10
    assert 0.001 < (cut + no_subject + repeated) / len(LINES) < 0.003


def test_what_was_damaged_is_sent_again_intact():
    sent = damage("Observation", LINES, np.random.default_rng(1))
    assert set(sent.again) == set(LINES) - set(sent.lines)


def test_visits_and_patients_are_never_damaged_only_repeated():
    sent = damage("Encounter", LINES, np.random.default_rng(1))
    assert sent.again == [] and set(sent.lines) == set(LINES) and len(sent.lines) > len(LINES)


def test_the_next_drop_repairs_the_last_one(home: Path, read):
    for site in SITES:
        for day in (START + timedelta(days=n) for n in range(DAYS - 1)):
            path = home / "drops" / site / day.isoformat() / "Observation.ndjson"
            broken = [o["id"] for o in read(site, "Observation", day) if "subject" not in o]
            cut = [line for line in path.read_text("utf-8").splitlines() if parse(line) is None]
            following = {o["id"]: o for o in read(site, "Observation", day + timedelta(days=1))}
            assert all("subject" in following[identity] for identity in broken)
            assert sum(o["meta"]["lastUpdated"][:10] == day.isoformat() for o in following.values()) >= len(cut) + len(
                broken
            )


def test_about_three_lines_in_a_thousand_are_dirty_in_some_way(home: Path, summary):
    kinds: Counter[str] = Counter()
    for path in (home / "drops").rglob("*.ndjson"):
        seen: set[str] = set()
        for line in path.read_text("utf-8").splitlines():
            resource = parse(line)
            quantity = (resource or {}).get("valueQuantity", {})
            kinds["lines"] += 1
            kinds["cut"] += resource is None
            kinds["repeated"] += line in seen
            kinds["no subject"] += resource is not None and path.stem == "Observation" and "subject" not in resource
            kinds["unknown unit"] += quantity.get("code") == "unk"
            kinds["absurd"] += quantity.get("value", 0) > 950 and quantity.get("code") != "ng/L"
            seen.add(line)
    lines = kinds.pop("lines")
    assert min(kinds.values()) > 0
    assert 0.001 < sum(kinds.values()) / lines < 0.005


@given(
    st.lists(st.integers(), max_size=60),
    st.lists(st.floats(0, 0.3), max_size=3),
    st.floats(0, 0.1),
    st.integers(0, 2**32),
)
def test_records_are_whole_broken_in_one_way_or_repeated_and_never_lost(records, shares, repeated, seed):
    breakings = tuple((share, lambda record, place, way=n: (way, record, place)) for n, share in enumerate(shares))
    sent = damage_records(list(enumerate(records)), breakings, repeated, np.random.default_rng(seed))
    broken = [record for record in sent.lines if len(record) == 3]
    assert [record for _, record, _ in broken] == sent.again
    assert all(0.2 <= place <= 0.9 and way < len(shares) for way, _, place in broken)
    whole = [record for record in sent.lines if len(record) == 2]
    assert sorted({*whole, *sent.again}) == list(enumerate(records))
    assert len(whole) <= 2 * len(records)


def is_broken(message: Hl7) -> bool:
    """Without the patient's numbers, or without its end."""
    ends = {"ADT": "PV1", "ORU": "OBX", "SIU": "AIL"}
    has_end = message.all("MRG") or message.all(ends[message.get("MSH", 9, 1)])
    return not message.mrn or not has_end


def test_a_few_messages_come_broken_and_intact_the_next_day(wide: Feeds):
    kinds: Counter[str] = Counter()
    for site in SITES:
        for family in ("adt", "oru", "siu"):
            messages = wide.messages(site, family)
            intact = {(m.day, m.control) for m in messages if not is_broken(m)}
            for message in (m for m in messages if is_broken(m) and m.day < wide.summary.days[-1]):
                assert (message.day + timedelta(days=1), message.control) in intact
                kinds["cut" if message.mrn else "no number"] += 1
            kinds["messages"] += len(messages)
    total = kinds.pop("messages")
    assert kinds["cut"] > 0 and kinds["no number"] > 0
    assert 0.0003 < sum(kinds.values()) / total < 0.004


def test_a_few_rows_come_broken_and_intact_the_next_day(wide: Feeds):
    required = {"appointments": ("appointment_id", "patient_mrn"), "triage_notes": ("note_id", "visit_number")}
    broken = total = 0
    for site in SITES:
        for name, (key, number) in required.items():
            rows = wide.rows(site, name)
            total += len(rows)
            intact = {(day, r[key]) for day, r in rows if is_row_whole(r, number)}
            for day, row in rows:
                if not is_row_whole(row, number) and day < wide.summary.days[-1]:
                    assert (day + timedelta(days=1), row[key]) in intact
                    broken += 1
    assert 0 < broken < 0.006 * total


def is_row_whole(row: dict[str, str | None], number: str) -> bool:
    times = [row[name] for name in ("updated_at", "written_at") if name in row]
    return bool(row[number]) and None not in row.values() and row.get("status") != "??" and len(times[0] or "") > 5


def test_a_damaged_interchange_is_sent_again_the_next_day(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(billing, "CUT_SHARE", 0.3)
    monkeypatch.setattr(billing, "MISCOUNTED_SHARE", 0.3)
    simulate_group(tmp_path, sites=["rural"], start=START, days=14, seed=5, feeds=["x12_837"])
    texts = [path.read_text("ascii") for path in sorted((tmp_path / "drops" / "rural").glob("*/claims_837.x12"))]
    whole = [is_whole(text) for text in texts]
    assert 2 <= sum(whole) < len(texts) - 2
    assert any(not ok and "IEA*" in text for ok, text in zip(whole, texts, strict=True))  # a segment was lost
    assert any(not ok and "IEA*" not in text for ok, text in zip(whole, texts, strict=True))  # cut off
    for ok, text, following in zip(whole, texts, texts[1:], strict=False):
        if not ok:
            claims = re.findall(r"CLM\*(\w+)\*[\d.]+\*\*\*(\w+:\w:\d)", text)
            again = set(re.findall(r"CLM\*(\w+)\*[\d.]+\*\*\*(\w+:\w:\d)", following))
            assert set(claims) <= again or not is_whole(following)


def test_a_claim_that_lost_its_record_number_is_sent_again_with_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(billing, "NO_NUMBER_SHARE", 0.3)
    monkeypatch.setattr(billing, "CUT_SHARE", 0.0)
    monkeypatch.setattr(billing, "MISCOUNTED_SHARE", 0.0)
    feeds = Feeds(tmp_path, simulate_group(tmp_path, sites=["rural"], start=START, days=8, seed=5, feeds=["x12_837"]))
    claims = feeds.claims("rural")
    lost = [claim for claim in claims if not claim.reference("EA") and claim.day < feeds.summary.days[-1]]
    whole = {(claim.day, claim.number) for claim in claims if claim.reference("EA")}
    assert len(lost) > 5
    assert all((claim.day + timedelta(days=1), claim.number) in whole for claim in lost)


def test_a_damaged_image_is_sent_again_the_next_day(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dicom_files, "CUT_SHARE", 0.3)
    monkeypatch.setattr(dicom_files, "LOST_SHARE", 0.3)
    summary = simulate_group(tmp_path, sites=["district"], start=START, days=7, seed=5, feeds=["dicom"])
    feeds, cut, nameless = Feeds(tmp_path, summary), 0, {}
    for day, path in feeds.files("district", "dicom/*.dcm"):
        try:
            image = pydicom.dcmread(path)
            if "PixelData" not in image:
                cut += 1
            elif "PatientID" not in image:
                nameless[image.SOPInstanceUID] = day
        except (pydicom.errors.InvalidDicomError, EOFError):
            cut += 1
    intact = {image.SOPInstanceUID for image in feeds.images("district")}
    assert cut > 2 and len(nameless) > 2
    assert {uid for uid, day in nameless.items() if day < summary.days[-1]} <= intact
