import re
from datetime import datetime, timedelta

import pytest

from orchestration.simulator.catalogue import load_catalogue
from orchestration.simulator.names import load_names
from orchestration.simulator.note_phrases import load_phrases

from .conftest import SITES
from .parsed import Feeds

HEADER = ["note_id", "encounter_id", "visit_number", "mrn", "written_at", "text"]
NAMES = {
    name.lower()
    for names in (load_names().family, load_names().given_female, load_names().given_male)
    for name in names
}


@pytest.fixture(scope="module", params=SITES)
def site(request) -> str:
    return request.param


def whole(wide: Feeds, site: str) -> list[dict[str, str]]:
    found = [row for _, row in wide.rows(site, "triage_notes")]
    return [row for row in found if row["text"] and row["visit_number"] and len(row["written_at"] or "") > 5]


def test_most_visits_have_one_note(wide: Feeds, site: str):
    notes = whole(wide, site)
    assert list(wide.rows(site, "triage_notes")[0][1]) == HEADER
    visits = len({e["id"] for e in wide.resources(site, "Encounter")})
    assert 0.85 < len({note["visit_number"] for note in notes}) / visits < 0.99
    assert len({note["note_id"] for note in notes}) == len({note["visit_number"] for note in notes})


def test_a_note_is_one_to_three_short_sentences(wide: Feeds, site: str):
    for note in whole(wide, site):
        assert note["text"].endswith(".") and 8 < len(note["text"]) < 240
        assert "{" not in note["text"] and "  " not in note["text"]


def test_a_note_is_written_soon_after_triage_and_within_the_visit(wide: Feeds, site: str):
    visits = {e["id"]: e["period"] for e in wide.resources(site, "Encounter")}
    for note in whole(wide, site):
        period, written = visits[note["encounter_id"]], datetime.fromisoformat(note["written_at"])
        arrived = datetime.fromisoformat(period["start"])
        assert arrived < written < arrived + timedelta(hours=1, minutes=5)


def test_a_note_gives_age_and_sex_as_the_record_does(wide: Feeds, site: str):
    people = {p["identifier"][0]["value"]: p for p in wide.resources(site, "Patient")}
    for note in whole(wide, site):
        found = re.search(r"\b(\d{1,3})(?:yo )?([FM])\b", note["text"], re.IGNORECASE)
        person = people[note["mrn"]]
        assert found and found[2].upper() == person["gender"][0].upper()
        assert abs(int(found[1]) - (2024 - int(person["birthDate"][:4]))) <= 1


def test_a_few_notes_hold_a_name_or_a_telephone_number(wide: Feeds):
    texts = [note["text"] for site in SITES for note in whole(wide, site)]
    named = [text for text in texts if NAMES & set(re.findall(r"\w+", text.lower()))]
    called = [text for text in texts if re.search(r"555-\d{4}", text)]
    assert 0.015 < len(named) / len(texts) < 0.05
    assert 0 < len(called) < len(named)


def test_an_impression_of_illness_is_commoner_before_admission_but_no_verdict(wide: Feeds):
    """A noisy sign, as the level is: it must neither be silent nor give the outcome away."""
    unwell = tuple(phrase.lower() for phrase in load_phrases().unwell)
    counts = {True: [0, 0], False: [0, 0]}
    for site in SITES:
        admitted = {e["id"]: e["class"]["code"] == "IMP" for e in wide.resources(site, "Encounter")}
        for note in whole(wide, site):
            tally = counts[admitted[note["encounter_id"]]]
            tally[0] += 1
            tally[1] += any(phrase in note["text"].lower() for phrase in unwell)
    share = {key: ill / total for key, (total, ill) in counts.items()}
    assert 1.2 * share[False] < share[True] < 0.5


def test_every_chronic_condition_has_its_abbreviation():
    assert set(load_phrases().history) == set(load_catalogue().chronic)
