"""Where a release stands: the newest figures, the incidents that are open, the day of the next review."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from evaluation.evidence import Evidence
from evaluation.policies import load_policy
from ml.registry.pointer import Pointer
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.sites import UnknownSite
from orchestration.steps.learning.stores import CandidateRecord, save_candidate, save_evidence
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.incidents import open_incident
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching.status import figure_value, newest, next_review, release_status, status_of
from tests.unit.ml.serving.homes import Home
from tests.unit.orchestration.steps.conftest import NOON, digest
from tests.unit.orchestration.steps.governed import LEDGER_DAMAGES, RELEASE_DAMAGES, Governed

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


def served(city: Governed) -> str:
    """The model of the release that is served."""
    return str(city.entries("promotion")[-1].payload["subject"]["model"])  # type: ignore[call-overload, index]


def test_a_release_shows_its_stage_tier_model_and_figures_and_who_ordered_it(city: Governed, evidence: Make) -> None:
    save_evidence(city.settings, replace(evidence(value=0.25), subject_model=served(city)))
    open_incident(city.settings, "one", use_case="triage", site="city", severity="low", what="The feed came late.")
    [row] = release_status(city.settings)
    assert city.pointer is not None and row == {
        "use_case": "triage",
        "site": "city",
        "stage": "assistive",
        "tier": "model",
        "release": city.releases[0],
        "model_version": "3",
        "slo": None,
        "drift": 0.25,
        "open_incidents": 1,
        "next_review": (city.pointer.issued_at + timedelta(days=POLICY.review_every_days)).date(),
        "approvals_due": None,
        "silent": f"{load_use_case('triage').title} at city is silent in units ICU, MED, SUR: the site's file says so.",
        "by": "os.tester (claimed)",
        "error": None,
    }


def test_what_another_model_did_live_is_not_told_of_the_one_that_is_served(city: Governed, evidence: Make) -> None:
    """A challenger's figures of serving are newer than those of the release that it scores beside."""
    for kind, name in (("slo", "slo.share_within_30s"), ("drift", "drift.share")):
        save_evidence(city.settings, replace(evidence(kind, 0.9, NOON, name), subject_model=served(city)))
        save_evidence(city.settings, evidence(kind, 0.1, NOON + timedelta(days=1), name))
    [row] = release_status(city.settings)
    assert (row["slo"], row["drift"]) == (0.9, 0.9)


@pytest.mark.parametrize(("signs", "by"), [(True, "olga (signed)"), (False, "olga (claimed)")])
def test_who_ordered_what_is_in_force_is_told_as_signed_or_claimed(city: Governed, signs: bool, by: str) -> None:
    actor = city.signs("olga") if signs else actor_of("olga", None)
    change_tier(city.settings, "triage", "city", "rule", "x", actor)
    assert release_status(city.settings)[0]["by"] == by


@pytest.mark.parametrize("damage", RELEASE_DAMAGES, ids=lambda damage: damage.__name__)
def test_a_bad_release_shows_its_stage_with_what_is_wrong_beside_the_good_ones(
    city: Governed, damage: Callable[[Governed], object]
) -> None:
    rural = Governed.at(city.settings, "rural")
    rural.release("shadow")
    rows = {row["site"]: row for row in release_status(city.settings)}
    assert rows["city"]["error"] is None
    damage(city)
    rows = {row["site"]: row for row in release_status(city.settings)}
    assert (rows["city"]["stage"], rows["city"]["model_version"], rows["city"]["open_incidents"]) == (
        "assistive",
        None,
        0,
    )
    assert "triage at city" in rows["city"]["error"]
    assert damage.__name__ == "remove_releases" or rows["rural"]["error"] is None


@pytest.mark.parametrize("damage", LEDGER_DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_ledger_is_told_first_and_hides_no_release(
    city: Governed, damage: Callable[[Governed], object]
) -> None:
    damage(city)
    answer = status_of(city.settings)
    [row] = answer.document["releases"]
    assert (row["stage"], row["release"], row["by"], row["open_incidents"]) == (
        "assistive",
        city.releases[0],
        None,
        None,
    )
    assert answer.exit_code == 1 and answer.document["problems"][0].startswith("THE LEDGER IS BROKEN: ")


def test_a_damaged_record_of_a_candidate_is_told_at_its_site(
    city: Governed, record: Callable[..., CandidateRecord]
) -> None:
    for site in ("rural", "district"):
        save_candidate(city.settings, record(site=site))
    (city.settings.home / "candidates" / "triage" / "rural" / "current.json").write_text("{")
    rows = {row["site"]: row["error"] for row in release_status(city.settings)}
    assert rows.keys() == {"city", "district", "rural"} and rows["city"] is rows["district"] is None
    assert rows["rural"] == "triage at rural: JSONDecodeError", "what a message quotes is not shown"


def test_one_site_alone_can_be_asked_for_even_without_a_release(city: Governed) -> None:
    assert [row["site"] for row in status_of(city.settings, "city").document["releases"]] == ["city"]
    rows = status_of(city.settings, "nhamcs").document["releases"]
    assert {row["use_case"] for row in rows} >= {"staffing", "triage"}
    assert {(row["site"], row["stage"], row["error"]) for row in rows} == {("nhamcs", "off", None)}
    with pytest.raises(UnknownSite, match=r"known are .*city"):
        status_of(city.settings, "nowhere")


def test_an_empty_home_says_so_in_a_sentence(settings: Settings) -> None:
    answer = status_of(settings)
    assert answer.document == {"releases": [], "problems": []} and "Nothing is released" in str(answer.text)


def test_a_release_taken_back_is_off_and_has_no_tier(settings: Settings) -> None:
    home = Home.at(settings.home)
    home.point(home.release(stage="assistive"))
    home.point(None)
    [row] = release_status(settings)
    assert (row["stage"], row["tier"], row["release"], row["next_review"]) == ("off", None, None, None)
