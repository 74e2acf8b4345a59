from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from ..conftest import SITES
from ..parsed import Feeds, Hl7

STRUCTURES = {
    "A01": "ADT_A01",
    "A02": "ADT_A02",
    "A03": "ADT_A03",
    "A04": "ADT_A01",
    "A08": "ADT_A01",
    "A11": "ADT_A09",
    "A13": "ADT_A01",
    "A40": "ADT_A39",
}
UNDONE_BY = {"A11": "A01", "A13": "A03"}


def in_order(messages: list[Hl7]) -> list[Hl7]:
    return sorted(messages, key=lambda m: (m.at("MSH", 7), m.control))


def by_visit(wide: Feeds, site: str) -> dict[str, list[Hl7]]:
    found = defaultdict(list)
    for message in in_order(wide.last(site, "adt")):
        if message.trigger != "A40":
            found[message.visit].append(message)
    return found


@pytest.fixture(scope="module", params=SITES)
def site(request) -> str:
    return request.param


def encounters(wide: Feeds, site: str) -> dict[str, dict]:
    return {e["identifier"][0]["value"]: e for e in wide.resources(site, "Encounter")}


def test_every_kind_of_event_is_sent_with_its_structure(wide: Feeds):
    seen = {site: Counter((m.trigger, m.get("MSH", 9, 3)) for m in wide.messages(site, "adt")) for site in SITES}
    assert set().union(*seen.values()) == set(STRUCTURES.items())
    assert seen["city"][("A03", "ADT_A03")] > 500
    for trigger in ("A11", "A13", "A40"):
        assert sum(count[(trigger, STRUCTURES[trigger])] for count in seen.values()) >= 3


@pytest.mark.parametrize("family", ["adt", "oru", "siu"])
def test_every_message_parses_with_a_library_that_nobody_here_wrote(wide: Feeds, site: str, family: str):
    messages = wide.messages(site, family)
    assert len(messages) > 50
    for message in messages:
        parsed = message.parsed
        assert str(parsed.segments("MSH")[0][10]) == message.control
        assert len(parsed) == sum(map(len, message.lines.values()))
        for name, field, expected in (("PID", 3, message.mrn), ("PV1", 19, message.visit)):
            if expected:
                assert str(parsed.segments(name)[0][field][0][0]) == expected
        assert str(parsed) == message.text + "\r"


def test_control_numbers_are_unique_but_for_what_is_sent_again(wide: Feeds, site: str):
    messages = wide.messages(site, "adt")
    texts = defaultdict(set)
    for message in messages:
        texts[message.control].add(message.text)
    again = len(messages) - len(texts)
    assert 0 <= again < 0.01 * len(messages)
    assert all(len(control) <= 20 for control in texts)


def test_what_is_required_of_an_admission_message_is_there(wide: Feeds, site: str):
    for message in wide.last(site, "adt"):
        assert (message.get("MSH", 11), message.get("MSH", 12)) == ("P", "2.5.1")
        assert message.get("EVN", 1) == message.trigger
        assert message.mrn and message.get("PID", 5) and message.get("PID", 7).isdecimal()
        assert message.get("PID", 8) in ("F", "M")
        if message.trigger != "A40":
            assert message.visit and message.get("PV1", 2) in ("E", "I") and message.get("PV1", 3)


def test_times_have_offsets_at_the_city_only(wide: Feeds):
    for site in SITES:
        for message in wide.last(site, "adt"):
            assert (message.get("EVN", 2)[-5] in "+-") == (message.get("MSH", 7)[-5] in "+-") == (site == "city")


def test_an_event_is_recorded_after_it_happened_and_sent_after_it_was_recorded(wide: Feeds, site: str):
    lags = []
    for message in wide.last(site, "adt"):
        occurred, recorded = message.at("EVN", 6), message.at("EVN", 2)
        assert occurred < recorded < message.at("MSH", 7) <= recorded + timedelta(seconds=2)
        lags.append((recorded - occurred).total_seconds())
    assert max(lags) > 1200 and min(lags) < 120


def test_a_message_is_in_the_file_of_the_local_day_it_was_sent_on(wide: Feeds, site: str):
    for message in wide.messages(site, "adt"):
        late = (message.day - message.at("MSH", 7).date()).days
        assert late in (0, 1)  # one day where it was damaged before


def test_a_visits_messages_come_in_the_order_in_which_things_can_happen(wide: Feeds, site: str):
    for messages in by_visit(wide, site).values():
        occurred = [m.at("EVN", 6) for m in messages]
        assert occurred == sorted(occurred)
        triggers = [m.trigger for m in messages]
        if messages[0].day > wide.summary.days[0] or triggers[0] == "A04":
            assert triggers.count("A04") <= 1
        for undoing, undone in UNDONE_BY.items():
            for n, trigger in enumerate(triggers):
                if trigger == undoing:
                    assert undone in triggers[:n]
        moves = [n for n, trigger in enumerate(triggers) if trigger == "A02"]
        assert all("A01" in triggers[:n] for n in moves)


def test_what_the_messages_say_in_the_end_is_what_the_encounter_says(wide: Feeds, site: str):
    known, precision = encounters(wide, site), timedelta(seconds=60 if site == "rural" else 0)
    compared, charted_by = 0, wide.summary.days[-2].isoformat()
    for number, messages in by_visit(wide, site).items():
        encounter = known[number]
        if encounter["status"] != "finished" or encounter["period"]["end"][:10] >= charted_by:
            continue
        told = Counter(m.trigger for m in messages)
        assert told["A03"] - told["A13"] == 1
        assert told["A01"] - told["A11"] == (encounter["class"]["code"] == "IMP")
        assert told["A02"] == len(encounter["location"]) - 1
        left = [m for m in messages if m.trigger == "A03"][-1]
        ended = left.at("PV1", 45)
        assert timedelta(0) <= datetime.fromisoformat(encounter["period"]["end"]) - ended <= precision
        how = encounter["hospitalization"]["dischargeDisposition"]["coding"][0]["code"]
        codes = {"home": "01", "other-hcf": "02", "snf": "03", "aadvice": "07", "exp": "20", "rehab": "62"}
        assert left.get("PV1", 36) == codes[how]
        assert left.get("PV1", 3) == encounter["location"][-1]["location"]["identifier"]["value"]
        assert (left.get("PID", 30) == "Y") == (how == "exp")
        compared += 1
    assert compared > 40


def test_transfers_name_the_units_in_the_order_of_the_encounter(wide: Feeds, site: str):
    known, moved = encounters(wide, site), 0
    for number, messages in by_visit(wide, site).items():
        path = [place["location"]["identifier"]["value"] for place in known[number]["location"]]
        for n, message in enumerate([m for m in messages if m.trigger == "A02"], start=1):
            assert (message.get("PV1", 6), message.get("PV1", 3)) == (path[n - 1], path[n])
            moved += 1
        for message in messages:
            if message.trigger == "A04":
                assert message.get("PV1", 3) == path[0] and message.get("PV1", 2) == "E"
    assert moved > 10


def test_a_wrong_admission_leaves_the_patient_where_and_what_they_were(wide: Feeds):
    found = 0
    for site in SITES:
        for messages in by_visit(wide, site).values():
            for before, after in pairwise(messages):
                if after.trigger == "A11" and before.trigger == "A01":
                    assert before.get("PV1", 2) == after.get("PV1", 2) == "I"
                    assert before.get("PV1", 3) == after.get("PV1", 3)
                    found += 1
    assert found >= 3


def test_an_early_discharge_is_taken_back_before_the_real_one(wide: Feeds):
    found = 0
    for site in SITES:
        for messages in by_visit(wide, site).values():
            triggers = [m.trigger for m in messages]
            if "A13" in triggers:
                back = triggers.index("A13")
                assert messages[back].get("PV1", 45) == ""
                if "A03" in triggers[back:]:
                    assert messages[-1].at("EVN", 6) > messages[back].at("EVN", 6)
                found += 1
    assert found >= 3


def test_a_merge_names_the_second_record_which_is_used_before_and_never_after(wide: Feeds):
    found = 0
    for site in SITES:
        messages = in_order(wide.last(site, "adt"))
        for merge in (m for m in messages if m.trigger == "A40"):
            retired = merge.get("MRG", 1)
            assert retired and retired != merge.mrn and len(retired) == 10
            assert merge.get("PID", 5) == merge.get("MRG", 7)
            under = [m for m in messages if m.mrn == retired]
            assert all(m.at("EVN", 2) <= merge.at("EVN", 2) for m in under)
            found += bool(under)
    assert found >= 3


def test_a_quick_registration_is_completed_by_an_update(wide: Feeds, site: str):
    quick = completed = 0
    for messages in by_visit(wide, site).values():
        first = messages[0]
        if first.trigger == "A04" and not first.get("PID", 11):
            assert not first.all("IN1")
            quick += 1
            updates = [m for m in messages if m.trigger == "A08"]
            completed += bool(updates and updates[0].get("PID", 11) and updates[0].get("IN1", 36))
        elif first.trigger == "A04":
            assert first.get("PID", 13) and first.get("IN1", 36)
    assert quick > 10 and completed >= quick - 4


def test_a_discharge_carries_the_diagnoses_in_the_coding_of_the_site(wide: Feeds, site: str):
    known = defaultdict(set)
    ids = {f"Encounter/{e['id']}": number for number, e in encounters(wide, site).items()}
    for condition in wide.resources(site, "Condition"):
        if "encounter" in condition:
            known[ids[condition["encounter"]["reference"]]].add(condition["code"]["coding"][0]["code"])
    coded = 0
    for number, messages in by_visit(wide, site).items():
        for message in messages:
            codes = {line.get(3) for line in message.all("DG1")}
            if codes:
                assert message.trigger == "A03" and codes == known[number]
                coded += 1
    assert coded > 40
