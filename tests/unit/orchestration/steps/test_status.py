"""Where a release stands: the newest figures, the incidents that are open, the day of the next review."""

from collections.abc import Callable
from datetime import timedelta

from evaluation.evidence import Evidence
from evaluation.policies import load_policy
from ml.registry.pointer import Pointer
from orchestration.settings import Settings
from orchestration.steps.incidents import open_incident
from orchestration.steps.status import figure_value, newest, next_review, release_status
from orchestration.steps.stores import CandidateRecord, save_candidate, save_evidence
from tests.unit.ml.serving.homes import Home

from .conftest import NOON, digest

Make = Callable[..., Evidence]
POLICY = load_policy("triage")


def pointer(release: str | None) -> Pointer:
    return Pointer.model_validate(
        {
            "schema": "pilothouse.pointer/1",
            "use_case": "triage",
            "site": "city",
            "generation": 1,
            "release": release,
            "stage": "shadow" if release else "off",
            "tier": "model",
            "issued_at": NOON,
            "reason": "test",
            "last_release_at": None,
        }
    )


def test_the_newest_piece_of_a_kind_counts_in_whatever_order_they_lie(evidence: Make) -> None:
    old, new = evidence(value=0.1), evidence(value=0.4, at=NOON + timedelta(seconds=1))
    other = evidence("slo", 0.9, NOON + timedelta(days=1), "slo.share_within_30s")
    assert newest([new, old, other], "drift") is new is newest([other, old, new], "drift")
    assert figure_value([new, old, other], "drift", "drift.share") == 0.4


def test_what_is_not_evidenced_is_none_and_never_zero(evidence: Make) -> None:
    assert newest([], "drift") is None
    assert figure_value([], "drift", "drift.share") is None
    assert figure_value([evidence()], "drift", "another.figure") is None
    assert figure_value([evidence(value=None)], "drift", "drift.share") is None
    old, unknown = evidence(value=0.1), evidence(value=None, at=NOON + timedelta(seconds=1))
    assert figure_value([old, unknown], "drift", "drift.share") is None


def test_the_next_review_is_the_policys_days_after_the_release() -> None:
    due = NOON + timedelta(days=POLICY.review_every_days)
    assert next_review(pointer(digest("release")), POLICY) == due.date()
    assert next_review(pointer(None), POLICY) is None
    assert next_review(None, POLICY) is None


def test_an_empty_home_has_no_status_and_a_candidate_alone_is_off(
    settings: Settings, record: Callable[..., CandidateRecord]
) -> None:
    assert release_status(settings) == []
    save_candidate(settings, record())
    [row] = release_status(settings)
    assert (row["site"], row["stage"], row["tier"], row["release"], row["drift"]) == ("city", "off", None, None, None)


def test_a_release_shows_its_stage_tier_model_and_figures(settings: Settings, evidence: Make) -> None:
    home = Home.at(settings.home)
    release = home.release(stage="assistive")
    home.point(release)
    save_evidence(settings, evidence(value=0.25))
    open_incident(settings, "one", use_case="triage", site="city", severity="low", what="The feed came late.")
    [row] = release_status(settings)
    assert row == {
        "use_case": "triage",
        "site": "city",
        "stage": "assistive",
        "tier": "model",
        "release": release,
        "model_version": "3",
        "slo": None,
        "drift": 0.25,
        "open_incidents": 1,
        "next_review": (home.now + timedelta(days=POLICY.review_every_days)).date(),
    }


def test_a_release_taken_back_is_off_and_has_no_tier(settings: Settings) -> None:
    home = Home.at(settings.home)
    home.point(home.release(stage="assistive"))
    home.point(None)
    [row] = release_status(settings)
    assert (row["stage"], row["tier"], row["release"], row["next_review"]) == ("off", None, None, None)
