"""Refusals of what every step asks first: who acts, what was trained, and what of the home cannot be read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from evaluation.calendar import SHIPPED, read_calendar
from evaluation.ledger import rotate_key
from orchestration.steps.intake import deidentification
from orchestration.steps.learning.stores import candidate_folder
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.people import revoke_person
from orchestration.steps.record.records import ledger_at_time, open_records
from orchestration.steps.releases.planning_changes import plan_change
from orchestration.steps.releases.release import promote_release
from tests.unit.evaluation.ledger.conftest import Board
from tests.unit.orchestration.steps.governed import Governed, break_entry, remove_ledger_key

from ..challenged import promote
from .of_ledger import ANNA, LEAD, revokes
from .rows import CANDIDATE, GATE, LEDGER, SHOWN, fails, refuses

Do = Callable[[], object]
LATER = "2027-03-02T10:00-05:00"


# who acts


@fails("actors.required", error="ActorNotUsable", words=("--key cannot be used: ", "absent.pem"), begins=SHOWN)
def a_key_that_is_not_there(one: Governed, _: pytest.MonkeyPatch) -> Do:
    actor = actor_of("ada", one.settings.home / "absent.pem")
    return lambda: promote_release(one.settings, "triage", "city", "decision_support", actor)


@fails(
    "signoff.rotate_key",
    error="RefusedEntryError",
    words=("key_rotated is not recorded", "the person is not registered", "pilothouse key new"),
    begins=LEDGER,
)
def a_new_key_of_a_stranger(board: Board, _: pytest.MonkeyPatch) -> Do:
    return lambda: rotate_key(board.ledger, ANNA, board.key(ANNA), board.key("anna.second"), at=board.now)


@fails(
    "signoff.revoke_key/1",
    error="RefusedEntryError",
    words=("key_revoked is not recorded", "the person is not registered", "pilothouse key new"),
    begins=SHOWN,
)
def a_revocation_of_a_stranger(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: revoke_person(one.settings, "zoe.none", "lost", None, None)


@fails(
    "signoff.revoke_key/2",
    error="RefusedEntryError",
    words=("key_revoked is not recorded", "revoked already, since ", "on is void"),
    begins=LEDGER,
)
def a_revocation_of_what_is_revoked(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    revokes(board, ANNA)
    return lambda: revokes(board, ANNA)


# what was trained, and where


@fails(
    "stores.read_candidate/1",
    error="NoCandidate",
    words=("appointments has no candidate at city yet", "pilothouse run --site city"),
    begins=SHOWN,
)
def a_model_that_nobody_trained(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote_release(one.settings, "appointments", "city", "shadow", one.signs("ada"))


@fails(
    "stores.read_candidate/2",
    error="NoCandidate",
    words=("triage at city: no record of model ffffffffffff", "train it with: pilothouse run"),
    begins=CANDIDATE,
)
def a_model_of_which_no_record_is_kept(one: Governed, _: pytest.MonkeyPatch) -> Do:
    (candidate_folder(one.settings, "triage", "city") / "current.json").write_text(json.dumps({"model": "f" * 64}))
    return lambda: promote(one, "shadow")


@fails(
    "deidentification.require_dates",
    error="DatesAreShifted",
    words=("triage needs people's true dates", "city publishes each person's shifted", "limited_data_set"),
    begins=SHOWN,
)
def a_site_whose_dates_are_shifted(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    patch.setattr(deidentification, "shifted_sites", lambda: ["city"])
    return lambda: promote(one, "decision_support")


# times, the calendar and the ledger


def _planned(one: Governed, start: str) -> Do:
    words = ("triage", "city", "decision_support", start, LATER, "a test")
    return lambda: plan_change(one.settings, *words, one.signs("ada"))


@fails("records.instant/1", error="TimeNotUnderstood", words=("'soon' is not a time", "write it like"), begins=SHOWN)
def a_plan_for_soon(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return _planned(one, "soon")


@fails("records.instant/2", error="TimeNotUnderstood", words=("has no time zone", "add one, such as"), begins=SHOWN)
def a_plan_for_a_time_of_no_zone(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return _planned(one, "2027-03-02T09:00")


@refuses(
    "changes.calendar_in_force",
    "change_control.unreadable",
    clause="calendar-readable",
    words=("calendar.yaml: names the site 'mars'; known are ", "a calendar", "Correct the calendar"),
    begins=SHOWN,
)
def a_calendar_of_a_site_that_nobody_knows(one: Governed, _: pytest.MonkeyPatch) -> Do:
    calendar = yaml.safe_load(SHIPPED.read_text("utf-8"))
    calendar["freezes"][0]["scope"] = {"sites": ["mars"]}
    (one.settings.home / "calendar.yaml").write_text(yaml.safe_dump(calendar))
    return lambda: promote(one, "decision_support")


@refuses(
    "load.parse_calendar/2",
    "change_control.unreadable",
    clause="calendar-readable",
    words=("calendar.yaml: ", "a calendar", "Correct the calendar"),
    begins=SHOWN,
)
def a_calendar_that_holds_something_else(one: Governed, _: pytest.MonkeyPatch) -> Do:
    (one.settings.home / "calendar.yaml").write_text("freezes: 7")
    return lambda: promote(one, "decision_support")


@fails("load.read_calendar", error="CalendarError", words=("calendar.yaml: cannot be read as UTF-8 text",), begins=GATE)
def a_calendar_that_is_not_there(_: object, __: pytest.MonkeyPatch) -> Do:
    return lambda: read_calendar(Path("absent") / "calendar.yaml")


@fails(
    "records.open_records",
    error="LedgerKeyGone",
    words=("keys/ledger.key.pem is gone", "restore it from the backup"),
    begins=SHOWN,
)
def a_ledger_key_that_is_gone(one: Governed, _: pytest.MonkeyPatch) -> Do:
    remove_ledger_key(one)
    return lambda: promote(one, "decision_support")


@fails(
    "records.ledger_at_time",
    error="LedgerStoreError",
    words=("cannot be said with certainty: the ledger is broken",),
    begins=SHOWN,
)
def what_ran_then_by_a_broken_ledger(one: Governed, _: pytest.MonkeyPatch) -> Do:
    break_entry(one)
    return lambda: ledger_at_time(one.settings, "city", datetime.now(UTC).isoformat())


def _waits(site: str, name: str, content: str, found: str) -> None:
    """A file in pending/ that holds no order to go down: nothing goes up before somebody has looked at it."""

    def bring(one: Governed, _: pytest.MonkeyPatch) -> Do:
        folder = one.settings.home / "pending"
        folder.mkdir(exist_ok=True)
        (folder / "20261128T000000-0.json").write_text(content)
        open_records.cache_clear()
        return lambda: promote(one, "assistive")

    bring.__name__ = name
    words = (found, "every order to go down on the ledger", "pilothouse ledger verify")
    refuses(site, "release.unsettled/1", clause="everything-is-recorded", words=words, begins=SHOWN)(bring)


NO_ORDER = "not on the ledger yet: The file is no order of pilothouse.pending/1; look at it and delete it"
UP = {"use_case": "triage", "site": "city", "release": None, "from_tier": "rule", "tier": "model", "reason": "up"}
ORDER = {
    "schema": "pilothouse.pending/1",
    "record": "0" * 16,
    "kind": "tier_change",
    "actor": "ada",
    "payload": {**UP, "is_automatic": False},
    "made_at": "2026-11-28T00:00:00.000000Z",
}
_waits("pending._order/1", "a_pending_file_that_is_torn", "{", NO_ORDER)
_waits("pending._order/1", "a_pending_file_without_its_members", '{"schema": "pilothouse.pending/1"}', NO_ORDER)
_waits(
    "pending._order/2", "a_pending_file_that_goes_up", json.dumps(ORDER), "The file does not hold an order to go down"
)
