"""What waits beside the ledger: orders to go down and nothing else, each recorded once."""

import fcntl
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.settings import Settings
from orchestration.steps.record import pending
from orchestration.steps.record.pending import Pending, keep, new_record, record_waiting, waiting, write
from orchestration.steps.record.records import now, open_records
from tests.unit.orchestration.steps.conftest import NOON, digest

ROLLBACK = {
    "use_case": "triage",
    "site": "city",
    "from_stage": "assistive",
    "stage": "off",
    "release": None,
    "previous": digest("release"),
    "generation": 2,
    "reason": "it looks wrong",
    "effective_at": "2026-03-01T12:00:00.000000Z",
}
TIER = {
    "use_case": "triage",
    "site": "city",
    "release": digest("release"),
    "from_tier": "model",
    "tier": "rule",
    "reason": "it looks wrong",
    "is_automatic": False,
    "generation": 3,
}


def order(kind: str = "rollback", at: datetime = NOON, **changes: object) -> Pending:
    record = new_record()
    members = (ROLLBACK if kind == "rollback" else TIER) | {"detail": {"record": record}} | changes
    return Pending(record, kind, "ada", members, at)


def test_what_is_kept_is_recorded_in_order_and_leaves(settings: Settings) -> None:
    keep(settings, order())
    keep(settings, order("tier_change", NOON + timedelta(microseconds=1)))
    assert [one.order is not None for one in waiting(settings)] == [True, True]
    ledger = open_records(settings)
    assert [entry.kind for entry in ledger.entries()] == ["rollback", "tier_change"]
    assert ledger.entries()[0].effective_at == NOON and waiting(settings) == []
    assert record_waiting(settings, ledger, now()) == []


def test_an_order_is_recorded_once_even_if_its_file_stays(settings: Settings) -> None:
    one = order()
    ledger = open_records(settings)
    assert write(ledger, one, now()) == write(ledger, one, now())
    keep(settings, one)
    assert record_waiting(settings, ledger, now()) == [] and len(ledger.entries()) == 1


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("rollback", {"from_stage": "shadow", "stage": "assistive", "release": digest("release")}),
        ("rollback", {"from_stage": "shadow", "stage": "shadow", "release": digest("release")}),
        ("rollback", {"from_stage": None, "stage": "shadow", "release": digest("release")}),
        ("tier_change", {"from_tier": "rule", "tier": "model"}),
        ("tier_change", {"from_tier": "rule", "tier": "rule"}),
        ("tier_change", {"is_automatic": True}),
        ("tier_change", {"reason": ""}),
    ],
)
def test_only_an_order_of_a_person_to_go_down_is_recorded_from_a_file(
    settings: Settings, kind: str, changes: dict[str, object]
) -> None:
    path = keep(settings, order(kind, **changes))
    [left] = record_waiting(settings, open_records(settings), now())
    assert left.path == path and left.order is None and left.reason
    assert open_records(settings).entries() == []


def test_no_other_order_comes_in_through_a_file(settings: Settings) -> None:
    incident = {"use_case": "triage", "site": "city", "incident": "one", "cause": "a cable", "done": "a new cable"}
    keep(settings, Pending(new_record(), "incident_closed", "ada", incident, NOON))
    assert "nothing else is recorded from a file" in record_waiting(settings, open_records(settings), now())[0].reason
    assert open_records(settings).entries() == []


@pytest.mark.parametrize("kind", ["promotion", "person_registered", "gossip"])
def test_no_other_kind_of_entry_comes_in_through_a_file(settings: Settings, kind: str) -> None:
    path = keep(settings, order())
    path.write_text(json.dumps({**json.loads(path.read_text()), "kind": kind}))
    assert record_waiting(settings, open_records(settings), now())[0].order is None
    assert open_records(settings).entries() == []


JSON = st.recursive(st.none() | st.text() | st.integers(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))


@given(content=st.binary(max_size=60) | JSON.map(lambda one: json.dumps(one).encode()))
def test_whatever_lies_there_is_told_and_never_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    from tests.unit.orchestration.steps.conftest import settings_of

    settings = settings_of(tmp_path_factory.mktemp("home"))
    (settings.home / "pending").mkdir()
    (settings.home / "pending" / "odd.json").write_bytes(content)
    [left] = waiting(settings)
    assert left.order is None and left.reason


def test_while_another_process_records_what_waits_it_is_left_to_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "LOCK_SECONDS", 0.05)
    ledger = open_records(settings)
    keep(settings, order())
    (settings.home / "locks").mkdir()
    with (settings.home / "locks" / "pending.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        [left] = record_waiting(settings, ledger, now())
    assert "another process" in left.reason and ledger.entries() == []
    assert record_waiting(settings, ledger, now()) == [] and len(ledger.entries()) == 1


def test_a_file_that_cannot_be_read_is_told(settings: Settings) -> None:
    path = Path(keep(settings, order()))
    path.unlink()
    path.mkdir()
    assert waiting(settings)[0].reason.startswith("IsADirectoryError")


def test_what_waits_concerns_its_own_place_and_what_cannot_be_read_may_concern_any(settings: Settings) -> None:
    keep(settings, order())
    (settings.home / "pending" / "odd.json").write_text("{}")
    known, odd = waiting(settings)
    assert known.may_concern("triage", "city") and not known.may_concern("triage", "rural")
    assert odd.may_concern("triage", "city") and odd.may_concern("triage", "rural")
