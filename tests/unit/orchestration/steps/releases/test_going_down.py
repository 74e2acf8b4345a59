"""Going down works whatever is damaged: first the pointer, then the record, and what stood in the way is told."""

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from evaluation.ledger import LedgerError, proof_of
from evaluation.policies import PolicyError
from orchestration.settings import Settings
from orchestration.sites import UnknownSite
from orchestration.steps.record.actors import account, actor_of
from orchestration.steps.record.agreement import agreements
from orchestration.steps.record.pending import waiting
from orchestration.steps.record.records import believed_records, open_records, verify_ledger
from orchestration.steps.releases import going_down, recording
from orchestration.steps.releases.going_down import NothingToTakeBack, NotStopped, roll_back
from orchestration.steps.releases.recording import NO_REASON, REASON_LEFT_OUT
from orchestration.steps.releases.release import NotAllowed
from orchestration.steps.releases.tiers import change_tier
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import (
    KEY_DAMAGES,
    LEDGER_DAMAGES,
    POINTER_DAMAGES,
    RELEASE_DAMAGES,
    SITE,
    Damage,
    Governed,
    break_entry,
    empty_pointer,
    remove_pointer,
)

NAMED = lambda damage: damage.__name__  # noqa: E731 - the id of a damage
ALL_DAMAGES = [*LEDGER_DAMAGES, *POINTER_DAMAGES, *RELEASE_DAMAGES, *KEY_DAMAGES]


def stop(one: Governed, to: str | None = "off", **more: object) -> dict[str, object]:
    return roll_back(one.settings, "triage", one.site, to, "it looks wrong", **more)  # type: ignore[arg-type]


def lower_tier(one: Governed, to: str = "rule", **more: object) -> dict[str, object]:
    return change_tier(one.settings, "triage", one.site, to, "it looks wrong", **more)  # type: ignore[arg-type]


def problems(one: Governed) -> list[str]:
    open_records.cache_clear()
    return [found.problem for found in agreements(one.settings, believed_records(one.settings)[1]) if found.problem]


class TestSound:
    def test_off_is_pointed_to_recorded_and_agreed_upon(self, city: Governed) -> None:
        entry = stop(city)
        assert (city.served, entry["recorded"], entry["warnings"]) == ("off", True, [])
        [found] = city.entries("rollback")
        assert found.payload["from_stage"] == "assistive" and found.payload["previous"] == city.releases[0]
        assert problems(city) == [] and waiting(city.settings) == []

    def test_a_lower_stage_keeps_the_release(self, city: Governed) -> None:
        entry = stop(city, "shadow")
        assert city.pointer is not None and (city.served, city.pointer.release) == ("shadow", city.releases[0])
        assert entry["payload"]["stage"] == "shadow" and problems(city) == []  # type: ignore[index]

    def test_a_lower_tier_keeps_the_stage(self, city: Governed) -> None:
        entry = lower_tier(city)
        assert city.pointer is not None and (city.served, city.pointer.tier.value) == ("assistive", "rule")
        assert (entry["kind"], entry["payload"]["from_tier"], problems(city)) == ("tier_change", "model", [])  # type: ignore[index]

    def test_without_a_stage_it_goes_back_to_the_release_before(self, city: Governed) -> None:
        city.release("assistive")
        entry = stop(city, None)
        assert city.pointer is not None and city.pointer.release == city.releases[0]
        assert entry["payload"]["previous"] == city.releases[1] and problems(city) == []  # type: ignore[index]

    def test_without_a_release_before_it_goes_off(self, city: Governed) -> None:
        assert stop(city, None)["warnings"] == [] and city.served == "off"

    def test_going_back_never_reaches_a_higher_stage(self, city: Governed) -> None:
        stop(city, "shadow")
        city.release("shadow")
        stop(city, None)
        assert city.pointer is not None and (city.served, city.pointer.release) == ("shadow", city.releases[0])

    @pytest.mark.parametrize("to", ["assistive", "decision_support"])
    def test_the_same_or_a_higher_stage_is_no_step_down(self, city: Governed, to: str) -> None:
        with pytest.raises(NothingToTakeBack, match="pilothouse promote"):
            stop(city, to)
        assert city.served == "assistive" and city.entries("rollback") == []

    def test_what_is_off_cannot_be_taken_back_again(self, city: Governed) -> None:
        stop(city)
        for order in (stop, lower_tier):
            with pytest.raises(NothingToTakeBack, match="serves no release at city"):
                order(city)
        assert len(city.entries("rollback")) == 1

    def test_other_sites_are_left_alone(self, city: Governed) -> None:
        rural = Governed.at(city.settings, "rural")
        rural.release("shadow")
        stop(city)
        assert rural.served == "shadow"

    def test_an_unknown_place_is_refused_with_those_there_are(self, settings: Settings) -> None:
        with pytest.raises(UnknownSite, match="city"):
            roll_back(settings, "triage", "nowhere", "off", "x")
        with pytest.raises(Exception, match="triage"):
            roll_back(settings, "nonsense", "city", "off", "x")


class TestWho:
    def test_nobody_named_is_the_account_of_the_operating_system(self, city: Governed) -> None:
        entry = stop(city)
        assert (entry["actor"], entry["proof"]) == (account(), "none")

    def test_a_name_alone_is_recorded_as_claimed(self, city: Governed) -> None:
        entry = stop(city, actor=actor_of("olga", None))
        assert (entry["actor"], entry["proof"], entry["warnings"]) == ("olga", "none", [])
        assert entry["payload"]["actor_proof"] == {"proof": "none"}  # type: ignore[index]

    def test_a_name_with_its_key_is_recorded_as_signed(self, city: Governed) -> None:
        entry = stop(city, actor=city.signs("olga"))
        assert (entry["actor"], entry["proof"], entry["warnings"]) == ("olga", "signature", [])
        assert verify_ledger(city.settings).exit_code == 0

    @pytest.mark.parametrize(
        ("person", "key"), [("olga", "none.pem"), ("olga", "ledger.db"), ("Not an id!", None), (None, "olga.pem")]
    )
    def test_a_person_or_key_that_proves_nothing_stops_all_the_same_and_is_told(
        self, city: Governed, person: str | None, key: str | None
    ) -> None:
        entry = stop(city, actor=actor_of(person, city.settings.home / key if key else None))
        assert (city.served, entry["recorded"], entry["proof"]) == ("off", True, "none")
        assert "without proof of who took it" in str(entry["warnings"])

    def test_the_key_of_somebody_else_stops_all_the_same_and_proves_nothing(self, city: Governed) -> None:
        entry = stop(city, actor=actor_of("olga", city.key("ada")))
        assert (city.served, entry["actor"], entry["proof"]) == ("off", "olga", "none")
        assert "signature does not count" in str(entry["warnings"])
        assert verify_ledger(city.settings).exit_code == 0

    @pytest.mark.parametrize("person", ["mallory", "olga"])
    def test_what_the_policy_says_against_somebody_is_told_and_recorded(self, city: Governed, person: str) -> None:
        entry = stop(city, actor=actor_of(person, None))
        outside = entry["payload"]["detail"].get("outside_policy", "")  # type: ignore[index]
        assert ("not registered" in outside) == (person == "mallory") == bool(entry["warnings"])
        assert city.served == "off"


@pytest.mark.parametrize("reason", ["", " ", "x" * 3000, "patient 0123456789abcdef0123456789abcdef", "\udcff"])
def test_a_reason_that_cannot_be_recorded_holds_nothing_up(city: Governed, reason: str) -> None:
    entry = roll_back(city.settings, "triage", SITE, "off", reason)
    assert (city.served, entry["recorded"]) == ("off", True)
    assert entry["payload"]["reason"] in (NO_REASON, REASON_LEFT_OUT, "x" * 2000)
    assert "0123456789abcdef" * 2 not in city.pointer_file.read_text() + json.dumps(entry)


class TestDamaged:
    @pytest.mark.parametrize("damage", ALL_DAMAGES, ids=NAMED)
    @pytest.mark.parametrize("order", [stop, lower_tier], ids=["off", "tier"])
    def test_after_any_damage_an_order_to_go_down_leaves_nothing_higher_served(
        self, city: Governed, damage: Damage, order: Callable[[Governed], dict[str, object]]
    ) -> None:
        damage(city)
        answer = order(city)
        pointer = city.pointer
        assert pointer is None or pointer.release is None or (order is lower_tier and pointer.tier.value == "rule")
        assert answer["recorded"] or any("NOT ON THE LEDGER" in one for one in answer["warnings"])  # type: ignore[attr-defined]
        assert answer["payload"]["reason"] == "it looks wrong"  # type: ignore[index]

    @pytest.mark.parametrize("damage", ALL_DAMAGES, ids=NAMED)
    @pytest.mark.parametrize("to", [None, "shadow"])
    def test_after_any_damage_a_rollback_leaves_no_more_than_was_asked_for(
        self, city: Governed, damage: Damage, to: str | None
    ) -> None:
        city.release("assistive")
        damage(city)
        stop(city, to)
        assert city.served in ("off", to) or (to is None and city.pointer.release == city.releases[0])  # type: ignore[union-attr]

    @pytest.mark.parametrize("damage", LEDGER_DAMAGES, ids=NAMED)
    def test_what_a_damaged_ledger_could_not_take_is_recorded_once_when_it_works_again(
        self, city: Governed, damage: Damage, tmp_path: Path
    ) -> None:
        open_records.cache_clear()
        shutil.copytree(city.settings.home, tmp_path / "backup")
        damage(city)
        answer = stop(city, actor=city.signs("olga"))
        assert (city.served, answer["recorded"], answer["proof"]) == ("off", False, "unchecked")
        assert verify_ledger(city.settings).exit_code == 1
        for name in ("ledger.db", "ledger.checkpoint", "keys/ledger.key.pem"):
            (city.settings.home / name).unlink(missing_ok=True)
            shutil.copy(tmp_path / "backup" / name, city.settings.home / name)
        [entry] = city.entries("rollback")
        assert (entry.actor, proof_of(entry)) == ("olga", "signature")
        assert entry.payload["effective_at"] == answer["payload"]["effective_at"]  # type: ignore[index]
        assert waiting(city.settings) == [] and problems(city) == []
        assert verify_ledger(city.settings).exit_code == 0

    @pytest.mark.parametrize("damage", [empty_pointer, remove_pointer], ids=NAMED)
    def test_a_pointer_that_is_lost_is_followed_by_off_above_everything_before(
        self, city: Governed, damage: Damage
    ) -> None:
        before = city.pointer
        damage(city)
        entry = stop(city)
        assert city.pointer is not None and before is not None and city.pointer.generation > before.generation
        assert (entry["payload"]["from_stage"], problems(city)) == ("assistive", [])  # type: ignore[index]

    def test_an_old_pointer_that_was_put_back_ends_in_off_above_the_last(self, city: Governed) -> None:
        old = city.pointer_file.read_bytes()
        for tier in ("rule", "history", "manual"):
            lower_tier(city, tier)
        last = city.pointer
        city.pointer_file.write_bytes(old)
        assert "generation: ledger 4, pointer 1" in problems(city)[0]
        answer = lower_tier(city, "rule")
        assert city.served == "off" and "An old pointer" in str(answer["warnings"])
        assert city.pointer is not None and last is not None and city.pointer.generation > last.generation
        assert problems(city) == []

    def test_where_the_pointer_can_be_neither_replaced_nor_set_aside_the_way_to_stop_is_named(
        self, city: Governed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(going_down, "publish_lower", fails)
        monkeypatch.setattr(going_down, "withdraw_pointer", fails)
        with pytest.raises(NotStopped, match="Stop the service itself"):
            stop(city)

    def test_a_full_disk_takes_the_pointer_away_and_tells_what_was_not_kept(
        self, city: Governed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(going_down, "publish_lower", full)
        monkeypatch.setattr(recording, "keep", full)
        answer = stop(city)
        assert city.pointer is None and not city.pointer_file.exists()
        assert sum("No space left" in one for one in answer["warnings"]) == 2  # type: ignore[attr-defined]

    def test_a_policy_that_cannot_be_read_holds_nothing_up(
        self, city: Governed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_: str) -> None:
            raise PolicyError("triage.yaml: is not YAML.")

        monkeypatch.setattr(recording, "load_policy", broken)
        answer = stop(city, actor=city.signs("olga"))
        assert (city.served, answer["proof"], answer["warnings"]) == ("off", "signature", [])

    def test_an_event_store_that_cannot_be_read_holds_nothing_up(self, city: Governed) -> None:
        (city.settings.home / "events.db").write_bytes(b"no database" * 1000)
        answer = stop(city, "shadow")
        assert city.served == "shadow" and "tier of the pointer is kept" in str(answer["warnings"])

    def test_a_name_that_the_ledger_does_not_take_is_kept_as_claimed(self, city: Governed) -> None:
        """A site that only a pointer knows, under a name that no site file could have."""
        path = city.pointer_file.with_name("0closed.json")
        path.write_text("{}")
        answer = roll_back(city.settings, "triage", "0closed", "off", "x", city.signs("olga"))
        assert (answer["recorded"], answer["payload"]["actor_proof"]) == (False, {"proof": "none"})
        assert json.loads(path.read_text())["stage"] == "off"

    def test_who_will_not_wait_for_a_ledger_that_hangs_leaves_the_order_behind(
        self, city: Governed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def hangs(_: Settings) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(going_down, "open_records", hangs)
            stop(city, actor=city.signs("olga"))
        assert city.served == "off" and len(waiting(city.settings)) == 1
        [entry] = city.entries("rollback")
        assert (entry.actor, proof_of(entry), problems(city)) == ("olga", "signature", [])

    def test_another_step_that_hangs_is_not_waited_for_for_ever(
        self, city: Governed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(going_down, "LOCK_SECONDS", 0.1)
        (city.settings.home / "locks").mkdir(exist_ok=True)
        with (city.settings.home / "locks" / "release-triage-city.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            answer = stop(city)
        assert city.served == "off" and "did not wait" in str(answer["warnings"])


class TestTier:
    @pytest.fixture
    def low(self, city: Governed) -> Governed:
        lower_tier(city, "manual")
        return city

    @pytest.mark.parametrize("person", [None, "ada"])
    def test_nobody_steps_up_without_a_signature(self, low: Governed, person: str | None) -> None:
        with pytest.raises(NotAllowed, match="who-may-step-up"):
            lower_tier(low, "model", actor=actor_of(person, None))
        assert low.pointer is not None and low.pointer.tier.value == "manual"

    @pytest.mark.parametrize(("person", "key"), [("olga", "olga"), ("ada", "noor"), ("mallory", "ada")])
    def test_the_signature_of_somebody_who_may_not_is_not_enough(self, low: Governed, person: str, key: str) -> None:
        with pytest.raises(NotAllowed, match="who-may-step-up"):
            lower_tier(low, "rule", actor=actor_of(person, low.key(key)))
        assert low.pointer is not None and low.pointer.tier.value == "manual"

    def test_a_person_whom_the_policy_names_steps_up_with_their_signature(self, low: Governed) -> None:
        entry = lower_tier(low, "model", actor=low.signs("ada"))
        assert (entry["proof"], low.pointer.tier.value, problems(low)) == ("signature", "model", [])  # type: ignore[union-attr]

    def test_where_it_stands_already_is_refused(self, low: Governed) -> None:
        with pytest.raises(NotAllowed, match="already at manual"):
            lower_tier(low, "manual", actor=low.signs("ada"))
        assert len(low.entries("tier_change")) == 1

    @pytest.mark.parametrize("damage", [*LEDGER_DAMAGES, *POINTER_DAMAGES, *RELEASE_DAMAGES, *KEY_DAMAGES], ids=NAMED)
    def test_after_any_damage_nothing_steps_up(self, low: Governed, damage: Damage) -> None:
        damage(low)
        before = low.pointer
        with pytest.raises(Exception, match=r".{20,}"):
            lower_tier(low, "model", actor=low.signs("ada"))
        assert low.pointer == before

    def test_what_was_not_recorded_yet_keeps_it_down(self, low: Governed, tmp_path: Path) -> None:
        (low.settings.home / "pending").mkdir(exist_ok=True)
        (low.settings.home / "pending" / "odd.json").write_text("{}")
        with pytest.raises(NotAllowed, match="everything-is-recorded"):
            lower_tier(low, "model", actor=low.signs("ada"))

    def test_a_step_that_serving_took_down_by_itself_is_not_taken_back_by_anyone(self, city: Governed) -> None:
        stepped_down(city, "history")
        for tier in ("model", "rule"):
            with pytest.raises(NotAllowed, match="who-may-step-up"):
                lower_tier(city, tier)
        entry = lower_tier(city, "model", actor=city.signs("ada"))
        assert entry["payload"]["from_tier"] == "history"  # type: ignore[index]
        assert city.pointer is not None and city.pointer.generation == 2

    def test_a_rollback_keeps_the_tier_that_serving_stepped_down_to(self, city: Governed) -> None:
        stepped_down(city, "rule")
        stop(city, "shadow")
        assert city.pointer is not None and city.pointer.tier.value == "rule" and problems(city) == []

    def test_where_nobody_can_say_what_answers_down_is_down_and_up_needs_a_signature(self, city: Governed) -> None:
        (city.settings.home / "events.db").write_bytes(b"no database" * 1000)
        assert lower_tier(city, "rule")["recorded"]
        with pytest.raises(NotAllowed, match="who-may-step-up"):
            lower_tier(city, "rule")
        assert lower_tier(city, "rule", actor=city.signs("ada"))["proof"] == "signature"


def stepped_down(one: Governed, tier: str) -> None:
    """What the service remembers after it stepped down under the present pointer."""
    from ml.serving.tables import open_database

    pointer = one.pointer
    assert pointer is not None
    open_database(one.settings.events_url).dispose()
    with closing(sqlite3.connect(one.settings.home / "events.db")) as database:
        row = ("triage", one.site, pointer.generation, pointer.digest, tier)
        columns = "use_case, site, generation, digest, stepped_down_to"
        database.execute(f"insert into serving_pointer_seen ({columns}) values (?, ?, ?, ?, ?)", row)
        database.commit()


@pytest.fixture
def fresh(
    tmp_path_factory: pytest.TempPathFactory, governed_home: tuple[Path, list[str]]
) -> Iterator[Callable[[], Governed]]:
    """One more city at every call."""

    def make() -> Governed:
        open_records.cache_clear()
        home = tmp_path_factory.mktemp("fresh") / "home"
        shutil.copytree(governed_home[0], home)
        return Governed(settings_of(home), releases=list(governed_home[1]))

    yield make
    open_records.cache_clear()


ORDERS = ["off", "shadow", "back", "rule", "manual", "release", "break ledger", "lose pointer", "put back"]


@examples(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(ORDERS), min_size=1, max_size=7))
def test_whatever_happens_orders_to_go_down_are_never_refused_and_never_go_up(
    steps: list[str], fresh: Callable[[], Governed]
) -> None:
    one = fresh()
    first, rank = one.pointer_file.read_bytes(), ["off", "shadow", "assistive"].index
    broken = False
    for step in steps:
        before = one.served
        if step == "release":
            if not broken and before == "shadow":
                one.release("assistive")
        elif step == "break ledger":
            if not broken:
                break_entry(one)
                broken = True
        elif step == "lose pointer":
            one.pointer_file.unlink(missing_ok=True)
        elif step == "put back":
            one.pointer_file.write_bytes(first)
        else:
            _order_down(one, step, before)
            assert rank(one.served) <= rank(before)
    assert broken or verify_ledger(one.settings).document["entries"] == len(one.entries(*KINDS))


KINDS = ("person_registered", "approval", "promotion", "rollback", "tier_change")


def _order_down(one: Governed, step: str, before: str) -> None:
    tier = one.pointer.tier.value if one.pointer else "model"
    try:
        if step in ("rule", "manual"):
            lower_tier(one, step)
        else:
            stop(one, None if step == "back" else step)
    except NothingToTakeBack:
        assert before == "off" or (step, before) == ("shadow", "shadow")
    except (NotAllowed, LedgerError):
        assert step in ("rule", "manual") and tier in ("rule", "manual"), "only what is not a step down is refused"
