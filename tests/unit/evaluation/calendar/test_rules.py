"""A calendar: read strictly, scoped by site, use case and stage; what is open, and what opens next."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from evaluation.calendar import CalendarError, Place, parse_calendar, read_calendar, told_when
from evaluation.policies import Stage

NEW_YORK = ZoneInfo("America/New_York")
SIGNED: dict[str, Any] = {"owner": "change_manager", "rationale": "A test.", "date": "2026-11-28"}
EHR = {"id": "ehr", "title": "EHR upgrade", "once": {"from": "2026-12-05", "until": "2026-12-07"}, **SIGNED}
HOURS = {"id": "hours", "title": "Days", "weekly": {"days": ["mon"], "from": "08:00", "until": "15:00"}, **SIGNED}


def calendar(freezes: list[Any] | None = None, windows: list[Any] | None = None, **changes: Any) -> str:
    plain = {"schema": "pilothouse.calendar/1", "version": "1.0.0", **SIGNED, "freezes": freezes or [], **changes}
    return yaml.safe_dump({**plain, "windows": windows or []})


def place(use_case: str = "triage", site: str = "city", stage: Stage = Stage.ASSISTIVE) -> Place:
    return Place(use_case, site, stage, NEW_YORK)


def test_the_shipped_calendar_holds_up_decision_support_alone() -> None:
    shipped, start = read_calendar(), datetime(2026, 12, 14, tzinfo=UTC)
    hours = [start + timedelta(hours=one) for one in range(24 * 28)]
    for stage in (Stage.SHADOW, Stage.ASSISTIVE):
        assert all(shipped.is_open(place(stage=stage), hour) for hour in hours)
    held = place(stage=Stage.DECISION_SUPPORT)
    told = [held.told(hour) for hour in hours if shipped.is_open(held, hour)]
    days = [14, 15, 16, 17, 5, 6, 7]
    assert [one[8:13] for one in told] == [f"{day:02d} {hour:02d}" for day in days for hour in range(8, 15)]
    assert shipped.next_open(held, datetime(2026, 12, 17, 21, tzinfo=UTC)) == datetime(2027, 1, 5, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        ({}, True),
        ({"sites": ["city"]}, True),
        ({"sites": ["rural"]}, False),
        ({"use_cases": ["triage", "roster"]}, True),
        ({"use_cases": ["roster"]}, False),
        ({"stages": ["assistive"]}, True),
        ({"stages": ["decision_support"]}, False),
        ({"sites": ["city"], "use_cases": ["roster"]}, False),
    ],
)
def test_a_rule_is_about_its_scope_alone(scope: dict[str, Any], is_covered: bool) -> None:
    frozen = parse_calendar(calendar([{**EHR, "scope": scope}]), "x.yaml")
    assert bool(frozen.frozen_at(place(), datetime(2026, 12, 6, tzinfo=UTC))) is is_covered
    windowed = parse_calendar(calendar(windows=[{**HOURS, "scope": scope}]), "x.yaml")
    assert windowed.is_in_window(place(), datetime(2026, 12, 6, tzinfo=UTC)) is not is_covered


def test_going_down_is_never_covered() -> None:
    frozen = parse_calendar(calendar([EHR], [HOURS]), "x.yaml")
    sunday = datetime(2026, 12, 6, tzinfo=UTC)
    assert frozen.is_open(place(stage=Stage.OFF), sunday) and not frozen.is_open(place(), sunday)


def test_a_freeze_counts_more_than_a_window() -> None:
    held = {**EHR, "once": {"from": "2026-12-07T09:00", "until": "2026-12-07T10:00"}}
    both = parse_calendar(calendar([held], [HOURS]), "x.yaml")
    monday = datetime(2026, 12, 7, 9, tzinfo=NEW_YORK)
    assert both.is_in_window(place(), monday) and not both.is_open(place(), monday)
    assert both.next_open(place(), monday) == monday + timedelta(hours=1)


def test_where_no_time_ever_opens_none_is_told() -> None:
    never = {**EHR, "once": {"from": "2026-01-01", "until": "2099-01-01"}}
    assert parse_calendar(calendar([never]), "x.yaml").next_open(place(), datetime(2026, 12, 7, tzinfo=UTC)) is None
    past = {**HOURS, "weekly": None, "once": {"from": "2026-01-01", "until": "2026-01-02"}}
    shut = parse_calendar(calendar(windows=[past]), "x.yaml")
    assert shut.next_open(place(), datetime(2026, 12, 7, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not YAML"),
        (calendar(extra=1), "extra"),
        (calendar([{**EHR, "owner": None}]), r"freezes\.0\.owner"),
        (calendar([{key: value for key, value in EHR.items() if key != "rationale"}]), r"freezes\.0\.rationale"),
        (calendar([EHR, EHR]), "rule given twice: ehr"),
        (calendar([EHR], [{**HOURS, "id": "ehr"}]), "rule given twice: ehr"),
        (calendar([{**EHR, "weekly": HOURS["weekly"]}]), "exactly one way"),
        (calendar([{**EHR, "once": None}]), "exactly one way"),
        (calendar([{**EHR, "scope": {"stages": ["off"]}}]), "off cannot be held up"),
        (calendar([{**EHR, "scope": {"sites": ["No Site"]}}]), "scope.sites"),
        (calendar([EHR]) + "freezes: []\n", "key given twice: freezes"),
    ],
)
def test_a_calendar_that_breaks_its_shape_is_refused_with_the_field(text: str, says: str) -> None:
    with pytest.raises(CalendarError, match=says):
        parse_calendar(text, "calendar.yaml")


def test_a_file_that_is_not_there_is_said(tmp_path: Any) -> None:
    with pytest.raises(CalendarError, match=r"gone\.yaml: cannot be read"):
        read_calendar(tmp_path / "gone.yaml")


def test_the_digest_is_of_what_is_said_and_not_of_how() -> None:
    one = parse_calendar(calendar([EHR]), "x.yaml").digest
    assert parse_calendar("# why\n" + calendar([EHR]), "x.yaml").digest == one
    assert parse_calendar(calendar([{**EHR, "title": "Upgrade"}]), "x.yaml").digest != one


def test_rules_are_told_in_the_sites_own_time() -> None:
    read = parse_calendar(
        calendar([EHR, {**EHR, "id": "y", "once": None, "yearly": {"from": "12-18", "until": "01-05"}}], [HOURS]), "x"
    )
    told = [told_when(rule) for rule in (*read.freezes, *read.windows)]
    assert told == ["2026-12-05 00:00 until 2026-12-07 00:00", "each year from 12-18 until 01-05", "Mon 08:00–15:00"]
