import csv
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from orchestration.simulator import simulate_group

from .conftest import SITES, START, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_open_visit_comes_again_with_the_same_id_and_a_higher_version(read):
    versions = defaultdict(list)
    for encounter in read("city", "Encounter"):
        versions[encounter["id"]].append(encounter)
    again = {key: sent for key, sent in versions.items() if len({e["meta"]["versionId"] for e in sent}) > 1}
    assert len(again) > 20
    for sent in again.values():
        numbers = [int(e["meta"]["versionId"]) for e in sent]
        updates = [at(e["meta"]["lastUpdated"]) for e in sent]
        assert numbers == sorted(numbers) and updates == sorted(updates)
        assert sent[0]["status"] == "in-progress"
        assert len({e["period"]["start"] for e in sent}) == 1


def test_the_class_turns_from_emergency_to_inpatient_with_the_admission(read):
    for encounter in read("district", "Encounter"):
        source = encounter.get("hospitalization", {}).get("admitSource")
        assert (encounter["class"]["code"] == "IMP") == (source is not None)
        if encounter["class"]["code"] == "EMER":
            assert len(encounter["location"]) == 1


def test_locations_start_in_the_ed_and_follow_each_other_without_gaps(read):
    for site, ed in (("city", "ED"), ("district", "ED"), ("rural", "AE")):
        for encounter in read(site, "Encounter"):
            stays = encounter["location"]
            assert stays[0]["location"]["identifier"]["value"] == ed
            assert stays[0]["period"]["start"] == encounter["period"]["start"]
            for earlier, later in pairwise(stays):
                assert earlier["period"]["end"] == later["period"]["start"]
            assert (
                ("end" in stays[-1]["period"]) == (encounter["status"] == "finished") == ("end" in encounter["period"])
            )


def test_intensive_care_is_recognised_by_its_location_type(read):
    for site, icu in (("city", "ICU"), ("district", "ICU"), ("rural", "HDU")):
        types = {
            place["identifier"][0]["value"]: place["type"][0]["coding"][0]["code"] for place in read(site, "Location")
        }
        assert types[icu] == "ICU" and list(types.values()).count("ICU") == 1
        assert list(types.values()).count("ER") == 1


def test_a_death_comes_as_a_patient_update_and_an_expired_visit(read):
    deaths = 0
    for site in SITES:
        patients = {p["id"]: p for p in read(site, "Patient")}
        ends = {}
        for encounter in read(site, "Encounter"):
            how = (
                encounter.get("hospitalization", {}).get("dischargeDisposition", {}).get("coding", [{}])[0].get("code")
            )
            if how == "exp":
                ends[encounter["subject"]["reference"].removeprefix("Patient/")] = encounter["period"]["end"]
        dead = {key: p for key, p in patients.items() if "deceasedDateTime" in p}
        assert {key: p["deceasedDateTime"] for key, p in dead.items()} == ends
        assert all(p["meta"]["versionId"] == "2" for p in dead.values())
        deaths += len(dead)
    assert deaths > 0


def test_nobody_comes_again_after_death_or_while_still_here(read):
    for site in SITES:
        last = {e["id"]: e for e in read(site, "Encounter")}
        by_person = defaultdict(list)
        for encounter in last.values():
            by_person[encounter["subject"]["reference"]].append(encounter["period"])
        for periods in by_person.values():
            periods.sort(key=lambda period: at(period["start"]))
            for earlier, later in pairwise(periods):
                assert at(earlier["end"]) < at(later["start"])


def test_everything_in_a_drop_was_last_updated_on_its_local_day_unless_it_was_sent_again(home: Path, read):
    late = total = 0
    for folder in sorted((home / "drops" / "city").iterdir()):
        for path in folder.glob("*.ndjson"):
            for resource in filter(None, map(parse, path.read_text("utf-8").splitlines())):
                is_old_problem = "onsetDateTime" in resource
                total += 1
                late += resource["meta"]["lastUpdated"][:10] != folder.name and not is_old_problem
    assert 0 < late < 0.003 * total


def test_every_reference_in_the_records_is_sent_at_the_latest_on_the_same_day(home: Path, read):
    for site in SITES:
        seen = {f"{name}/{r['id']}" for name in ("Organization", "Location", "Practitioner") for r in read(site, name)}
        for folder in sorted((home / "drops" / site).iterdir()):
            day = datetime.fromisoformat(folder.name).date()
            for name in ("Patient", "Encounter"):
                seen |= {f"{name}/{r['id']}" for r in read(site, name, day)}
            for encounter in read(site, "Encounter", day):
                assert encounter["subject"]["reference"] in seen
                assert {stay["location"]["reference"] for stay in encounter["location"]} <= seen
                assert encounter["participant"][0]["individual"]["reference"] in seen
            for name in ("Observation", "Condition"):
                for resource in read(site, name, day):
                    assert resource.get("subject", {"reference": next(iter(seen))})["reference"] in seen
                    if "encounter" in resource:
                        assert resource["encounter"]["reference"] in seen


def test_the_census_counts_those_whom_the_records_place_in_the_ed(home: Path, read):
    """From the third day on, when nobody from before the feed is left in the ED."""
    last = {e["id"]: e for e in read("district", "Encounter")}
    stays = [e["location"][0]["period"] for e in last.values()]
    for day in (START + timedelta(days=2), START + timedelta(days=3)):
        with (home / "drops" / "district" / day.isoformat() / "census.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["unit"] == "ED"]
        assert len(rows) == 24
        for row in rows:
            hour = at(row["at"])
            there = sum(at(s["start"]) < hour and ("end" not in s or at(s["end"]) >= hour) for s in stays)
            assert there == int(row["occupied"])


def test_no_unit_upstairs_holds_more_patients_than_staffed_beds(home: Path, summary):
    for path in (home / "drops").glob("*/*/census.csv"):
        with path.open() as file:
            for row in csv.DictReader(file):
                assert int(row["staffed_beds"]) >= 0 and int(row["closed"]) >= 0
                if row["unit"] not in ("ED", "AE"):
                    assert int(row["occupied"]) <= int(row["staffed_beds"])


def test_people_return_and_their_history_grows(tmp_path: Path):
    simulate_group(tmp_path, sites=["rural"], start=START, days=30, seed=4)
    visits, returns = defaultdict(set), 0
    for path in sorted((tmp_path / "drops" / "rural").glob("*/Encounter.ndjson")):
        for encounter in map(parse, path.read_text().splitlines()):
            visits[encounter["subject"]["reference"]].add(encounter["id"])
            returns += "reAdmission" in encounter.get("hospitalization", {})
    assert sum(len(found) > 1 for found in visits.values()) > 20
    assert returns > 0
