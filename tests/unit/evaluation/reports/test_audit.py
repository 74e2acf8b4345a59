"""The audit page and its findings: derived from the figures, ranked, and printed without script or network."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from evaluation.reports.audit import (
    AuditPage,
    CheckFacts,
    CodingFacts,
    FeedFacts,
    FieldFacts,
    LinkFacts,
    QualityFacts,
    TableFacts,
    volume_chart,
    write_audit,
)
from evaluation.reports.audit_findings import findings

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
COUNTS = {"received": 100, "landed": 95, "duplicate": 5, "superseded": 0, "deleted": 0, "quarantined": 0}
GOOD = FeedFacts(
    feed="ehr_fhir",
    is_agreed=True,
    contract="2.1.0",
    contracts_seen=("2.0.0", "2.1.0"),
    owner="data-engineering",
    reader="fhir",
    formats_seen=((".ndjson", 2),),
    files=2,
    records=COUNTS,
    reasons={},
    last_arrival=NOW,
    age_hours=1.0,
    due_hours=30.0,
    classified={"public": 3},
    volume=((date(2026, 3, 2), 60), (date(2026, 3, 4), 40)),
    tables=(TableFacts("fhir_patient", 95, 90, (FieldFacts("gender", "quasi", False, 0.25),)),),
)
NEVER = replace(GOOD, feed="census", files=0, records=dict.fromkeys(COUNTS, 0), last_arrival=None, age_hours=None)


MET = QualityFacts(10, 8, ())


def says(*feeds: FeedFacts, coding=(), links=(), quality: QualityFacts | None = MET) -> list[str]:
    return [one.says for one in findings(feeds, coding, links, quality)]


def test_a_site_without_a_gap_has_nothing_to_mend() -> None:
    assert says(GOOD) == []


def test_a_feed_that_never_came_goes_before_a_late_one_and_both_are_named() -> None:
    late = replace(GOOD, age_hours=200.0)
    assert says(late, NEVER) == [
        "census is agreed, and no file of it has ever arrived.",
        "ehr_fhir: the last file is 8 days old, and one is due every 30 hours.",
    ]


def test_quarantine_is_a_finding_above_one_in_a_hundred_and_names_the_clause() -> None:
    def held(n: int) -> FeedFacts:
        return replace(GOOD, records={**COUNTS, "landed": 95 - n, "quarantined": n}, reasons={"gender.codes": n})

    assert says(held(1)) == []
    assert says(held(2)) == [
        "ehr_fhir: 2 of 100 records (2.0\u202f%) are held in quarantine; 2 of them break gender.codes."
    ]


def test_unmapped_codes_rank_by_how_many_records_they_are() -> None:
    few = CodingFacts("fhir_device", "SNOMED", 2, 2, 0.5, (("1", 1),))
    many = CodingFacts("fhir_condition", "SNOMED", 1000, 40, 0.9, (("2", 60),))
    first, second = says(GOOD, coding=(few, many))
    assert first.startswith("fhir_condition: 10.0") and "code is 2 (60 records)" in first
    assert second.startswith("fhir_device") and "1 (1 record)" in second
    assert says(GOOD, coding=(replace(many, mapped=None),)) == []


def test_links_checks_and_empty_fields_are_said_with_both_numbers() -> None:
    link = LinkFacts("hl7_adt", "patient", 50, 5)
    missed = CheckFacts("fkDomain", "measurement", "unit_concept_id", "error", 3, 60, 0.0)
    empty = replace(GOOD, tables=(TableFacts("t", 5, 5, (FieldFacts("a", "public", False, 1.0),)),))
    said = says(empty, links=(link,), quality=QualityFacts(9, 5, (missed,)))
    assert "measurement.unit_concept_id misses fkDomain: 3 of 60" in said[0]
    assert "5 of 50 records" in said[1] and "1 of 1 fields are never filled" in said[2]


def test_before_tables_are_built_it_says_so_and_an_empty_site_is_not_told_of_other_sites() -> None:
    assert says(GOOD, quality=None) == [
        "The tables are not built: coding and data quality cannot be judged. Run: pilothouse run"
    ]
    missed = CheckFacts("fkDomain", "measurement", "unit_concept_id", "error", 3, 60, 0.0)
    assert len(says(NEVER, quality=QualityFacts(9, 5, (missed,)))) == 1
    [said] = says(GOOD, quality=QualityFacts(9, 5, (replace(missed, is_of_site=False),)))
    assert said.endswith("(all sites).") and not says(GOOD, quality=QualityFacts(9, 5, (missed,)))[0].endswith(
        "sites)."
    )


def page(*feeds: FeedFacts) -> AuditPage:
    return AuditPage(
        site="city",
        name="City <Hospital>",
        as_of=NOW,
        generated_at=NOW,
        version="0",
        vocabulary="starter",
        feeds=feeds,
        coding=(CodingFacts("t", "S", 4, 2, 0.5, (("x", 2),)),),
        links=(LinkFacts("t", "visit", 4, 1),),
        quality=QualityFacts(9, 5, (CheckFacts("fkDomain", "m", "u", "warn", 3, 60, 0.5),)),
        findings=findings(feeds, (), (), None),
    )


def test_the_page_escapes_what_it_prints_and_loads_nothing(tmp_path: Path) -> None:
    text = write_audit(tmp_path, page(GOOD, NEVER)).read_text()
    assert "City &lt;Hospital&gt;" in text and "never came" in text
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")
    assert "Content-Security-Policy" in text and text.count('class="bar"') == 3


def test_a_site_without_feeds_has_a_page(tmp_path: Path) -> None:
    assert "No feed is agreed" in write_audit(tmp_path, page()).read_text()


def test_a_chart_needs_two_days_and_places_them_by_date() -> None:
    assert volume_chart(replace(GOOD, volume=GOOD.volume[:1])) is None
    chart = volume_chart(GOOD)
    assert chart is not None and chart.summary == "2 of 3 days brought records, at most 60 on one day."
    first, second = chart.bars
    assert first.height > second.height and second.x - first.x > 1.9 * (first.width + 0.5)
