"""Approvals under a served release: told before they end, renewed by signing again, stepping down after they ended."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.evidence import Subject
from evaluation.gates import Standing
from evaluation.ledger import ApprovalStatement, load_private_key, record_approval, recorded, sign_approval
from evaluation.ledger.approval import Verdict
from evaluation.policies import Stage, load_policy
from ml.registry.challenger import challenger_path
from orchestration.settings import Settings
from orchestration.steps.learning.stores import save_candidate
from orchestration.steps.record.lanes import lane_at
from orchestration.steps.record.people import new_person, revoke_person
from orchestration.steps.record.records import now, open_records, verify_ledger
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.standing import Watched
from orchestration.steps.releases.withdrawing import withdraw
from orchestration.steps.watching import approval_watch
from orchestration.steps.watching.approval_watch import watch_approvals
from orchestration.steps.watching.status import status_of
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import PEOPLE, POINTER_DAMAGES, Governed

DAYS = timedelta(days=load_policy("triage").review_every_days)
MOMENT = timedelta(microseconds=1)


def signed_at(city: Governed, kind: str) -> datetime:
    given = [recorded(entry).statement for entry in open_records(city.settings).entries(kinds=("approval",))]
    return max(one.decided_on for one in given if one.kind == kind)


def sign(
    city: Governed,
    person: str,
    stage: str,
    at: datetime,
    kind: str | None = None,
    verdict: Verdict = "approve",
    **subject: str,
) -> None:
    """Sign what is released (or something else) as of a time: the ledger's own clock is not asked."""
    release = open_records(city.settings).entries(kinds=("promotion",))[-1].payload
    role, own = PEOPLE[person]
    statement = ApprovalStatement(
        use_case="triage",
        site="city",
        stage=Stage(stage),
        kind=kind or str(own),
        person=person,
        role=role,
        subject=Subject(**{**release["subject"], **subject}),  # type: ignore[dict-item]
        verdict=verdict,
        decided_on=at,
    )
    approval = sign_approval(statement, load_private_key(city.key(person)))
    record_approval(open_records(city.settings), approval, at=at)


def looked(city: Governed, at: datetime) -> Any:
    [one] = watch_approvals(city.settings, at).watched
    return one


def test_what_was_approved_lately_is_neither_due_nor_over(city: Governed) -> None:
    found = watch_approvals(city.settings, now())
    assert [(one.due, one.over) for one in found.watched] == [((), ())]
    assert (found.stepped_down, found.problems, city.served) == ((), (), "assistive")


def test_two_weeks_before_it_ends_it_is_told_and_not_a_moment_earlier(city: Governed) -> None:
    last = signed_at(city, "model") + DAYS
    assert looked(city, last - timedelta(days=14) - MOMENT).due == ()
    due = looked(city, last - timedelta(days=14))
    assert [one.kind for one in due.due] == ["model"] and due.over == ()
    [sentence] = due.sentences
    assert "the model approval of ada ends on" in sentence and "it is reviewed every 182 days" in sentence
    assert "pilothouse approve triage --site city --stage assistive --kind model --served;" in sentence
    assert city.served == "assistive"


def test_after_it_ended_the_release_steps_down_and_the_ledger_says_why(city: Governed) -> None:
    end = signed_at(city, "model") + DAYS
    assert watch_approvals(city.settings, end - MOMENT).stepped_down == ()
    [entry] = watch_approvals(city.settings, end).stepped_down
    assert (entry["kind"], entry["actor"], entry["payload"]["stage"]) == ("rollback", "pilothouse", "off")
    assert "Approvals are over: the model approval of ada ends on" in entry["payload"]["reason"]
    assert city.served == "off" and verify_ledger(city.settings).exit_code == 0
    assert watch_approvals(city.settings, end).watched == ()


def test_it_goes_to_the_stage_below_where_the_approvals_for_that_stand(city: Governed) -> None:
    end = signed_at(city, "model") + DAYS
    for person in ("ada", "noor"):
        sign(city, person, "shadow", now())
    [entry] = watch_approvals(city.settings, end).stepped_down
    assert entry["payload"]["stage"] == "shadow" and city.served == "shadow"
    assert watch_approvals(city.settings, end).stepped_down == ()


def test_signing_the_same_again_renews_it(city: Governed) -> None:
    end = signed_at(city, "workflow") + DAYS
    for person in ("ada", "noor"):
        sign(city, person, "assistive", now())
    assert watch_approvals(city.settings, end).stepped_down == ()
    assert looked(city, signed_at(city, "model") + DAYS - MOMENT).over == ()


@pytest.mark.parametrize(
    "change",
    [{"model": "9" * 64}, {"policy": "9" * 64}, {"stage": "shadow"}],
    ids=["another model", "another policy", "another stage"],
)
def test_signing_something_else_renews_nothing(city: Governed, change: dict[str, str]) -> None:
    end = signed_at(city, "model") + DAYS
    subject = {name: digest for name, digest in change.items() if name != "stage"}
    sign(city, "ada", change.get("stage", "assistive"), now(), **subject)
    assert "model" in [one.kind for one in looked(city, end).over]


def test_a_colleague_in_the_role_may_renew_it_and_nobody_else(city: Governed) -> None:
    end = signed_at(city, "model") + DAYS
    sign(city, "olga", "assistive", now(), kind="model")
    assert [one.kind for one in looked(city, end).over][:1] == ["model"]


def test_another_lead_may_renew_what_somebody_gave(city: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    end = signed_at(city, "model") + DAYS
    new_person(city.settings, "cora", ("clinical_safety_lead",), city.key("cora"))
    monkeypatch.setitem(PEOPLE, "cora", ("clinical_safety_lead", "model"))
    sign(city, "cora", "assistive", now())
    sign(city, "noor", "assistive", now())
    assert watch_approvals(city.settings, end).stepped_down == ()


def test_approvals_of_a_stolen_key_hold_nothing_up(city: Governed) -> None:
    revoke_person(city.settings, "noor", "stolen", since="2020-01-01T00:00:00Z")
    [entry] = watch_approvals(city.settings, now()).stepped_down
    assert "the workflow approval does not stand" in entry["payload"]["reason"] and city.served == "off"


def test_a_refusal_of_what_is_served_has_it_step_down(city: Governed) -> None:
    sign(city, "noor", "assistive", now(), verdict="refuse")
    [entry] = watch_approvals(city.settings, now()).stepped_down
    assert "the workflow approval does not stand (noor refused it on " in entry["payload"]["reason"]
    assert city.served == "off" and verify_ledger(city.settings).exit_code == 0


def test_what_cannot_be_trusted_is_not_judged_and_raises_nothing(city: Governed) -> None:
    POINTER_DAMAGES[0](city)
    found = watch_approvals(city.settings, datetime(2040, 1, 1, tzinfo=UTC))
    assert (found.watched, found.stepped_down) == ((), ())


def test_a_release_that_cannot_be_read_is_told(city: Governed) -> None:
    (city.settings.home / "releases").rename(city.settings.home / "lost")
    [problem] = watch_approvals(city.settings, now()).problems
    assert "approvals of triage at city cannot be judged" in problem


def test_arithmetic_that_fails_at_one_place_keeps_no_other_waiting(
    city: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = approval_watch._look

    def one_fails(settings: Settings, use_case: str, site: str, at: datetime) -> Any:
        if site == "rural":
            raise OverflowError("date value out of range")
        return asked(settings, use_case, site, at)

    monkeypatch.setattr(approval_watch, "served_sites", lambda _, name: ["rural", "city"] if name == "triage" else [])
    monkeypatch.setattr(approval_watch, "_look", one_fails)
    found = watch_approvals(city.settings, now())
    assert [one.site for one in found.watched] == ["city"]
    assert found.problems == ("The approvals of triage at rural cannot be judged: OverflowError",)


def test_a_release_that_replaced_the_judged_one_meanwhile_is_not_taken_back(
    city: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = signed_at(city, "model") + DAYS
    seen = approval_watch._look(city.settings, "triage", "city", end)
    assert seen is not None and seen.over
    new = city.release(text="another")
    for person in ("ada", "noor"):
        sign(city, person, "assistive", now())
    monkeypatch.setattr(approval_watch, "_look", lambda *_: seen)
    assert watch_approvals(city.settings, end).stepped_down == ()
    assert city.pointer is not None and (city.pointer.release, city.served) == (new, "assistive")


def test_status_says_what_is_due(city: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("ends on" in one for one in status_of(city.settings, "city").document["warnings"])
    monkeypatch.setattr(
        "orchestration.steps.watching.status.now", lambda: signed_at(city, "model") + DAYS - timedelta(days=1)
    )
    document = status_of(city.settings, "city").document
    assert any("the model approval of ada ends on" in one for one in document["warnings"])


def test_the_sentence_says_all_that_the_command_needs() -> None:
    over = [Standing(kind, None, (), "it is over") for kind in ("model", "regulatory")]
    watched = Watched("triage", "city", Stage.DECISION_SUPPORT, tuple(over), tuple(over), Stage.ASSISTIVE)
    model, regulatory = watched.sentences
    assert "--stage decision_support --kind model --served; or the release steps down to assistive." in model
    assert "--kind regulatory --served --certificate NUMBER --expires DATE; or" in regulatory


@pytest.fixture(scope="module")
def challenged_home(tmp_path_factory: pytest.TempPathFactory, governed_home: tuple[Path, list[str]]) -> Path:
    """A home whose city has another model in shadow beside what is shown; to be copied."""
    home = tmp_path_factory.mktemp("challenged") / "home"
    shutil.copytree(governed_home[0], home)
    Governed(settings_of(home)).challenge()
    open_records.cache_clear()
    return home


@pytest.fixture
def beside(settings: Settings, challenged_home: Path) -> Governed:
    shutil.copytree(challenged_home, settings.home, dirs_exist_ok=True)
    one = Governed(settings)
    for person in ("ada", "noor"):
        sign(one, person, "assistive", now())
    return one


def over_at(one: Governed) -> datetime:
    """When the first approval of the challenger ends; what is served was signed again after it."""
    given = [recorded(entry).statement for entry in open_records(one.settings).entries(kinds=("approval",))]
    return min(each.decided_on for each in given if each.stage is Stage.SHADOW) + DAYS


def scores_beside(one: Governed) -> bool:
    open_records.cache_clear()
    return lane_at(one.settings, open_records(one.settings), "triage", "city").release is not None


def test_a_challenger_is_told_before_its_approvals_end_and_taken_away_after(beside: Governed) -> None:
    end, served = over_at(beside), beside.pointer
    soon = watch_approvals(beside.settings, end - MOMENT)
    assert soon.stepped_down == () and scores_beside(beside)
    [told] = [sentence for one in soon.watched for sentence in one.sentences if "the challenger: the model" in sentence]
    assert told.startswith("triage at city, the challenger: the model approval of ada ends on")
    assert "--stage shadow --kind model --served --challenger" in told and "or the challenger is taken away." in told
    [entry] = watch_approvals(beside.settings, end).stepped_down
    assert (entry["kind"], entry["actor"], entry["recorded"]) == ("challenger_withdrawn", "pilothouse", True)
    assert "Approvals are over: the model approval of ada ends on" in entry["payload"]["reason"]
    assert not scores_beside(beside) and beside.pointer == served
    assert watch_approvals(beside.settings, end).stepped_down == () and verify_ledger(beside.settings).exit_code == 0


def test_a_challenger_whose_approvals_are_renewed_stays(beside: Governed, record: Callable[..., Any]) -> None:
    end, release = over_at(beside), beside.entries("challenger")[-1].payload["subject"]
    save_candidate(beside.settings, replace(record(), model=release["model"]))
    for person in ("ada", "noor"):
        kind = str(PEOPLE[person][1])
        words = (beside.settings, "triage", "city", "shadow", kind, person, beside.key(person), "approve")
        told = record_verdict(*words, served=True, challenger=True)
        assert told["payload"]["statement"]["subject"] == release
    assert watch_approvals(beside.settings, end).stepped_down == () and scores_beside(beside)


def test_a_challenger_that_replaced_the_judged_one_meanwhile_is_not_taken_away(
    beside: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = over_at(beside)
    found = [approval_watch._look_beside(beside.settings, "triage", "city", at) for at in (end, now())]
    assert found[0] is not None and found[0].over
    seen = iter(found)
    monkeypatch.setattr(approval_watch, "_look_beside", lambda *_: next(seen))
    assert watch_approvals(beside.settings, end).stepped_down == () and scores_beside(beside)


def test_a_challenger_that_the_ledger_does_not_record_is_not_judged(beside: Governed) -> None:
    path = challenger_path(beside.settings.home, "triage", "city")
    lay = path.read_bytes()
    withdraw(beside.settings, "triage", "city", "test")
    path.write_bytes(lay)
    found = watch_approvals(beside.settings, over_at(beside))
    assert not [one for one in found.watched if one.is_challenger] and path.read_bytes() == lay


def test_a_challenger_that_cannot_be_read_is_told_and_keeps_nothing_served_waiting(beside: Governed) -> None:
    challenger = str(beside.entries("challenger")[-1].payload["release"])
    (beside.settings.home / "releases" / challenger).rename(beside.settings.home / "lost")
    found = watch_approvals(beside.settings, now())
    assert [one.is_challenger for one in found.watched] == [False]
    [problem] = found.problems
    assert problem.startswith("The approvals of the challenger of triage at city cannot be judged:")


def test_status_says_what_is_due_of_a_challenger(beside: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "approvals_due" not in status_of(beside.settings, "city").document["releases"][0]["challenger"]
    soon = over_at(beside) - timedelta(days=1)
    monkeypatch.setattr("orchestration.steps.watching.status.now", lambda: soon)
    document = status_of(beside.settings, "city").document
    due = document["releases"][0]["challenger"]["approvals_due"]
    assert due and set(due) < set(document["warnings"])
