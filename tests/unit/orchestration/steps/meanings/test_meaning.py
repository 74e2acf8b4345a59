"""Windows of comparison, and that what the policy watches exists in the lake."""

import hashlib
import json
from datetime import date, timedelta

import duckdb
import pytest

from evaluation.drift.semantic_policy import WatchedTable, load_semantic_policy
from evaluation.ledger import Entry
from orchestration.contracts import load_contracts
from orchestration.contracts.model import Property
from orchestration.settings import Settings
from orchestration.steps.meanings import meaning
from orchestration.steps.meanings.meaning import (
    Shown,
    Windows,
    arrival_days,
    labels_of,
    sample_rows,
    shares_of,
    values_of,
    watching,
)
from orchestration.steps.meanings.reviews import _instead  # pyright: ignore[reportPrivateUsage]
from orchestration.steps.meanings.standing import Review
from tests.unit.orchestration.steps.conftest import NOON

POLICY = load_semantic_policy()
DAY = date(2026, 3, 1)
SEEN = Windows.ending(DAY, POLICY)


def review(verdict: str | None = None, as_of: date = DAY) -> Review:
    days = {member: str(getattr(SEEN, member)) for member in Windows.__dataclass_fields__}
    opened = Entry(1, NOON, "meaning_review_opened", "pilothouse", days, "", "", "")
    if verdict is None:
        return Review(opened)
    payload = {"verdict": verdict, "as_of": str(as_of)}
    return Review(opened, answer=Entry(2, NOON, "meaning_review_answered", "ines", payload, "", "", ""))


def later(days: int) -> Windows:
    return Windows.ending(DAY + timedelta(days=days), POLICY)


def test_the_windows_meet_and_do_not_overlap() -> None:
    assert (SEEN.after_until - SEEN.after_from).days == 6
    assert SEEN.after_from - SEEN.before_until == timedelta(days=1)
    assert SEEN.baseline_days == 28


@pytest.mark.parametrize("days", [0, 7, 60])
def test_what_waits_for_an_answer_is_left_alone(days: int) -> None:
    assert _instead(review(), SEEN, later(days), POLICY) is None


def test_an_accepted_change_is_judged_by_what_came_since_once_there_is_enough_of_it() -> None:
    accepted = review("accept")
    assert _instead(accepted, SEEN, later(0), POLICY) is None
    assert _instead(accepted, SEEN, later(13), POLICY) is None
    first = _instead(accepted, SEEN, later(14), POLICY)
    assert first is not None and (first.before_from, first.baseline_days) == (SEEN.after_from, 14)
    assert _instead(accepted, SEEN, later(28), POLICY) == later(28)


@pytest.mark.parametrize("verdict", ["mapping_fix", "source_fault"])
def test_what_is_to_be_fixed_is_asked_about_again_after_patience_against_what_was_before(verdict: str) -> None:
    answered = review(verdict)
    assert _instead(answered, SEEN, later(14), POLICY) is None
    again = _instead(answered, SEEN, later(15), POLICY)
    assert again == Windows(SEEN.before_from, SEEN.before_until, later(15).after_from, later(15).after_until)
    assert _instead(answered, SEEN, later(60), POLICY) == later(60)


def test_every_column_that_is_watched_is_one_of_the_lake() -> None:
    tables = {item.table: (feed, item) for feed, one in load_contracts().items() for item in one.objects}
    for feed, watched in POLICY.feeds.items():
        for table, one in watched.tables.items():
            of, item = tables[table]
            columns = {p.name: p for p in item.columns}
            assert of == feed and one.visit in columns, table
            assert set(one.texts) <= set(columns), table
            for field in (*one.codes, *one.values):
                members: dict[str, Property] = columns
                if field.list:
                    members = {p.name: p for p in columns[field.list].items}
                named = [getattr(field, part, None) for part in ("code", "system", "value", "unit", "by")]
                assert {name for name in named if name} <= set(members), (table, field)


def test_every_pair_names_columns_of_the_lake() -> None:
    tables = {
        item.table: (feed, {p.name for p in item.columns})
        for feed, one in load_contracts().items()
        for item in one.objects
    }
    for pair in POLICY.pairs.declared:
        label, load = pair.label, pair.workload
        of, columns = tables[label.table]
        named = {label.visit, label.column, label.day, *label.only}
        assert of == pair.feed and named - {None} <= columns, pair.name
        _, columns = tables[load.table]
        named = {load.visit, load.column, load.per, load.from_, load.until, load.by, load.day, pair.within, *load.only}
        assert named - {None} <= columns, pair.name


BEFORE, AFTER = SEEN.before_from, SEEN.after_from


def put(settings: Settings, table: str, day: date, query: str) -> None:
    """Put rows into the lake as landing does: a file of a site and day, beside the anchor."""
    for folder in (f"site=city/day={day}", "site=_anchor/day=0001-01-01"):
        path = settings.lake / table / folder / "rows.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        limit = " limit 0" if "_anchor" in folder else ""
        with duckdb.connect() as db:
            db.execute(f"copy (select * from ({query}){limit}) to '{path}' (format parquet)")


def results(code: str, value: str, unit: str, rows: int = 40) -> str:
    return f"""
        select 'ab' || range as _key, 'f00dfeed' || range as _file, range as _line, 'hl7v2@1.0.0' as _contract,
            'c' as _content, false as _is_deleted, 'v' || (range // 2) as visit_key, 'secret' || range as patient_key,
            now() as message_at,
            [{{code: '{code}', code_system: 'LN', value_number: {value}, value_unit: '{unit}', patient_key: 'secret',
               observed_at: now(), observed_date: date '2026-03-01'}}] as results
        from range({rows})
    """


def test_the_entries_of_a_list_are_counted_by_visit_and_shown_without_pseudonyms_and_times(settings: Settings) -> None:
    put(settings, "hl7v2_oru", BEFORE, results("2345-7", "100.0 + range", "mg/dL"))
    put(settings, "hl7v2_oru", AFTER, results("2345-7", "5.0 + range", "mmol/L", rows=20))
    watched = POLICY.feeds["hl7v2"].tables["hl7v2_oru"]
    with watching(settings, "city", "hl7v2_oru", SEEN) as db:
        shares = {(one.kind, one.category): one for one in shares_of(db, "hl7v2_oru", watched)}
        samples = {one.unit: one for one in values_of(db, "hl7v2_oru", watched)}
    code = shares["code", "2345-7"]
    assert (code.before, code.after, code.before_total, code.after_total) == (20, 10, 20, 10)
    assert (shares["unit", "mg/dL"].before, shares["unit", "mg/dL"].after) == (20, 0)
    assert (shares["unit", "mmol/L"].item, shares["system", "LN"].after) == ("2345-7", 10)
    assert (samples["mg/dL"].before.size, samples["mg/dL"].after.size) == (20, 0)
    assert samples["mg/dL"].before.min() == 100.0
    rows = sample_rows(settings, "city", Shown("hl7v2_oru", watched, "results", ("value_unit",), ("mmol/L",)), SEEN)
    assert [len(rows[side]) for side in ("before", "after")] == [6, 6]
    assert set(rows["after"][0]) == {"file", "line", "contract", "code", "code_system", "value_number", "value_unit"}


def test_rows_of_a_safe_harbor_site_show_no_age_over_89_and_no_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, "hl7v2_oru", AFTER, results("30525-0", "97.0 + range", "a", rows=20))
    watched = POLICY.feeds["hl7v2"].tables["hl7v2_oru"]
    shown = Shown("hl7v2_oru", watched, "results", ("value_unit",), ("a",))
    assert float(sample_rows(settings, "city", shown, SEEN)["after"][0]["value_number"]) >= 97
    monkeypatch.setattr(meaning, "shifted_sites", lambda: ["city"])
    assert not any("value_number" in row for row in sample_rows(settings, "city", shown, SEEN)["after"])
    image = "select 'k' as _key, 'f00d' as _file, 1 as _line, 'dicom@1.1.0' as _contract, 'c' as _content, "
    image += "false as _is_deleted, 'MA' as state, 93.0 as age_years, 'v' as visit_key, 'CT' as modality"
    put(settings, "dicom_instance", AFTER, image)
    watched = WatchedTable(visit="visit_key")
    rows = sample_rows(settings, "city", Shown("dicom_instance", watched, None, ("modality",), ("CT",)), SEEN)
    assert (rows["after"][0]["age_years"], "state" in rows["after"][0]) == ("90.0", False)


def test_days_outside_both_windows_are_not_read(settings: Settings) -> None:
    put(settings, "hl7v2_oru", BEFORE - timedelta(days=1), results("2345-7", "1.0", "mg/dL"))
    put(settings, "hl7v2_oru", SEEN.after_until + timedelta(days=1), results("2345-7", "1.0", "mg/dL"))
    with watching(settings, "city", "hl7v2_oru", SEEN) as db:
        assert shares_of(db, "hl7v2_oru", POLICY.feeds["hl7v2"].tables["hl7v2_oru"]) == []
    assert len(arrival_days(settings, "city", ["hl7v2_oru"])) == 2


def test_levels_are_counted_with_what_became_of_them_and_admissions_with_the_beds(settings: Settings) -> None:
    put(
        settings,
        "unit_census",
        BEFORE,
        f"""
        select 'ED' as unit_code, timestamptz '{BEFORE} 12:00+00' + interval (range) day as "at", 20 as occupied,
            false as _is_deleted from range(40)
    """,
    )
    folder = settings.snapshots / "a"
    folder.mkdir(parents=True)
    file = folder / "triage_mart.parquet"
    with duckdb.connect() as db:
        db.execute(f"""copy (
            select 'city' as site, timestamptz '{BEFORE} 09:00+00' + interval (range % 35) day as arrived_at,
                case when range % 2 = 0 then 2 else 3 end as triage_level,
                case when range < 350 then range % 4 = 0 end as admission
            from range(400)
        ) to '{file}' (format parquet)""")
    entry = {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "rows": 400}
    pointer = {"digest": "a", "as_of": "2026-03-01T00:00:00+00:00", "tables": {"triage_mart": entry}}
    (settings.snapshots / "current.json").write_text(json.dumps(pointer))
    [label] = labels_of(settings, "city", "triage_mart", SEEN)
    assert label.levels == {"2": ((140, 70), (35, 18)), "3": ((140, 0), (35, 0))}
    assert (label.days_before.size, label.days_after.size) == (28, 7)
    assert label.days_before.mean() == pytest.approx(2.5 / 20)


def test_without_a_snapshot_there_is_no_label_to_compare(settings: Settings) -> None:
    assert labels_of(settings, "city", "triage_mart", SEEN) == []
