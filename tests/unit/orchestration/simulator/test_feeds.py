import pytest

from orchestration.simulator import EMITTED, UnknownFeed, simulate_group, simulated_sites
from orchestration.simulator.feeds import chosen_feeds
from orchestration.sites import load_site

from .conftest import DAYS, SITES, START

FAMILIES = {
    "hl7v2": {"hl7v2_adt.hl7", "hl7v2_oru.hl7", "hl7v2_siu.hl7"},
    "dicom": {"dicom"},
    "x12_837": {"claims_837.x12"},
    "appointments": {"appointments.csv"},
    "triage_notes": {"triage_notes.csv"},
    "rosters": {"rosters.csv"},
    "census": {"census.csv"},
    "staffing": {"staffing.csv"},
    "workforce": {"workforce.csv"},
    "leave": {"leave.csv"},
    "wishes": {"wishes.csv"},
}
TABLES = ("appointments", "triage_notes", "staffing", "workforce", "leave", "wishes")
AS_PARQUET = {f"{name}.csv" for name in TABLES}  # the tables that one site sends as Parquet


def test_a_site_sends_what_its_file_lists_and_the_simulator_can_send():
    for site in simulated_sites():
        assert chosen_feeds(site, None) == set(load_site(site).feeds) & set(EMITTED)
        assert {"ehr_fhir", "rosters", "census"} <= chosen_feeds(site, None)


def test_a_feed_that_cannot_be_simulated_is_refused_by_name(tmp_path):
    with pytest.raises(UnknownFeed, match=r"cannot send telepathy; it can send ehr_fhir, .*triage_notes"):
        simulate_group(tmp_path, sites=["rural"], start=START, days=1, seed=1, feeds=["hl7v2", "telepathy"])


@pytest.mark.parametrize("feed", FAMILIES)
def test_a_single_feed_can_be_sent_alone_with_the_same_bytes(wide, tmp_path, feed: str):
    simulate_group(tmp_path, sites=["rural"], start=START, days=4, seed=wide.summary.seed, feeds=[feed])
    sent = sorted(p.relative_to(tmp_path) for p in (tmp_path / "drops").rglob("*") if p.is_file())
    assert sent and {path.parts[3] for path in sent} == FAMILIES[feed]
    for path in sent:
        assert (tmp_path / path).read_bytes() == (wide.home / path).read_bytes()


def test_more_feeds_leave_the_record_systems_files_as_they_are(home, summary, wide):
    before = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    assert len(before) > 3 * DAYS * 8
    for path in before:
        assert (home / path).read_bytes() == (wide.home / path).read_bytes()


def test_the_summary_counts_the_records_of_every_family(summary, wide):
    assert {site.site for site in summary.sites if site.records} == set(SITES)
    for site in wide.summary.sites:
        messages = {f"hl7v2_{family}": len(wide.messages(site.site, family)) for family in ("adt", "oru", "siu")}
        images = len(list(wide.files(site.site, "dicom/*.dcm")))
        tables = {name: len(wide.rows(site.site, name)) for name in TABLES}
        counted = {name: n for name, n in site.records.items() if name != "claims_837"}
        assert counted == messages | {"dicom": images} | tables
        claims = sum(path.read_text().count("CLM*") for _, path in wide.files(site.site, "claims_837.x12"))
        assert site.records["claims_837"] >= claims > 20


def test_every_site_sends_every_family(wide):
    for site in SITES:
        sent = {path.name for path in (wide.home / "drops" / site).glob("*/*")}
        names = set().union(*FAMILIES.values())
        if site == "district":
            names = names - AS_PARQUET | {name.replace(".csv", ".parquet") for name in AS_PARQUET}
        assert names <= sent


def test_the_truth_is_in_no_feed(wide):
    for path in (wide.home / "drops").rglob("*.*"):
        if path.is_file():
            assert path.suffix in (".ndjson", ".csv", ".parquet", ".hl7", ".x12", ".dcm")
            assert b"robability" not in path.read_bytes()
