"""What one call comes to: scope, population, stage, tier, threshold."""

import json
from datetime import time
from typing import Any

import pytest
from pydantic import ValidationError
from serving_homes import (
    CARD,
    KEY,
    SERVICE,
    SITE,
    Client,
    Home,
    call,
    observation,
    prefetch,
    quantity,
    searchset,
    tiny_model,
)
from sqlalchemy import select

from ml.features.observed import ONLY_A_BOUND
from ml.registry.card import CardLayout
from ml.registry.manifest import Nowhere, Scope
from ml.registry.stages import Stage, Tier
from ml.serving.advice import NARROWED
from ml.serving.config import SiteContext
from ml.serving.hours import WorkingShift
from ml.serving.rules import high_risk_reasons
from ml.serving.scoring import Scorer
from ml.serving.tables import EVENT, open_database
from ml.training.explain import checked_reason


def events(home: Home) -> list[dict[str, Any]]:
    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(EVENT).order_by(EVENT.c.id)).mappings()]
    engine.dispose()
    return rows


def answer(client: Client, body: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    response = client.post(SERVICE, json=body or call())
    assert response.status_code == 200, response.text
    return response.json()["cards"]


def test_without_a_release_there_is_no_card_and_an_event(home: Home) -> None:
    with home.serving(default_site="city") as client:
        assert answer(client) == []
    [event] = events(home)
    assert (event["status"], event["stage"], event["scores"]) == ("no_release", None, None)
    assert len(event["visit_key"]) == len(event["patient_key"]) == 32


def test_switched_off_is_an_event_of_its_generation(home: Home) -> None:
    home.point(home.release())
    home.point(None)
    with home.serving() as client:
        assert answer(client) == []
    [event] = events(home)
    assert (event["status"], event["stage"], event["generation"]) == ("no_release", "off", 2)


def test_in_shadow_scores_are_recorded_and_no_card_is_shown(home: Home) -> None:
    home.point(home.release(), stage=Stage.SHADOW)
    with home.serving() as client:
        assert answer(client) == []
    [event] = events(home)
    assert (event["status"], event["stage"], event["tier"]) == ("scored", "shadow", "model")
    assert json.loads(event["scores"])["critical_care"] > CARD["display_threshold"]
    assert (event["risk_band"], event["card_uuid"], event["is_displayed"]) == ("high", None, False)
    assert json.loads(event["features"])["oxygen_saturation"] == 50


def test_an_assistive_card_says_risk_reason_accountable_and_when_to_ignore_it(home: Home) -> None:
    digest = home.release()
    home.point(digest)
    with home.serving() as client:
        [card] = answer(client)
    [event] = events(home)
    probability = json.loads(event["scores"])["critical_care"]
    assert card["summary"] == f"Risk of critical care or death: {probability * 100:.0f} % (usual at this site 4 %)"
    assert card["detail"].startswith("Oxygen saturation 50 % (usual at this site 70 %) raises the risk most.")
    for said in (CARD["ignore_when"], CARD["not_for"], "Head of emergency medicine", digest[:12]):
        assert said in card["detail"]
    assert card["indicator"] == "warning"
    assert card["source"] == CARD["source"]
    assert [reason["code"] for reason in card["overrideReasons"]] == ["already-acting", "wrong-data"]
    assert "suggestions" not in card
    assert (event["card_uuid"], event["is_displayed"]) == (card["uuid"], True)


def test_decision_support_suggests_a_step(home: Home) -> None:
    home.point(home.release(), stage=Stage.DECISION_SUPPORT)
    with home.serving() as client:
        [card] = answer(client)
    assert [item["label"] for item in card["suggestions"]] == ["Repeat the vital signs"]
    assert card["selectionBehavior"] == "at-most-one"
    [action] = card["suggestions"][0]["actions"]
    assert (action["type"], action["description"]) == ("create", "Repeat the vital signs; the nurse decides")
    assert action["resource"]["for"] == {"reference": "Patient/p1"}
    assert action["resource"]["encounter"] == {"reference": "Encounter/e1"}


def test_the_store_keeps_a_card_without_the_patient_it_names_and_a_replay_names_the_same(home: Home) -> None:
    home.point(home.release(), stage=Stage.DECISION_SUPPORT)
    body = json.dumps(call()).replace('"p1"', '"q-\\"1"').replace("Patient/p1", 'Patient/q-\\"1').encode()
    with home.serving() as client:
        first, again = (client.post(SERVICE, content=body) for _ in range(2))
    [card] = first.json()["cards"]
    assert card["suggestions"][0]["actions"][0]["resource"]["for"] == {"reference": 'Patient/q-"1'}
    assert again.content == first.content
    payload = events(home)[0]["payload"]
    assert "{{context.patientId}}" in payload
    assert "q-" not in payload and "e1" not in json.dumps(json.loads(payload)["cards"][0]["suggestions"][0]["actions"])


def test_a_card_links_to_the_board_of_its_unit_and_not_where_no_unit_is_known(home: Home) -> None:
    home.point(home.release())
    nowhere = prefetch()
    del nowhere["encounter"]["location"]
    with home.serving(base_url="https://cds.example.org/") as client:
        [card] = answer(client)
        [other] = answer(client, call(nowhere))
    assert card["links"] == [
        {"label": "Huddle board", "url": "https://cds.example.org/board/city/ED", "type": "absolute"}
    ]
    assert "links" not in other
    assert card["source"]["topic"]["code"] == "deterioration"


@pytest.mark.parametrize(
    "url", ["{base_url}/{patient}", "http://plain.example", "javascript:alert(1)", "{base_url}/{site!r}"]
)
def test_a_link_that_leads_elsewhere_is_no_part_of_a_layout(url: str) -> None:
    with pytest.raises(ValidationError, match=r"links\.0\.url"):
        CardLayout.model_validate({**CARD, "links": [{"label": "x", "url": url}]})


def test_a_card_is_shown_at_its_threshold_and_not_below(home: Home) -> None:
    home.point(home.release(), stage=Stage.SHADOW)
    with home.serving() as client:
        answer(client)
    probability = json.loads(events(home)[0]["scores"])["critical_care"]
    bands = [{"name": "low", "below": 0.001}, {"name": "high"}]
    for threshold, shown in ((probability, 1), (probability * 1.000001, 0)):
        card = {**CARD, "display_threshold": threshold, "warning_threshold": 0.999, "bands": bands}
        home.point(home.release(card=card))
        with home.serving() as client:
            assert len(answer(client)) == shown


def test_indicator_warns_only_from_its_threshold_on(home: Home) -> None:
    home.point(home.release(card={**CARD, "warning_threshold": 0.9999}))
    with home.serving() as client:
        [card] = answer(client)
    assert card["indicator"] == "info"


def test_out_of_population_there_is_no_score_and_the_reason(home: Home) -> None:
    home.point(home.release())
    sent = prefetch()
    sent["patient"] = {**sent["patient"], "birthDate": "2015-01-01"}
    with home.serving() as client:
        assert answer(client, call(sent)) == []
    [event] = events(home)
    assert (event["status"], event["reason"], event["scores"]) == ("out_of_population", "under 18", None)


UNKNOWN, FUTURE, LONG_AGO = (
    f"arrival time {what}" for what in ("not known", "lies in the future", "lies too long ago")
)


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.ASSISTIVE])
@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (None, UNKNOWN),
        ("yesterday", UNKNOWN),
        ("2026-03-02T11:20:00", UNKNOWN),
        ("0001-01-01T00:00:00Z", LONG_AGO),
        ("0001-01-01T00:00:00+14:00", LONG_AGO),
        ("2024-03-02T11:20:00Z", LONG_AGO),
        ("9999-12-31T23:59:59-14:00", FUTURE),
        ("2027-03-02T11:20:00Z", FUTURE),
    ],
)
def test_a_visit_without_a_known_arrival_gets_no_score_and_an_event_that_says_so(
    home: Home, stage: Stage, start: str | None, reason: str
) -> None:
    home.point(home.release(), stage=stage)
    sent = prefetch()
    sent["encounter"] = {**sent["encounter"], "period": {"start": start}}
    with home.serving() as client:
        assert answer(client, call(sent)) == []
    [event] = events(home)
    assert (event["status"], event["reason"], event["scores"]) == ("out_of_population", reason, None)
    assert (event["unit"], event["risk_band"], event["is_displayed"]) == ("ED", None, False)
    assert set(json.loads(event["features"]).values()) == {None}


def test_an_arrival_that_is_not_known_is_outside_a_limit_to_shifts(home: Home) -> None:
    home.point(home.release(scope={"units": [], "shifts": ["night"]}))
    sent = prefetch()
    sent["encounter"] = {**sent["encounter"], "period": None}
    with home.serving() as client:
        assert answer(client, call(sent)) == []
    assert (events(home)[0]["status"], events(home)[0]["reason"]) == ("out_of_scope", UNKNOWN)


def test_a_patient_who_is_recorded_as_deceased_gets_no_score(home: Home) -> None:
    home.point(home.release())
    sent = prefetch()
    sent["patient"] = {**sent["patient"], "deceasedBoolean": True}
    with home.serving() as client:
        assert answer(client, call(sent)) == []
    assert (events(home)[0]["status"], events(home)[0]["reason"]) == ("out_of_population", "recorded as deceased")


@pytest.mark.parametrize(
    ("scope", "status", "reason"),
    [
        ({"units": ["ED"], "shifts": ["day"]}, "out_of_scope", "the shift is not in the release's scope"),
        ({"units": ["ED"], "shifts": ["night"]}, "scored", None),
        ({"units": ["ICU"], "shifts": []}, "out_of_scope", "the unit is not in the release's scope"),
    ],
)
def test_outside_its_scope_a_release_is_silent(home: Home, scope: Any, status: str, reason: str | None) -> None:
    """The visit arrives at 06:20 in New York: the night shift, until 07:00."""
    home.point(home.release(scope=scope))
    with home.serving() as client:
        answer(client)
    [event] = events(home)
    assert (event["status"], event["reason"]) == (status, reason)


TWELVES = (WorkingShift("day", time(6, 20), time(18, 20)), WorkingShift("night", time(18, 20), time(6, 20)))


@pytest.mark.parametrize(
    ("shifts", "scope", "reason"),
    [
        (TWELVES, "day", None),
        (TWELVES, "night", "the shift is not in the release's scope"),
        (TWELVES[1:], "night", "the arrival is in no shift that the site's file names"),
        ((), "night", "the arrival is in no shift that the site's file names"),
    ],
    ids=["its own day", "its own night", "between its shifts", "none named"],
)
def test_a_limit_to_shifts_goes_by_the_sites_own_hours(
    home: Home, shifts: tuple[WorkingShift, ...], scope: str, reason: str | None
) -> None:
    """The visit arrives at 06:20 in New York, when the day of this site begins."""
    home.point(home.release(scope={"units": [], "shifts": [scope]}))
    with home.serving(sites={SITE: SiteContext("America/New_York", KEY, shifts=shifts)}) as client:
        answer(client)
    [event] = events(home)
    assert (event["status"], event["reason"]) == ("out_of_scope" if reason else "scored", reason)


@pytest.mark.parametrize(
    ("released", "launch", "status", "reason"),
    [
        ([], ["ED"], "scored", None),
        (["ED", "ICU"], ["ICU"], "out_of_scope", NARROWED),
        (["ICU"], ["ED", "ICU"], "out_of_scope", "the unit is not in the release's scope"),
    ],
)
def test_the_sites_file_narrows_what_is_served_and_never_widens_it(
    home: Home, released: list[str], launch: list[str], status: str, reason: str | None
) -> None:
    home.point(home.release(scope={"units": released, "shifts": []}))
    context = SiteContext("America/New_York", KEY, launch={"triage": Scope(units=tuple(launch))})
    with home.serving(sites={SITE: context}) as client:
        answer(client)
    [event] = events(home)
    assert (event["status"], event["reason"]) == (status, reason)


@pytest.mark.parametrize("released", [[], ["ED"]])
def test_a_sites_file_that_says_nowhere_silences_the_only_unit_and_is_told_where_the_service_is_watched(
    home: Home, released: list[str]
) -> None:
    home.point(home.release(scope={"units": released, "shifts": []}))
    context = SiteContext("America/New_York", KEY, launch={"triage": Nowhere("the site's file says none")})
    with home.serving(sites={SITE: context}) as client:
        assert answer(client) == []
        silent = client.get("/readyz").json()["silent"]
        assert client.get(f"/board/{SITE}/ED").status_code in (200, 404)
    assert silent == [{"use_case": "triage", "site": SITE, "reason": "the site's file says none"}]
    [event] = events(home)
    assert (event["status"], event["reason"], event["is_displayed"]) == (
        "out_of_scope",
        "the site's file says none",
        False,
    )


def test_a_place_that_is_not_known_is_outside_a_limit(home: Home) -> None:
    home.point(home.release(scope={"units": ["ED"], "shifts": []}))
    sent = prefetch()
    sent["encounter"] = {**sent["encounter"], "location": []}
    with home.serving() as client:
        assert answer(client, call(sent)) == []
    assert events(home)[0]["reason"] == "the unit of the visit is not known"


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"triage_level": 2}, 1),
        ({"triage_level": 3}, 0),
        ({"heart_rate": 100.0}, 0),
        ({"heart_rate": 100.1}, 1),
        ({"respiratory_rate": 20.0}, 0),
        ({"respiratory_rate": 20.1}, 1),
        ({"heart_rate": 500.0}, 1),
        ({"heart_rate": 500.1}, 0),
        ({"respiratory_rate": 18.0 * 60}, 0),
        ({"oxygen_saturation": -0.1}, 0),
        ({"oxygen_saturation": 92.0}, 0),
        ({"oxygen_saturation": 91.9}, 1),
        ({"triage_level": 1, "heart_rate": 140.0, "respiratory_rate": 30.0, "oxygen_saturation": 80.0}, 4),
        ({"triage_level": None, "heart_rate": None}, 0),
        ({}, 0),
    ],
)
def test_the_rule_at_its_boundaries(values: dict[str, Any], count: int) -> None:
    assert len(high_risk_reasons(values)) == count


def test_in_the_tier_rule_the_card_is_the_rule_s_and_carries_no_probability(home: Home) -> None:
    home.point(home.release(), tier=Tier.RULE)
    with home.serving() as client:
        [card] = answer(client)
        assert answer(client, call(prefetch(saturation=98))) == []
    first, second = events(home)
    assert card["summary"] == (
        "High acuity by rule: oxygen saturation 50 % (under 92), "
        "NEWS2 at least 4, 3 for oxygen saturation (low-medium risk)"
    )
    assert "The model is not in use" in card["detail"]
    assert (first["status"], first["tier"], first["scores"], first["is_displayed"]) == ("fallback", "rule", None, True)
    assert "The model does not answer: a person has switched it off for now." in card["detail"]
    assert (second["status"], second["reason"]) == ("fallback", "not at high risk by the rule")


def test_the_rule_shows_nothing_in_shadow(home: Home) -> None:
    home.point(home.release(), stage=Stage.SHADOW, tier=Tier.RULE)
    with home.serving() as client:
        assert answer(client) == []


def test_history_and_manual_show_no_card(home: Home) -> None:
    digest = home.release()
    for tier in (Tier.HISTORY, Tier.MANUAL):
        home.point(digest, tier=tier)
        with home.serving() as client:
            assert answer(client) == []
    history, manual = events(home)
    assert (history["status"], json.loads(history["scores"])["critical_care"]) == ("fallback", 0.04)
    assert (manual["status"], manual["tier"], manual["scores"]) == ("manual", "manual", None)


def test_readings_that_could_not_be_used_are_named_without_their_values(home: Home) -> None:
    home.point(home.release())
    sent = prefetch(vitals=searchset(observation("8867-4", quantity(91, "bpm"))))
    with home.serving() as client:
        answer(client, call(sent))
    [event] = events(home)
    assert event["status"] == "scored"
    assert event["reason"] == "not used: heart_rate: its unit is missing or cannot be converted"


@pytest.mark.parametrize("tier", [Tier.MODEL, Tier.RULE])
def test_a_card_says_which_reading_was_sent_as_a_bound_and_the_event_too(home: Home, tier: Tier) -> None:
    """A saturation of under 70 % is a finding: nobody scores 70 for it, and nobody is left to think that none came."""
    home.point(home.release(), tier=tier)
    bound = observation("59408-5", {"valueQuantity": {**quantity(70, "%")["valueQuantity"], "comparator": "<"}})
    sent = prefetch(vitals=searchset(bound, observation("9279-1", quantity(30, "/min"))))
    with home.serving() as client:
        [card] = answer(client, call(sent))
    [event] = events(home)
    assert json.loads(event["features"])["oxygen_saturation"] is None
    said = "**Not scored,** because sent as a bound (under or over a number) and not as a reading: oxygen saturation."
    assert said in card["detail"]
    assert "70" not in card["summary"]
    assert event["reason"].endswith(f"not used: oxygen_saturation: {ONLY_A_BOUND}")


SATURATION_UNDER_70 = observation(
    "59408-5", {"valueQuantity": {**quantity(70, "%")["valueQuantity"], "comparator": "<"}}
)


@pytest.mark.parametrize("tier", [Tier.MODEL, Tier.RULE])
def test_where_a_bound_is_the_only_sign_a_card_says_that_it_was_not_scored(
    home: Home, tier: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule has no reason and the model is under its threshold: silence would read as "nothing found"."""
    home.point(home.release(), stage=Stage.DECISION_SUPPORT, tier=tier)
    monkeypatch.setattr(Scorer, "score", lambda *_: {"critical_care": CARD["display_threshold"] / 2})
    sent = prefetch(vitals=searchset(SATURATION_UNDER_70))
    with home.serving() as client:
        [card] = answer(client, call(sent))
    [event] = events(home)
    assert (card["summary"], card["indicator"]) == ("Not scored, sent as a bound: oxygen saturation", "info")
    said = "**Not scored,** because sent as a bound (under or over a number) and not as a reading: oxygen saturation."
    assert card["detail"].startswith(said)
    assert "suggestions" not in card
    assert not any(text in card["summary"] + card["detail"] for text in ("70", " %", "Rule:", "NEWS2"))
    assert (event["tier"], event["is_displayed"], event["card_uuid"]) == (tier, True, card["uuid"])
    assert event["reason"].endswith(f"not used: oxygen_saturation: {ONLY_A_BOUND}")


@pytest.mark.parametrize("tier", [Tier.MODEL, Tier.RULE])
def test_a_bound_shows_no_card_in_shadow(home: Home, tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release(), stage=Stage.SHADOW, tier=tier)
    monkeypatch.setattr(Scorer, "score", lambda *_: {"critical_care": CARD["display_threshold"] / 2})
    with home.serving() as client:
        assert answer(client, call(prefetch(vitals=searchset(SATURATION_UNDER_70)))) == []


def test_the_guideline_s_card_says_too_which_sign_came_as_a_bound(home: Home) -> None:
    home.point(home.ladder_release(), tier=Tier.REFERENCE)
    with home.serving() as client:
        [card] = answer(client, call(prefetch(vitals=searchset(SATURATION_UNDER_70))))
    assert card["summary"] == "No score now: NEWS2 guideline"
    assert "**Not scored,** because sent as a bound" in card["detail"]


def test_a_visit_s_scores_are_the_model_s_own(home: Home) -> None:
    home.point(home.release())
    with home.serving() as client:
        answer(client)
    [event] = events(home)
    expected = tiny_model().predict_row(json.loads(event["features"]))
    assert json.loads(event["scores"]) == pytest.approx({name: score.probability for name, score in expected.items()})


def test_the_reason_is_that_of_the_whole_model_where_it_holds_and_scores_the_card_s_outcome_alone() -> None:
    scorer = Scorer(tiny_model(), "critical_care")
    values = {**dict.fromkeys(tiny_model().feature_names), "oxygen_saturation": 50.0}
    scores = scorer.score(values)
    sentence = scorer.reason(values, scores["critical_care"])
    assert sentence == checked_reason(tiny_model(), "critical_care", values).sentence
    assert set(scorer.of_card.outcomes) == {"critical_care"} < set(scores)
    assert scorer.reason(values, 0.0) != sentence  # no finding can lower a risk that is nothing


@pytest.mark.parametrize("probability", [1.5, -0.1, float("nan")])
def test_what_is_no_probability_is_never_shown(home: Home, probability: float, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release())
    with home.serving() as client:
        answer(client)
        monkeypatch.setattr(Scorer, "score", lambda *_: {"critical_care": probability})
        [card] = answer(client)
    assert card["summary"].startswith("High acuity by rule")
    assert events(home)[-1]["reason"].startswith("scoring failed: ValueError")


@pytest.mark.parametrize(
    ("probability", "words"), [(0.0099, "under 1 %"), (0.01, "1 %"), (0.99, "99 %"), (0.991, "over 99 %")]
)
def test_no_card_claims_certainty(probability: float, words: str) -> None:
    from ml.serving.cards import percent

    assert percent(probability) == words


def test_a_long_summary_is_cut_to_the_standard_s_length(home: Home) -> None:
    home.point(home.release(card={**CARD, "outcome_label": "x" * 500}))
    with home.serving() as client:
        [card] = answer(client)
    assert len(card["summary"]) == 139
    assert card["summary"].endswith("…")


def test_a_reason_that_cannot_be_given_is_a_failure_of_the_model(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release())
    with home.serving() as client:
        answer(client)
        monkeypatch.setattr(Scorer, "reason", lambda *_: {}["none"])
        [card] = answer(client)
    assert card["summary"].startswith("High acuity by rule")
