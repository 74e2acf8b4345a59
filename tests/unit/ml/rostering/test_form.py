"""`pilothouse.roster/1`: what is badly written or does not fit together is answered with a sentence and its place."""

import json
from typing import Any

import pytest
import yaml

from ml.rostering import EventNotUnderstood, ProblemNotUnderstood, RosterNotUnderstood, read_event
from ml.rostering.form import parse_form
from ml.rostering.form_schema import SCHEMA, schema_text
from ml.rostering.roster_files import roster_of
from tests.unit.ml.rostering.wards import text, ward


def spoiled(where: tuple[str | int, ...], value: Any) -> str:
    document = ward(staff=2, days=7)
    part: Any = document
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    return text(document)


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("demand", 3, "skill"), "surgeon", r"demand.3.skill: unknown skill 'surgeon'; expected one of ppe, rn"),
        (("demand", 3, "shift"), "X", r"demand.3.shift: unknown shift 'X'"),
        (("demand", 3, "nurses"), -1, r"demand.3.nurses: .*greater than or equal to 0. It is -1"),
        (("demand", 3, "date"), "2026-12-24", r"demand.3: 2026-12-24 is outside of the period"),
        (("demand", 3, "date"), "2026-10-19", r"demand.3: rn for N on u0, 2026-10-19|demand.3: .* stands twice"),
        (("staff",), [], r"staff: .*at least 1 item"),
        (("staff", 0, "skills"), [], r"staff.0.skills: .*at least 1 item"),
        (("staff", 0, "home"), "attic", r"staff.0.home: unknown unit 'attic'"),
        (("staff", 1, "id"), "s-000", r"staff.1: 's-000' stands twice"),
        (("time_zone",), "Mars/Olympus", r"time_zone: 'Mars/Olympus' is no time zone"),
        (("constraints", 1, "parameters"), {}, r"constraints.1 \(eleven hours of rest\): rest needs 'min_hours'"),
        (("constraints", 1, "parameters"), {"min_hours": -2}, r"min_hours is -2; expected hours"),
        (("constraints", 1, "parameters"), {"min_hours": 11, "x": 1}, r"rest takes no 'x'; it takes min_hours"),
        (("constraints", 1, "weight"), 3, r"either 'hard: true' or has a 'weight'"),
        (("constraints", 1, "kind"), "mood", r"constraints.1.kind: .*Input should be"),
        (("surprise",), 1, r"surprise: Extra inputs are not permitted"),
        (("exceptions",), [{"constraint": "cover", "staff": "s-000", "date": "2026-10-20", "by": "kim", "reason": ""}],
         r"exceptions.0.reason"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(where: tuple[str | int, ...], value: Any, said: str) -> None:
    with pytest.raises(ProblemNotUnderstood, match=said):
        parse_form(spoiled(where, value), "bad.json")


@pytest.mark.parametrize("content", ["", "a: [", "{", "just words", "[1, 2]", "{}"])
def test_what_is_no_problem_at_all_is_refused(content: str) -> None:
    with pytest.raises(ProblemNotUnderstood, match=r"^bad.yaml: "):
        parse_form(content, "bad.yaml")


def test_yaml_and_json_of_one_problem_are_the_same_problem() -> None:
    document = ward(staff=3, days=7)
    assert parse_form(yaml.safe_dump(document), "a") == parse_form(json.dumps(document), "a")


def test_the_schema_beside_the_form_is_the_forms_own() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("sick:nobody:2026-10-20", "nobody is called 'nobody'"),
        ("sick:s-000:yesterday", "'yesterday' is not a date"),
        ("sick:s-000:2027-10-20", "outside of the period"),
        ("sick:s-000:2026-10-21..2026-10-20", "ends before it begins"),
        ("admission:u0:2026-10-20:E:rn", r"expected SKILL\+N"),
        ("admission:u9:2026-10-20:E:rn+1", "unknown unit 'u9'"),
        ("fire:u0", "an event is written"),
    ],
)
def test_an_event_that_cannot_be_read_is_answered_with_how_one_is_written(event: str, said: str) -> None:
    with pytest.raises(EventNotUnderstood, match=said):
        read_event(parse_form(text(ward(staff=2, days=7)), "drawn.json"), event)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "the roster names nobody"),
        ([{"person": "x", "date": "2026-10-20", "unit": "u0", "shift": "E", "skill": "rn"}], "called 'x'"),
        ([{"person": "s-000", "date": "2026-10-20", "unit": "u0", "shift": "Q", "skill": "rn"}], "unknown shift 'Q'"),
        ([{"person": "s-000", "date": "soon", "unit": "u0", "shift": "E", "skill": "rn"}], "is not a date"),
        ([{"date": "2026-10-20", "unit": "u0", "shift": "E", "skill": "rn"}], "person is None"),
        ([{"person": "s-000", "date": "2026-10-20", "unit": "u0", "shift": "E", "skill": "rn"}] * 2, "two duties"),
    ],
)
def test_a_roster_that_does_not_fit_its_problem_is_refused(rows: list[dict[str, str]], said: str) -> None:
    with pytest.raises(RosterNotUnderstood, match=said):
        roster_of(parse_form(text(ward(staff=2, days=7)), "drawn.json"), {"assignments": rows}, "roster.json")


LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize("text", ["a: &a [*a]\n", LAUGHS], ids=["itself", "too much"])
def test_aliases_that_stand_for_too_much_are_not_understood(text: str) -> None:
    with pytest.raises(ProblemNotUnderstood, match="neither YAML nor JSON"):
        parse_form(text, "f.yaml")
