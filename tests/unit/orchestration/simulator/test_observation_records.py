import pytest

from orchestration.simulator.clock import LocalClock
from orchestration.simulator.observation_records import CREATININE, ObservationWriter, Taken
from orchestration.simulator.profiles import PROFILES
from orchestration.sites import load_site

SUBJECT = {"subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"}}


def writer(site: str) -> ObservationWriter:
    return ObservationWriter(PROFILES[site], LocalClock(load_site(site).zone))


def amount(site: str, reading: str, value: float, slip: str = "") -> dict:
    (resource,) = writer(site).vitals(SUBJECT, ["id"], Taken(0, 9, reading, value, 0.0, slip))
    return resource["valueQuantity"]


@pytest.mark.parametrize(("site", "value", "unit"), [("city", 98.6, "[degF]"), ("district", 37.0, "Cel")])
def test_one_temperature_is_written_in_the_unit_of_the_site(site: str, value: float, unit: str):
    assert (amount(site, "temperature", 37.0)["value"], amount(site, "temperature", 37.0)["code"]) == (value, unit)


@pytest.mark.parametrize(("site", "value", "unit"), [("city", 1.0, "mg/dL"), ("rural", 88, "umol/L")])
def test_one_creatinine_is_written_in_the_unit_of_the_laboratory(site: str, value: float, unit: str):
    found = writer(site).laboratory(SUBJECT, "id", Taken(0, 9, "", 1.0), CREATININE)["valueQuantity"]
    assert (found["value"], found["code"]) == (value, unit)


def test_a_slip_makes_the_value_absurd_or_the_unit_unknown():
    assert amount("city", "heart_rate", 80, "absurd")["value"] > 4000
    assert amount("city", "heart_rate", 80, "unit")["code"] == "unk"
    assert amount("city", "heart_rate", 80) == {
        "value": 80,
        "unit": "/min",
        "system": "http://unitsofmeasure.org",
        "code": "/min",
    }


def test_blood_pressure_is_two_observations_or_one_panel():
    taken = Taken(0, 9, "blood_pressure", 121.6, 70.2)
    high, low = writer("city").vitals(SUBJECT, ["b", "a"], taken)
    assert (high["id"], high["valueQuantity"]["value"], low["id"], low["valueQuantity"]["value"]) == ("a", 122, "b", 70)
    (panel,) = writer("district").vitals(SUBJECT, ["a"], taken)
    assert [part["valueQuantity"]["value"] for part in panel["component"]] == [122, 70]


def test_an_unknown_reading_is_refused():
    with pytest.raises(ValueError, match="mood"):
        amount("city", "mood", 1)
