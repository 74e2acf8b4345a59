"""The board's coming shifts: what may be shown, a person's own figure, and who may not send one."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from serving_homes import BOARD, KEY, NOW, SITE, Client, Home, line
from sqlalchemy import create_engine, text

from ml.registry.board import BoardLayout
from ml.registry.manifest import Scope
from ml.registry.plan import plan_folder
from ml.registry.stages import Stage, Tier
from ml.serving.config import SiteContext
from tests.unit.ml.serving.issuer import behind_https

API, PAGE = f"/api/v1/board/{SITE}/MED", f"/board/{SITE}/MED"
FORM = {"content-type": "application/x-www-form-urlencoded"}
EVENING = (NOW + timedelta(hours=9)).date()
UNITS = {"ED": "Emergency", "MED": "General Medicine"}


def released(home: Home, stage: Stage = Stage.ASSISTIVE, tier: Tier = Tier.MODEL) -> str:
    release = home.release(BOARD, use_case="staffing")
    home.point(release, stage, tier, use_case="staffing")
    return release


@pytest.fixture
def client(home: Home) -> Iterator[Client]:
    """A board with a plan of this evening: 21 patients, 4.2 nurses needed, 4 rostered."""
    home.plan(released(home), [line("census", 21.0), line("rn", 4.2, planned=4.0, reason="Five admissions booked.")])
    with home.serving(sites={SITE: SiteContext("America/New_York", KEY, "Harbour City", UNITS)}) as serving:
        yield serving


def asked(**changes: Any) -> dict[str, Any]:
    return {
        "use_case": "staffing",
        "date": EVENING.isoformat(),
        "shift": "evening",
        "target": "rn",
        "to": 6,
        "reason": "acuity-differs",
        "nonce": str(uuid4()),
        **changes,
    }


def section(client: Client, path: str = API) -> dict[str, Any]:
    return client.get(path).json()["sections"][0]


def demand(client: Client, target: str = "rn") -> dict[str, Any]:
    (shift,) = section(client)["shifts"]
    return next(one for one in shift["demands"] if one["target"] == target)


def test_the_board_says_what_is_needed_rostered_and_missing(client: Client) -> None:
    nurses = demand(client)
    assert (nurses["median"], nurses["planned"], nurses["missing"]) == (4.2, 4.0, 1.0)  # 4.2 nurses are five people
    assert demand(client, "census")["missing"] is None
    page = client.get(PAGE).text
    for said in (
        "General Medicine",
        "Today, evening",
        "1 registered nurses missing",
        "Five admissions booked.",
        "3.4 to 5 nurses",
    ):
        assert said in page


def test_a_person_adjusts_in_place_and_the_figure_is_kept_beside_the_advice(client: Client) -> None:
    answer = client.post(f"{API}/adjustments", json=asked())
    assert answer.status_code == 200, answer.text
    nurses = demand(client)
    assert (nurses["adjusted"], nurses["adjusted_reason"], nurses["median"]) == (6.0, "acuity-differs", 4.2)
    assert nurses["missing"] == 2.0
    page = client.get(PAGE).text
    assert "set by a person: patients are sicker or better than recorded; advice 4.2" in page


def test_the_form_of_the_page_adjusts_and_shows_the_page_again(client: Client) -> None:
    answer = client.post(f"{PAGE}/adjustments", content=urlencode(asked(to="5.0")), headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert demand(client)["adjusted"] == 5.0


def test_the_same_click_twice_is_one_adjustment_and_the_newest_counts(home: Home, client: Client) -> None:
    twice = asked(to=5)
    first, again = (client.post(f"{API}/adjustments", json=twice).json() for _ in range(2))
    assert first == again
    client.post(f"{API}/adjustments", json=asked(to=7, reason="event-known"))
    assert demand(client)["adjusted"] == 7.0
    with create_engine(home.config().event_store_url).connect() as connection:
        rows = connection.execute(text('select advised, "before", value from serving_adjustment order by id')).all()
    assert [tuple(row) for row in rows] == [(4.2, 4.2, 5.0), (4.2, 5.0, 7.0)]


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"target": "census"}, 404, "unknown-line"),  # not adjustable
        ({"target": "surgeon"}, 404, "unknown-line"),
        ({"shift": "day"}, 404, "unknown-line"),
        ({"date": date(2027, 1, 1).isoformat()}, 404, "unknown-line"),
        ({"reason": "because"}, 422, "unoffered-reason"),
        ({"to": -1}, 422, "invalid-request"),
        ({"to": 501}, 422, "invalid-request"),
        ({"to": "many"}, 422, "invalid-request"),
        ({"nonce": "again"}, 422, "invalid-request"),
        ({"use_case": "triage"}, 409, "no-plan-shown"),
        ({"comment": "Mrs Smith"}, 422, "invalid-request"),
    ],
)
def test_an_adjustment_that_fits_nothing_is_refused_and_changes_nothing(
    client: Client, changes: dict[str, Any], status: int, kind: str
) -> None:
    answer = client.post(f"{API}/adjustments", json=asked(**changes))
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:pilothouse:problem:{kind}")
    assert demand(client)["adjusted"] is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://test"},
    ],
)
def test_a_page_of_another_site_cannot_adjust(client: Client, headers: dict[str, str]) -> None:
    answer = client.post(f"{PAGE}/adjustments", content=urlencode(asked()), headers={**FORM, **headers})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pilothouse:problem:other-origin")
    assert demand(client)["adjusted"] is None


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://test"}, {"sec-fetch-site": "same-origin", "origin": "https://ward.example"}]
)
def test_the_boards_own_page_can_adjust_also_behind_a_proxy(client: Client, headers: dict[str, str]) -> None:
    answer = client.post(f"{PAGE}/adjustments", content=urlencode(asked()), headers={**FORM, **headers})
    assert answer.status_code == 303
    assert demand(client)["adjusted"] == 6.0


@pytest.mark.parametrize("body", [b"a", b"a=1&" * 40, b"\xff\xfe"])
def test_a_form_that_cannot_be_read_is_refused(client: Client, body: bytes) -> None:
    answer = client.post(f"{PAGE}/adjustments", content=body, headers=FORM)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:pilothouse:problem:not-a-form")


def test_where_a_proxy_signs_people_in_nobody_else_adjusts(home: Home) -> None:
    home.plan(released(home), [line("rn", 4.2)])
    with home.serving(people_header="Remote-User") as client:
        assert client.post(f"{API}/adjustments", json=asked()).status_code == 403
        assert client.post(f"{API}/adjustments", json=asked(), headers={"remote-user": "n.quinn"}).status_code == 200
    with create_engine(home.config().event_store_url).connect() as connection:
        (made_by,) = connection.execute(text("select made_by from serving_adjustment")).one()
    assert len(made_by) == 32 and "quinn" not in made_by


@pytest.mark.parametrize("environment", ["validation", "production"])
def test_outside_development_nobody_adjusts_without_signing_in(home: Home, environment: str) -> None:
    home.plan(released(home), [line("rn", 4.2)])
    behind_https(home)
    with home.serving(environment=environment) as client:
        refused = client.post(f"{API}/adjustments", json=asked())
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:pilothouse:problem:not-signed-in")


def test_in_shadow_nobody_is_shown_a_plan_and_nobody_can_adjust_one(home: Home) -> None:
    home.plan(released(home, Stage.SHADOW), [line("rn", 4.2, planned=1)])
    with home.serving() as client:
        shown = section(client)
        assert (shown["plan"], shown["shifts"]) == (None, [])
        assert "4.2" not in client.get(PAGE).text
        assert client.post(f"{API}/adjustments", json=asked()).status_code == 409


@pytest.mark.parametrize("use", ["another-release", "ended", "changed", "none"])
def test_a_plan_that_may_not_be_shown_is_not_and_the_board_says_why(home: Home, use: str) -> None:
    release = released(home)
    if use == "another-release":
        home.plan("c" * 64, [line("rn", 4.2)])
    elif use == "ended":
        home.plan(release, [line("rn", 4.2)])
        home.now = NOW + timedelta(days=2)
    elif use == "changed":
        home.plan(release, [line("rn", 4.2)])
        path = plan_folder(home.path, "staffing", SITE) / "current.json"
        path.write_bytes(path.read_bytes().replace(b'"median":4.2', b'"median":4.3'))
    said = {"another-release": "another release", "ended": "no newer one", "changed": "signature", "none": "published"}
    with home.serving() as client:
        shown = section(client)
        assert shown["plan"] is None and said[use] in shown["problem"].lower()
        assert client.get(PAGE).status_code == 200


def test_a_new_plan_is_shown_without_a_new_release_and_says_what_changed(home: Home) -> None:
    release = released(home)
    home.plan(release, [line("rn", 4.2)])
    with home.serving() as client:
        assert demand(client)["change"] is None
        home.now += timedelta(hours=1)
        home.plan(release, [line("rn", 5.0)])
        assert (demand(client)["median"], demand(client)["change"]) == (5.0, 0.8)
        assert "+0.8 since the last plan" in client.get(PAGE).text


def test_a_lower_tier_says_so_and_a_plan_of_a_tier_above_is_withdrawn(home: Home) -> None:
    release = released(home)
    home.plan(release, [line("rn", 4.2)], tier="rule", tier_reason="Counts are 60 hours old.")
    with home.serving() as client:
        assert "Rule instead of the model" in client.get(PAGE).text and "60 hours old" in client.get(PAGE).text
        home.point(release, tier=Tier.HISTORY, use_case="staffing")
        assert "stepped down" in section(client)["problem"]
        home.point(release, tier=Tier.MANUAL, use_case="staffing")
        assert section(client)["plan"] is None


def test_shifts_that_are_over_or_too_far_away_are_not_shown(home: Home) -> None:
    starts = [NOW - timedelta(hours=8), NOW - timedelta(hours=1), NOW + timedelta(hours=35), NOW + timedelta(hours=36)]
    home.plan(released(home), [line("rn", 4.0, starts=at, shift=f"s{n}") for n, at in enumerate(starts)])
    with home.serving() as client:
        assert [one["shift"] for one in section(client)["shifts"]] == ["s1", "s2"]


def test_a_release_with_a_card_cannot_serve_plans(home: Home) -> None:
    home.point(home.release(use_case="triage"))
    home.point(home.release({**BOARD, "use_case": "staffing"}, use_case="staffing"), use_case="staffing")
    with home.serving(planned=("triage", "staffing")) as client:
        states = {
            one["use_case"]: one for one in client.get("/api/v1/status").json()["releases"] if not one["is_ready"]
        }
        assert set(states) == {"triage"} and "shows no plans" in str(states["triage"]["reason"])


def test_a_unit_that_the_site_does_not_have_is_unknown_and_one_outside_the_scope_has_a_board(home: Home) -> None:
    home.point(home.release(scope={"units": ["ED"], "shifts": []}))
    with home.serving(sites={SITE: SiteContext("America/New_York", KEY, "Harbour City", UNITS)}) as client:
        assert client.get(f"/board/{SITE}/ICU").status_code == 404
        board = client.get(API).json()
        assert board["is_outside"] and board["bands"] is None
        assert "Triage advice" not in client.get(PAGE).text
        assert "Triage advice" in client.get(f"/board/{SITE}/ED").text


def test_a_unit_that_the_sites_file_no_longer_names_is_outside(home: Home) -> None:
    home.point(home.release())
    launch = {"triage": Scope(units=("ED",))}
    context = SiteContext("America/New_York", KEY, "Harbour City", UNITS, launch)
    with home.serving(sites={SITE: context}) as client:
        assert client.get(API).json()["is_outside"]
        assert not client.get(f"/api/v1/board/{SITE}/ED").json()["is_outside"]


def test_a_layout_says_each_target_and_reason_once() -> None:
    twice = {**BOARD, "targets": [BOARD["targets"][0]] * 2}
    with pytest.raises(ValueError, match="target is declared twice"):
        BoardLayout.model_validate(twice)
