"""Displayed cards beside their outcomes: whose they are, who was right, which reasons were given."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.learning.overrides import overrides_evidence, shown_cards
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.warehouse.tables import TablesError, current_snapshot
from tests.unit.orchestration.steps.test_slo import publish

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RELEASE = "a" * 64
COLUMNS = {
    "triage_mart": "site varchar, visit_key varchar, critical_care boolean",
    "card_response": "site varchar, use_case varchar, card_uuid varchar, visit_key varchar, response varchar, "
    "reason_code varchar, unit varchar, shift varchar, shown_at timestamptz, release_digest varchar",
}


def card(n: int, response: str, unit: str, reason: str | None = None, **other: str) -> tuple[object, ...]:
    site, release = other.get("site", "city"), other.get("release", RELEASE)
    return (site, "triage", f"c{n}", f"v{n}", response, reason, unit, "day", NOON + timedelta(minutes=n), release)


def visit(n: int, outcome: bool | None) -> tuple[object, ...]:
    return ("city", f"v{n}", outcome)


def test_a_unit_that_does_not_believe_a_card_that_is_right_is_found(
    settings: Settings, record: Callable[..., CandidateRecord]
) -> None:
    disbelieved = [
        card(n, "overridden" if n % 2 else "accepted", "north", "does-not-fit" if n % 2 else None) for n in range(1000)
    ]
    believed = [
        card(n, "overridden" if n % 10 == 0 else "accepted", "south", "late" if n % 10 == 0 else None)
        for n in range(1000, 1400)
    ]
    strangers = [card(2000, "overridden", "north", site="rural"), card(2001, "ignored", "north", release="b" * 64)]
    waiting = [card(1500, "waiting", "north")]
    visits = [visit(n, (n // 2) % 3 == 0) for n in range(1390)] + [visit(1390, None)]
    publish(settings, COLUMNS, triage_mart=visits, card_response=[*disbelieved, *believed, *strangers, *waiting])
    shown = shown_cards(current_snapshot(settings), load_use_case("triage"), "city", [RELEASE])
    found = overrides_evidence(record(), shown, {})
    north, south = [one for one in found.detail["groups"] if one["by"] == "unit"]  # type: ignore[index,union-attr]
    assert (found.figures["overrides.overridden"].value, found.figures["overrides.overridden"].n) == (540 / 1400, 1400)
    assert north["verdict"].startswith("disagreement") and south["verdict"] == "as elsewhere"
    assert (north["rate"], north["elsewhere"]) == (0.5, 0.1)
    assert found.figures["overrides.disagreeing_groups"].value == 1
    assert [dict(one) for one in found.detail["reasons"]] == [  # type: ignore[union-attr,arg-type]
        {"reason": "does-not-fit", "cards": 500, "known": 500, "came": 167},
        {"reason": "late", "cards": 40, "known": 39, "came": 13},
    ]


def test_where_no_card_was_shown_nothing_is_estimated(
    settings: Settings, record: Callable[..., CandidateRecord]
) -> None:
    publish(settings, COLUMNS, triage_mart=[visit(1, None)])
    found = overrides_evidence(
        record(), shown_cards(current_snapshot(settings), load_use_case("triage"), "city", []), {}
    )
    assert {figure.value for figure in found.figures.values()} == {None}
    assert not found.detail["groups"] and not found.detail["reasons"]


def test_a_snapshot_of_before_says_so(settings: Settings) -> None:
    publish(settings, {"triage_mart": COLUMNS["triage_mart"]})
    with pytest.raises(TablesError, match="has no table card_response; run the tables again"):
        shown_cards(current_snapshot(settings), load_use_case("triage"), "city", [RELEASE])
