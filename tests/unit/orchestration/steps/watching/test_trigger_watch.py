"""Triggers at work: signals from the event store and from evidence, the step down, the record, one incident."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from evaluation.evidence import Evidence, Figure
from evaluation.gates import Reading
from evaluation.policies import Policy, Trigger, load_policy
from ml.registry.pointer import publish_lower
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier as ServedTier
from ml.serving.tables import EVENT, FEEDBACK, microseconds, open_database
from orchestration.steps.learning.stores import save_evidence
from orchestration.steps.record import incidents, records
from orchestration.steps.record.incidents import close_incident, list_incidents, open_incident
from orchestration.steps.record.pending import waiting
from orchestration.steps.record.records import now, open_records, verify_ledger
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching import pacing, step_downs, trigger_incidents, trigger_watch
from orchestration.steps.watching.ledger_fault import PATIENCE
from orchestration.steps.watching.signals import Watching, read_signal
from orchestration.steps.watching.trigger_watch import watch_triggers
from tests.unit.orchestration.steps.governed import (
    LEDGER_DAMAGES,
    LEDGERS_LOST,
    POINTER_DAMAGES,
    Damage,
    Governed,
    break_entry,
    remove_ledger,
)

TRIAGE = load_policy("triage")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What people were told."""
    found: list[str] = []
    for module in (incidents, trigger_incidents, trigger_watch):
        monkeypatch.setattr(module, "notify", lambda *given: found.append(given[-1]))
    return found


def trigger(name: str) -> Trigger:
    return next(one for one in TRIAGE.triggers if one.id == name)


def calls(city: Governed, n: int, *, status: str = "scored", shown: bool = False, ago: timedelta = MINUTE,
          generation: int | None = None, same_visit: bool = False, answer: str | None = None) -> None:  # fmt: skip
    """Events of a service over this home, and what people answered to their cards."""
    pointer = city.pointer
    assert pointer is not None
    engine = open_database(city.settings.events_url)
    visit = uuid4().hex
    with engine.begin() as connection:
        for _ in range(n):
            event, card = str(uuid4()), str(uuid4()) if shown else None
            row = {
                "event_id": event, "at_us": microseconds(datetime.now(UTC) - ago), "kind": "call",
                "use_case": "triage", "site": "city", "visit_key": visit if same_visit else uuid4().hex,
                "patient_key": uuid4().hex, "release_digest": pointer.release, "stage": "assistive", "tier": "model",
                "generation": generation or pointer.generation, "status": status, "is_displayed": shown,
                "card_uuid": card, "payload": "{}",
            }  # fmt: skip
            connection.execute(insert(EVENT).values(**row))
            if answer:
                given = {
                    "feedback_id": str(uuid4()), "received_us": 1, "event_id": event, "card_uuid": card,
                    "outcome": "overridden" if answer != "accepted" else "accepted", "accepted_suggestions": 0,
                    "override_reason_code": None if answer == "accepted" else answer, "outcome_us": 1,
                }  # fmt: skip
                connection.execute(insert(FEEDBACK).values(**given))
    engine.dispose()


def reading(city: Governed, name: str) -> Reading:
    pointer = current_pointer(city.settings, "triage", "city")
    release = released(city.settings, pointer)
    assert pointer is not None and release is not None
    return read_signal(Watching(city.settings, pointer, release.manifest.model.digest, now()), trigger(name))


@pytest.fixture(autouse=True)
def walls_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The city's own clock is that of its simulator; these events come by the wall's."""
    monkeypatch.setattr("orchestration.steps.watching.signals.clock_of", lambda _settings, _site, wall: wall)


def drift(city: Governed, value: float, at: datetime, n: int = 300, **other: Any) -> None:
    release = released(city.settings, city.pointer)
    assert release is not None
    fields = {"subject_model": release.manifest.model.digest, "subject_data": "0" * 64, **other}
    figures = {"drift.share": Figure(value, n=n)}
    evidence = Evidence(
        kind="drift", use_case="triage", site="city", created_at=at, figures=figures, detail={}, **fields
    )  # fmt: skip
    save_evidence(city.settings, evidence)


def test_one_entry_that_cannot_be_told_keeps_no_other_from_its_incident(city: Governed) -> None:
    """An entry as a damaged or later version might leave it: it is told each minute, and hides nothing."""
    odd = {"use_case": "triage", "site": "rural", "release": None, "from_tier": "model", "tier": "rule", "reason": "x",
           "is_automatic": True, "detail": {"causes": [{"cause": "odd"}]}}  # fmt: skip
    open_records(city.settings).append("tier_change", "pilothouse", odd, at=now())
    calls(city, 60, status="fallback")
    found = watch_triggers(city.settings, now())
    assert [one["payload"]["detail"]["cause"] for one in found.incidents] == ["failing-scores"]
    assert len(found.stepped_down) == 1 and city.pointer is not None and city.pointer.tier.value == "rule"
    [problem] = found.problems
    assert "(tier change) asks for an incident that cannot be opened" in problem


def test_where_nothing_is_wrong_nothing_happens_at_all(city: Governed) -> None:
    before = len(open_records(city.settings).entries())
    assert watch_triggers(city.settings, now()).is_quiet
    calls(city, 60)
    calls(city, 15, shown=True)
    assert watch_triggers(city.settings, now()).is_quiet
    assert len(open_records(city.settings).entries()) == before and city.served == "assistive"


def test_failing_scores_step_the_tier_down_are_recorded_and_open_one_incident(city: Governed) -> None:
    calls(city, 19)
    calls(city, 1, status="fallback")
    found = watch_triggers(city.settings, now())
    [entry], [incident] = found.stepped_down, found.incidents
    assert city.pointer is not None and city.pointer.tier.value == "rule" and city.served == "assistive"
    assert (entry["kind"], entry["actor"]) == ("tier_change", "pilothouse") and not entry["warnings"]
    assert "serving.share_failed was 0.05 on 20 cases within 30 minutes" in entry["payload"]["reason"]
    assert incident["payload"]["detail"]["step"] == entry["hash"]
    assert incident["payload"]["detail"]["told"] == ["operator", "charge_nurse"]
    assert city.pointer.notice is not None and city.pointer.notice.lowered == TRIAGE.rollback.message.lowered
    assert watch_triggers(city.settings, now()).is_quiet, "what is down is not taken down again"
    assert verify_ledger(city.settings).exit_code == 0


def test_below_the_least_number_of_cases_nothing_acts(city: Governed) -> None:
    calls(city, 19, status="fallback")
    assert reading(city, "failing-scores") == Reading(1.0, 19)
    assert watch_triggers(city.settings, now()).is_quiet and city.served == "assistive"
    calls(city, 1, status="fallback")
    assert watch_triggers(city.settings, now()).stepped_down


def test_an_alert_flood_goes_back_to_shadow_and_counts_visits_not_calls(city: Governed) -> None:
    calls(city, 300, shown=True, same_visit=True)
    calls(city, 39)
    calls(city, 9, shown=True)
    assert reading(city, "alert-flood") == Reading(pytest.approx(100 * 10 / 49), 49)  # type: ignore[arg-type]
    assert watch_triggers(city.settings, now()).is_quiet
    calls(city, 6, shown=True)
    assert watch_triggers(city.settings, now()).stepped_down and city.served == "shadow"
    assert city.pointer is not None and city.pointer.notice is not None and city.pointer.notice.until is not None


def jumped(city: Governed, *columns: str) -> None:
    """Evidence of the drift watch: so many columns jumped."""
    release = released(city.settings, city.pointer)
    assert release is not None
    evidence = Evidence(
        kind="segment_drift", use_case="triage", site="city", created_at=now(),
        subject_model=release.manifest.model.digest, subject_data="0" * 64,
        figures={"segment_drift.jumps": Figure(float(len(columns)), n=5)},
        detail={"causes": [{"since": "2026-03-01", "jumped": list(columns), "columns": list(columns)}]},
    )  # fmt: skip
    save_evidence(city.settings, evidence)


def drift_incident(city: Governed, name: str, since: str | None, *columns: str) -> str:
    detail = {"kind": "segment_drift", "since": since, "jumped": list(columns) if since else [], "columns": [*columns]}
    place: Any = {"use_case": "triage", "site": "city", "severity": "high"}
    return str(open_incident(city.settings, name, what="x", detail=detail, **place)["payload"]["incident"])


def test_an_input_that_jumped_goes_back_to_shadow_under_the_incidents_that_name_every_column(
    city: Governed, messages: list[str]
) -> None:
    told = drift_incident(city, "drift-city", "2026-03-01", "heart_rate", "temperature_c")
    jumped(city)
    assert watch_triggers(city.settings, now()).is_quiet
    jumped(city, "heart_rate")
    found = watch_triggers(city.settings, now())
    assert len(found.stepped_down) == 1 and city.served == "shadow"
    assert found.incidents == [] and len(list_incidents(city.settings)) == 1
    assert "Trigger input-jumped" in found.stepped_down[0]["payload"]["reason"]
    assert told in found.stepped_down[0]["payload"]["reason"]
    [message] = messages
    assert "triage at city stepped down to shadow" in message and "Trigger input-jumped" in message
    assert city.pointer is not None and city.pointer.notice is not None
    assert city.pointer.notice.withdrawn == TRIAGE.rollback.message.withdrawn


@pytest.mark.parametrize(
    ("since", "columns"),
    [(None, ("heart_rate", "pain_score")), ("2026-03-01", ("pain_score",))],
    ids=["slow drift", "one of two columns"],
)
def test_a_jump_that_no_open_incident_tells_of_has_one_of_its_own(
    city: Governed, messages: list[str], since: str | None, columns: tuple[str, ...]
) -> None:
    drift_incident(city, "drift-city", since, *columns)
    jumped(city, "heart_rate", "pain_score")
    [incident] = watch_triggers(city.settings, now()).incidents
    assert incident["payload"]["detail"]["columns"] == ["heart_rate", "pain_score"] and city.served == "shadow"
    assert len(messages) == 1 and "Stepped down to shadow" in messages[0]
    assert watch_triggers(city.settings, now()).is_quiet


@pytest.mark.parametrize("old", [{"ago": timedelta(minutes=31)}, {"generation": 7}], ids=["window", "pointer"])
def test_what_happened_before_the_window_or_under_another_pointer_does_not_count(
    city: Governed, old: dict[str, Any]
) -> None:
    calls(city, 50, status="fallback", **old)
    assert reading(city, "failing-scores").n == 0 and watch_triggers(city.settings, now()).is_quiet


def test_cards_called_wrong_count_among_those_that_were_answered_or_ignored(city: Governed) -> None:
    calls(city, 30, shown=True, answer="accepted")
    calls(city, 5, shown=True, answer="already-acting")
    calls(city, 15, shown=True, answer="wrong-data")
    calls(city, 400, shown=True)
    assert reading(city, "overrides-as-wrong") == Reading(0.3, 50), "a card that still waits is not counted"
    calls(city, 10, shown=True, ago=timedelta(hours=13))
    assert reading(city, "overrides-as-wrong") == Reading(0.25, 60), "an ignored card is"
    calls(city, 8, shown=True, answer="not-relevant")
    assert reading(city, "overrides-as-wrong") == Reading(23 / 68, 68)


def test_drift_counts_of_the_served_model_and_only_since_it_is_pointed_to(city: Governed) -> None:
    pointer = city.pointer
    assert pointer is not None
    drift(city, 0.9, pointer.issued_at - MINUTE)
    drift(city, 0.9, now(), subject_model="9" * 64)
    assert watch_triggers(city.settings, now()).is_quiet
    drift(city, 0.5, now() - timedelta(seconds=1))
    assert watch_triggers(city.settings, now()).is_quiet, "on the threshold"
    drift(city, 0.51, now())
    [entry] = watch_triggers(city.settings, now()).stepped_down
    assert entry["payload"]["stage"] == "shadow" and "drifted-inputs" in entry["payload"]["reason"]


def test_one_cause_has_one_incident_until_it_is_closed_and_each_step_down_is_told(
    city: Governed, messages: list[str]
) -> None:
    calls(city, 60, status="fallback")
    calls(city, 60, shown=True)
    assert len(watch_triggers(city.settings, now()).incidents) == 2 and city.served == "shadow"
    city.release("assistive", text="again")
    calls(city, 60, shown=True)
    assert len(messages) == 2
    again = watch_triggers(city.settings, now())
    assert (len(again.stepped_down), again.incidents) == (1, []), "the flood has its incident already"
    assert len(messages) == 3 and "triage at city stepped down to shadow" in messages[-1], "and is told: it acted again"
    assert watch_triggers(city.settings, now()).is_quiet and len(messages) == 3
    flood = next(one for one in list_incidents(city.settings) if one["detail"]["cause"] == "alert-flood")
    close_incident(
        city.settings, flood["incident"], cause="a test", done="a test", finding="release", actor=city.signs("ada")
    )
    city.release("assistive", text="once more")
    calls(city, 60, shown=True)
    assert len(watch_triggers(city.settings, now()).incidents) == 1


def test_a_pointer_that_moved_meanwhile_is_not_lowered_by_what_was_seen_before(
    city: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(city, 60, status="fallback")
    before, asked = current_pointer(city.settings, "triage", "city"), trigger_watch.current_pointer
    city.release("assistive", text="another")
    monkeypatch.setattr(
        trigger_watch, "current_pointer", lambda *place: before if place[1] == "triage" else asked(*place)
    )
    found = watch_triggers(city.settings, now())
    assert (found.stepped_down, found.incidents) == ([], []) and city.served == "assistive"


def test_a_trigger_that_waits_for_the_end_of_the_shift_says_so_and_acts_then(
    city: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = TRIAGE.model_copy(
        update={
            "triggers": tuple(one.model_copy(update={"severity": "service"}) for one in TRIAGE.triggers),
            "rollback": TRIAGE.rollback.model_copy(update={"pace": "end_of_shift"}),
        }
    )

    def policy(_: str) -> Policy:
        return patient

    for module in (trigger_watch, trigger_incidents, pacing):
        monkeypatch.setattr(module, "load_policy", policy)
    calls(city, 60, status="fallback")
    first = watch_triggers(city.settings, now())
    assert first.stepped_down == [] and city.pointer is not None and city.pointer.tier.value == "model"
    [incident] = first.incidents
    assert "Steps down to rule at the end of this shift." in incident["payload"]["what"]
    assert watch_triggers(city.settings, now()).is_quiet
    later = watch_triggers(city.settings, now() + timedelta(hours=13))
    assert len(later.stepped_down) == 1 and later.incidents == [] and city.pointer.tier.value == "rule"


def served_itself(city: Governed, tier: str) -> str:
    """The event of a service that stepped down by itself under the pointer that lies there."""
    pointer = city.pointer
    assert pointer is not None
    engine = open_database(city.settings.events_url)
    row = {
        "event_id": str(uuid4()), "at_us": microseconds(now()), "kind": "step_down", "use_case": "triage",
        "site": "city", "release_digest": pointer.release, "generation": pointer.generation, "stage": "assistive",
        "tier": tier, "status": "stepped_down", "is_displayed": False, "payload": "{}", "reason": "no model",
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(EVENT).values(**row))
    engine.dispose()
    return str(row["event_id"])


def test_a_service_that_stepped_down_by_itself_is_recorded_once_with_an_incident_and_again_after_a_step_up(
    city: Governed, messages: list[str]
) -> None:
    event = served_itself(city, "rule")
    found = watch_triggers(city.settings, now())
    [entry], [incident] = found.stepped_down, found.incidents
    assert entry["payload"]["is_automatic"] and entry["payload"]["detail"] == {"event": event}
    assert f"by itself at {now():%Y-%m-%d}" in incident["payload"]["what"] and "no model" in incident["payload"]["what"]
    [message] = messages
    assert "stepped down to rule by itself" in message and "no model" not in message
    assert watch_triggers(city.settings, now()).is_quiet and verify_ledger(city.settings).exit_code == 0
    change_tier(city.settings, "triage", "city", "reduced", "a test", city.signs("ada"))
    change_tier(city.settings, "triage", "city", "model", "mended", city.signs("ada"))
    served_itself(city, "rule")
    served_itself(city, "rule")
    again = watch_triggers(city.settings, now())
    [entry], [incident] = again.stepped_down, again.incidents
    assert (entry["payload"]["from_tier"], entry["payload"]["tier"]) == ("model", "rule"), "a person had stepped it up"
    assert len(messages) == 2, "it lowered something again, which is told; the second event of it lowered nothing"
    assert verify_ledger(city.settings).exit_code == 0


def test_what_a_watch_was_killed_before_is_opened_by_the_next(city: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    served_itself(city, "reduced")
    for module in (step_downs, trigger_incidents):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(module, "open_incident", killed)
            watch_triggers(city.settings, now())
        calls(city, 60, status="fallback")
    assert len(list_incidents(city.settings)) == 1 and city.pointer is not None and city.pointer.tier.value == "rule"
    [incident] = watch_triggers(city.settings, now()).incidents
    assert incident["payload"]["detail"]["cause"] == "failing-scores" and incident["payload"]["severity"] == "high"
    assert watch_triggers(city.settings, now()).is_quiet


@pytest.mark.parametrize("damage", [*LEDGER_DAMAGES, *LEDGERS_LOST], ids=lambda one: one.__name__)
def test_a_ledger_that_does_not_verify_takes_what_is_served_down_to_people(
    city: Governed, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(trigger_watch, "notify", lambda *given: told.append(given[-1]))
    damage(city)
    first = watch_triggers(city.settings, now())
    assert "THE LEDGER IS BROKEN" in first.problems[0]
    later = watch_triggers(city.settings, now() + PATIENCE)
    [entry] = [*first.stepped_down, *later.stepped_down]
    assert city.pointer is not None and (city.pointer.stage.value, city.pointer.tier.value) == ("assistive", "manual")
    assert (entry["recorded"] is (damage in LEDGERS_LOST)) and "THE LEDGER IS BROKEN" in entry["payload"]["reason"]
    [message] = told
    assert "triage at city stepped down" in message and "pilothouse ledger verify" in message
    assert bool(first.stepped_down) == (damage in (break_entry, remove_ledger, *LEDGERS_LOST)), (
        "a chain that is broken, or not that of what is served, closes at once"
    )
    assert not watch_triggers(city.settings, now() + 2 * PATIENCE).stepped_down


def test_triggers_act_without_a_ledger_and_the_incidents_are_opened_when_it_is_back(city: Governed) -> None:
    ledger = city.settings.home / "ledger.db"
    calls(city, 60, shown=True)
    kept = ledger.read_bytes()
    remove_ledger(city)
    found = watch_triggers(city.settings, now())
    assert len(found.stepped_down) == 1 and city.served == "shadow" and found.incidents == []
    ledger.write_bytes(kept)
    open_records.cache_clear()
    opened = watch_triggers(city.settings, now()).incidents
    assert [one["payload"]["detail"]["cause"] for one in opened] == ["ledger-broken", "alert-flood"]
    assert verify_ledger(city.settings).exit_code == 0


def test_a_step_down_that_waits_for_a_ledger_that_takes_nothing_yet_is_no_fault_of_it(
    city: Governed, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, kept = city.settings.home / "ledger.db", (city.settings.home / "ledger.db").read_bytes()
    remove_ledger(city)
    change_tier(city.settings, "triage", "city", "rule", "a test")
    ledger.write_bytes(kept)
    open_records.cache_clear()
    monkeypatch.setattr(records, "record_waiting", lambda *_: [])
    for wall in (now(), now() + PATIENCE):
        assert watch_triggers(city.settings, wall).is_quiet and len(waiting(city.settings)) == 1
    assert messages == []
    assert city.pointer is not None and city.pointer.tier.value == "rule"


def test_a_pointer_that_is_a_step_ahead_of_the_ledger_is_waited_for(city: Governed) -> None:
    """As between the two moments of a step down; what stays so was recorded by nobody."""
    publish_lower(
        city.settings.home, use_case="triage", site="city", stage=ServedStage.ASSISTIVE, tier=ServedTier.RULE,
        reason="x", issued_at=now(), signer=release_signer(city.settings), above=0, notice=None,
    )  # fmt: skip
    first = watch_triggers(city.settings, now())
    assert first.stepped_down == [] and "tier: ledger model, pointer rule" in first.problems[0]
    assert len(watch_triggers(city.settings, now() + PATIENCE).stepped_down) == 1
    assert city.pointer is not None and city.pointer.tier.value == "manual"


def test_a_damaged_place_is_told_or_left_and_raises_nothing(city: Governed) -> None:
    POINTER_DAMAGES[0](city)
    assert watch_triggers(city.settings, now()).is_quiet


def test_a_release_that_cannot_be_read_is_a_problem_that_is_told(city: Governed) -> None:
    (city.settings.home / "releases").rename(city.settings.home / "lost")
    [problem] = watch_triggers(city.settings, now()).problems
    assert "The triggers of triage at city cannot be watched" in problem
