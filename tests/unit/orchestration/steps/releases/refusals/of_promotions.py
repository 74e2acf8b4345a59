"""Refusals of a promotion, and of what must be in order before one."""

from collections.abc import Callable

import pytest

from orchestration.steps.record import pending
from orchestration.steps.record.actors import actor_of
from orchestration.steps.releases import going_down
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.release import promote_release
from tests.unit.orchestration.steps.governed import (
    Governed,
    change_model,
    remove_release_key,
    replace_ledger,
    replace_release_key,
)

from ..challenged import approve, promote
from .of_approvals import says
from .rows import CANDIDATE, SHOWN, fails, refuses

Do = Callable[[], object]
UP = "one stage up, or another release in the same stage"


@refuses(
    "authorise.step_reasons/1",
    clause="one-stage-at-a-time",
    words=("already in assistive", UP, "only something changed"),
    begins=SHOWN,
)
def the_same_again(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote(one, "assistive")


@refuses(
    "authorise.step_reasons/2",
    clause="one-stage-at-a-time",
    words=("assistive to shadow", UP, "To go down: pilothouse rollback"),
    begins=SHOWN,
)
def a_promotion_that_goes_down(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote(one, "shadow")


@refuses(
    "authorise.step_reasons/3",
    clause="one-stage-at-a-time",
    words=("off to assistive", UP, "The next stage up is shadow"),
    begins=CANDIDATE,
)
def two_stages_at_once(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote(one, "assistive")


@refuses(
    "authorise._refusal_reasons",
    clause="approval.workflow",
    words=("noor (nursing_lead) refused it", "no standing refusal", "Change what noor objected to"),
    begins=SHOWN,
)
def what_a_person_refused(one: Governed, _: pytest.MonkeyPatch) -> Do:
    says(one, "noor", "workflow", "refuse")()
    return lambda: promote(one, "decision_support")


@refuses(
    "authorise._missing",
    clause="approval.model",
    words=("no valid model approval", "one model approval by", "registered: ada"),
    begins=CANDIDATE,
)
def what_nobody_approved(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote(one, "shadow")


@refuses(
    "decision.refusal",
    clause="evidence-is-readable",
    words=("evidence file: ", "every file can be read", "take the broken file away"),
    begins=SHOWN,
)
def evidence_that_nobody_can_read(one: Governed, _: pytest.MonkeyPatch) -> Do:
    [path, *_rest] = sorted((one.settings.home / "evidence").rglob("performance*.json"))
    path.write_text("torn")
    return lambda: promote(one, "decision_support")


@refuses(
    "load.parse_calendar/1",
    "change_control.unreadable",
    clause="calendar-readable",
    words=("the calendar cannot be read: calendar.yaml", "a calendar", "Correct the calendar"),
    begins=SHOWN,
)
def a_calendar_of_the_home_that_is_torn(one: Governed, _: pytest.MonkeyPatch) -> Do:
    (one.settings.home / "calendar.yaml").write_text("freezes: [")
    return lambda: promote(one, "decision_support")


@refuses(
    "across_sites.reasons",
    clause="compared-across-sites",
    words=("rural shows it (assistive) and cannot be compared: ", "clause by clause", "pilothouse status --site rural"),
    begins=SHOWN,
)
def another_site_that_cannot_be_compared(one: Governed, _: pytest.MonkeyPatch) -> Do:
    rural = Governed(one.settings, "rural")
    rural.release("assistive")
    change_model(rural)
    return lambda: promote(one, "decision_support")


@fails("decide.decide/1", error="GateError", words=("stopping needs no decision", "use a rollback"), begins=SHOWN)
def the_gate_asked_about_off(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: explain_step(one.settings, "triage", "city", "off")


@refuses(
    "rights.why_not_proven/2",
    "release._require_proof",
    clause="who-may-step-up",
    words=("the key is not the one that ada registered", "the key that the person registered", "the person's own key"),
    begins=SHOWN,
)
def a_promotion_with_the_key_of_another(one: Governed, _: pytest.MonkeyPatch) -> Do:
    actor = actor_of("ada", one.key("noor"))
    return lambda: promote_release(one.settings, "triage", "city", "decision_support", actor)


@refuses(
    "release.unsettled/1",
    clause="everything-is-recorded",
    words=("in pending/ is not on the ledger yet", "every order to go down on the ledger", "pilothouse ledger verify"),
    begins=SHOWN,
)
def an_order_that_waits_to_be_recorded(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    ledger = one.settings.home / "ledger.db"
    whole = ledger.read_bytes()
    replace_ledger(one)
    going_down.roll_back(one.settings, "triage", "city", "shadow", "wrong scores", one.signs("ada"))
    ledger.write_bytes(whole)
    patch.setattr(pending, "write", lambda *_: _full())
    return lambda: promote(one, "assistive")


def _full() -> None:
    raise OSError(28, "No space left on device")


@refuses(
    "release.unsettled/2",
    clause="pointer-agrees-with-ledger",
    words=("the pointer is gone", "the pointer that the ledger records", "pilothouse rollback USE_CASE"),
    begins=SHOWN,
)
def a_pointer_that_somebody_took_away(one: Governed, _: pytest.MonkeyPatch) -> Do:
    one.pointer_file.unlink()
    return lambda: promote(one, "shadow")


@fails(
    "signing_keys._complete",
    error="ReleaseKeyGone",
    words=("keys/release.key.pem is gone", "restore it from the backup"),
    begins=CANDIDATE,
)
def a_release_key_that_is_gone(one: Governed, _: pytest.MonkeyPatch) -> Do:
    approve(one, "shadow")
    promote(one, "shadow")
    remove_release_key(one)
    approve(one, "assistive")
    return lambda: promote(one, "assistive")


@fails(
    "signing_keys._whole",
    error="KeyHalvesDiffer",
    words=("keys/release.key.pem is the private half", "keys/release.pub.pem the public half", "from one backup"),
    begins=CANDIDATE,
)
def a_release_key_of_another_pair(one: Governed, _: pytest.MonkeyPatch) -> Do:
    approve(one, "shadow")
    promote(one, "shadow")
    replace_release_key(one)
    approve(one, "assistive")
    return lambda: promote(one, "assistive")
