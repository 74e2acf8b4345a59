from collections import defaultdict
from datetime import datetime, timedelta

from .conftest import SITES

TRIAGE = "75636-1"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def visits_with_readings(read, site: str):
    readings = defaultdict(list)
    for observation in read(site, "Observation"):
        readings[observation["encounter"]["reference"].removeprefix("Encounter/")].append(observation)
    arrivals = {e["id"]: at(e["period"]["start"]) for e in read(site, "Encounter")}
    return [(arrivals[key], found) for key, found in readings.items()]


def test_within_an_hour_of_arrival_nothing_is_measured_but_at_triage(read):
    for site in SITES:
        for arrived, readings in visits_with_readings(read, site):
            levels = [at(o["effectiveDateTime"]) for o in readings if o["code"]["coding"][0]["code"] == TRIAGE]
            for observation in readings:
                when = at(observation["effectiveDateTime"])
                assert when >= arrived
                if when - arrived > timedelta(hours=1):
                    assert levels == [] or when > levels[0]
                elif levels:
                    assert when <= levels[0]


def test_later_readings_and_laboratory_results_do_come(read):
    for site in SITES:
        late = sum(
            at(o["effectiveDateTime"]) - arrived > timedelta(hours=1)
            for arrived, readings in visits_with_readings(read, site)
            for o in readings
        )
        assert late > 100


def test_a_condition_with_an_onset_was_charted_before_any_visit_of_the_feed(read):
    first = min(at(e["period"]["start"]) for e in read("city", "Encounter"))
    dated = [c for c in read("city", "Condition") if "onsetDateTime" in c]
    assert len(dated) > 100
    assert all(at(c["recordedDate"]) < first for c in dated)
    assert all(c["onsetDateTime"] <= c["recordedDate"][:10] for c in dated)


def test_a_condition_charted_in_a_visit_has_no_onset_and_comes_after_triage(read):
    arrivals = {f"Encounter/{e['id']}": at(e["period"]["start"]) for e in read("city", "Encounter")}
    charted = [c for c in read("city", "Condition") if "encounter" in c]
    assert len(charted) > 100
    for condition in charted:
        assert "onsetDateTime" not in condition
        assert at(condition["recordedDate"]) > arrivals[condition["encounter"]["reference"]]
