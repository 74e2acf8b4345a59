"""What is not a session is answered with the member, what was found and what was expected."""

import json

import pytest
import yaml

from ml.overbooking import OverbookingError, RulesNotUnderstood, SessionNotUnderstood
from ml.overbooking.form import parse_sessions, read_sessions
from ml.overbooking.rules import FILE, read_rules, standard_rules
from tests.unit.ml.overbooking.sessions import document


def read(changed: dict[str, object]):
    return parse_sessions(json.dumps(changed), "clinic.json")


def slots(*changes: dict[str, object]) -> dict[str, object]:
    [one] = document()["sessions"]  # type: ignore[misc]
    return {"slots": [{**slot, **change} for slot, change in zip(one["slots"], changes, strict=True)]}


def test_a_file_of_sessions_is_read_in_json_and_yaml():
    [one] = read(document())
    assert [one] == list(parse_sessions(yaml.safe_dump(document()), "clinic.yaml"))
    assert (one.minutes, one.free_slots, [slot.offset for slot in one.slots]) == (40, 0, [0, 20])
    assert [b.risk for b in one.with_risks({"A1": 0.3}).booked] == [0.2, 0.3]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (document(**slots({}, {"starts_at": "2026-04-22T08:10:00-04:00"})), "slots.1: 08:10 begins before the slot of"),
        (document(**slots({"minutes": -20}, {})), "slots.0.minutes: Input should be greater than 0. It is -20."),
        (document(**slots({"booked": [{"risk": 1.2}]}, {})), "slots.0.booked.0.risk"),
        (document(**slots({"booked": [{}]}, {})), "give either the risk"),
        (document(**slots({"booked": [{"appointment": "A1"}]}, {})), "'A1' is booked twice"),
        (document(**slots({"starts_at": "2026-04-22T07:00:00-04:00"}, {})), "07:00 for 20 minutes lies outside"),
        (document(**slots({"starts_at": "2026-04-22T08:00:00"}, {})), "timezone"),
        (document(**slots({"starts_at": "2026-04-22T08:00:30-04:00"}, {})), "no whole number of minutes"),
        (document(room="R9"), "unknown room 'R9'; expected one of R1"),
        (document(clinician="C9"), "unknown clinician 'C9'; expected one of C1"),
        (document(ends_at="2026-04-22T07:00:00-04:00"), "lasts -60 minutes"),
        (document(slots=[]), "slots"),
        ({**document(), "rooms": []}, "unknown room 'R1'; expected one of none, since the file lists none"),
        ({**document(), "sessions": []}, "sessions"),
        ({**document(), "sessions": document()["sessions"] * 2}, "sessions: 'morning' stands twice"),  # type: ignore[operator]
        ({**document(), "schema": "pilothouse.roster/1"}, "schema"),
        ([1], "holds no members"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(changed: dict[str, object], said: str):
    with pytest.raises(SessionNotUnderstood, match=r"clinic\.json") as refused:
        read(changed)
    assert said in str(refused.value)


def test_a_clinician_is_not_in_two_places():
    [one] = document()["sessions"]  # type: ignore[misc]
    other = {**one, "name": "other", "slots": slots({"booked": []}, {"booked": []})["slots"]}
    with pytest.raises(SessionNotUnderstood, match="'morning' and 'other' overlap, and clinician 'C1' is in both"):
        read({**document(), "sessions": [one, other]})


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    for path, said in ((tmp_path / "x.json", "UTF-8"), (tmp_path / "absent.json", "cannot be read")):
        with pytest.raises(OverbookingError, match=said):
            read_sessions(path)
    with pytest.raises(SessionNotUnderstood, match="neither YAML nor JSON"):
        parse_sessions("{", "x.json")


def test_every_rule_has_source_owner_date_and_rationale():
    assert all(one.source and one.owner and one.date and len(one.rationale) > 20 for one in standard_rules().rules)


@pytest.mark.parametrize(
    ("index", "change", "said"),
    [
        (0, {"value": -1}, "rules.0"),
        (0, {"kind": "most_guesses"}, "rules.0.kind"),
        (0, {"clinics": ["GIM"]}, "no rule for every clinic of kind most_at_once"),
        (1, {"name": "two-at-once"}, "two-at-once stands twice"),
        (5, {"clinics": ["GIM"]}, "holds for every clinic"),
        (5, {"kind": "cost_idle"}, "no rule for every clinic of kind cost_waiting"),
        (8, {"value": {1.0: 0.5}}, "add up to 1"),
        (9, {"value": 3}, "no such value"),
    ],
)
def test_rules_that_do_not_hold_together_are_refused(tmp_path, index: int, change: dict[str, object], said: str):
    written = yaml.safe_load(FILE.read_text())
    written["rules"][index] |= change
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(written))
    with pytest.raises(RulesNotUnderstood, match=said):
        read_rules(tmp_path / "rules.yaml")
