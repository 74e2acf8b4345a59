from collections import Counter

import pytest

from .conftest import SITES


def codes_of(resources: list[dict]) -> set[str]:
    return {resource["code"]["coding"][0]["code"] for resource in resources}


def temperatures(read, site: str) -> list[dict]:
    return [o for o in read(site, "Observation") if o["code"]["coding"][0]["code"] == "8310-5"]


def complaints(read, site: str) -> list[str]:
    return [o["valueString"] for o in read(site, "Observation") if "valueString" in o]


def test_sites_are_of_three_sizes(summary):
    city, district, rural = (site.visits for site in summary.sites)
    assert city > 1.5 * district > 1.5 * 2 * rural


def test_each_site_codes_diagnoses_in_its_own_way(read):
    systems = {site: {c["code"]["coding"][0]["system"] for c in read(site, "Condition")} for site in SITES}
    assert systems["city"] == systems["rural"] == {"http://hl7.org/fhir/sid/icd-10-cm"}
    assert systems["district"] == {"http://snomed.info/sct"}
    assert all(len(code) <= 3 for code in codes_of(read("rural", "Condition")))
    assert any(len(code) > 5 for code in codes_of(read("city", "Condition")))


@pytest.mark.parametrize(
    ("site", "unit", "low", "high"),
    [("city", "[degF]", 93, 110), ("district", "Cel", 34, 43), ("rural", "Cel", 34, 43)],
)
def test_temperature_is_in_the_unit_of_the_site(read, site: str, unit: str, low: float, high: float):
    units = Counter(o["valueQuantity"]["code"] for o in temperatures(read, site))
    assert set(units) <= {unit, "unk"} and units[unit] > 50
    values = [o["valueQuantity"]["value"] for o in temperatures(read, site)]
    assert sum(low < value < high for value in values) > 0.98 * len(values)


def test_blood_pressure_is_a_panel_at_one_site_only(read):
    for site in SITES:
        codes = codes_of(read(site, "Observation"))
        assert ("85354-9" in codes) == (site == "district")
        assert ({"8480-6", "8462-4"} <= codes) == (site != "district")


def test_one_laboratory_reports_si_units(read):
    assert {"14682-9", "15074-8"} <= codes_of(read("rural", "Observation"))
    assert {"2160-0", "2345-7"} <= codes_of(read("city", "Observation"))


def test_the_city_abbreviates_most_and_the_rural_site_least(read):
    def share(site: str) -> float:
        texts = complaints(read, site)
        short = sum(
            any(mark in f" {text.lower()} " for mark in (" sob", " cp", " n/v", " x2d", " ha ", " lac "))
            for text in texts
        )
        return short / len(texts)

    assert share("city") > share("district") > share("rural")


def test_readings_are_missing_most_at_the_rural_site(read):
    def share_with(site: str, code: str) -> float:
        visits = {e["id"] for e in read(site, "Encounter")}
        taken = {
            o["encounter"]["reference"]
            for o in read(site, "Observation")
            if o["code"]["coding"][0]["code"] == code and "-t" in o["id"]
        }
        return len(taken) / len(visits)

    assert share_with("city", "9279-1") > share_with("district", "9279-1") > share_with("rural", "9279-1") > 0.5


def test_only_us_sites_record_race(read):
    assert all("extension" in p for p in read("city", "Patient"))
    assert not any("extension" in p for p in read("rural", "Patient"))


def test_patients_carry_identifiers_that_must_not_pass_landing(read):
    for site in SITES:
        for patient in read(site, "Patient"):
            assert patient["name"][0]["family"] and patient["telecom"] and patient["address"][0]["line"]
            identifier = patient["identifier"][0]
            assert identifier["type"]["coding"][0]["code"] == "MR"
            assert identifier["system"] == f"urn:pilothouse:{site}:mrn"


def test_sites_share_no_patient(read):
    ids = [{p["id"] for p in read(site, "Patient")} for site in SITES]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])
