"""What clinicians are told after a step down: on the next card and the board, as long as the plan says, and no more."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from serving_homes import SERVICE, SITE, TRIAGE, Client, Clocks, Home, call

from ml.registry.glass import Glass
from ml.registry.notice import Notice
from ml.registry.pointer import Pointer, publish_lower, publish_pointer, read_pointer
from ml.registry.stages import Stage, Tier
from ml.serving import releases
from ml.serving.notices import told

WORDS = Notice(
    summary="Advice is paused.", withdrawn="No advice any more.", lowered="A rule answers.", shown_minutes=60
)
WALL = datetime.now(UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "CHECK_FOLDER_EVERY_SECONDS", 0.0)


def pointed(home: Home, stage: Stage = Stage.ASSISTIVE) -> Pointer:
    return publish_pointer(
        home.path, use_case=TRIAGE, site=SITE, release=home.release(), stage=stage, tier=Tier.MODEL, reason="test",
        issued_at=WALL, signer=home.signer, notice=WORDS,
    )  # fmt: skip


def lowered(
    home: Home, stage: Stage, tier: Tier | None = None, at: datetime = WALL, words: Notice | None = None
) -> None:
    publish_lower(
        home.path, use_case=TRIAGE, site=SITE, stage=stage, tier=tier, reason="test", issued_at=at, signer=home.signer,
        notice=words,
    )  # fmt: skip


def under_glass(home: Home, clocks: Clocks, stage: Stage) -> None:
    """A release past the gate, from the clocks' present for an hour."""
    at = clocks.steady().now()
    publish_pointer(
        home.path, use_case=TRIAGE, site=SITE, release=home.release(approvals=[]), stage=stage, tier=Tier.MODEL,
        reason="test", issued_at=at, signer=home.signer, notice=WORDS,
        glass=Glass(person="kim", reason="a surge", until=at + 60 * MINUTE),
    )  # fmt: skip


def card(client: Client) -> dict[str, str] | None:
    answer = client.post(SERVICE, json=call())
    assert answer.status_code == 200, answer.text
    return next(iter(answer.json()["cards"]), None)


def test_a_release_as_it_was_promoted_tells_nothing(home: Home) -> None:
    pointed(home)
    with home.serving() as client:
        shown = card(client)
        assert shown is not None and "paused" not in json.dumps(shown) and WORDS.lowered not in shown["detail"]
        assert client.get(f"/api/v1/board/{SITE}/ED").json()["notice"] is None


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.OFF])
def test_where_advice_went_away_the_next_card_says_so_and_the_board_too(home: Home, stage: Stage) -> None:
    pointed(home)
    with home.serving() as client:
        lowered(home, stage)
        shown = card(client)
        assert shown is not None
        assert (shown["summary"], shown["detail"], shown["indicator"]) == (WORDS.summary, WORDS.withdrawn, "info")
        assert "overrideReasons" not in shown and "%" not in json.dumps(shown)
        assert client.get(f"/api/v1/board/{SITE}/ED").json()["notice"] == WORDS.withdrawn
        assert WORDS.withdrawn in client.get(f"/board/{SITE}/ED").text


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.OFF])
@pytest.mark.parametrize(("ago", "is_told"), [(timedelta(minutes=59), True), (timedelta(minutes=61), False)])
def test_it_is_told_as_long_as_the_plan_says(home: Home, stage: Stage, ago: timedelta, is_told: bool) -> None:
    pointed(home)
    lowered(home, stage, at=datetime.now(UTC) - ago)
    with home.serving() as client:
        assert (card(client) is not None) is is_told


def test_when_a_glass_is_over_it_is_told_though_nobody_moves_the_pointer(home: Home) -> None:
    clocks = Clocks()
    under_glass(home, clocks, Stage.ASSISTIVE)
    with home.serving(steady_clock=clocks.steady()) as client:
        shown = []
        for minutes in (59, 1, 59, 1):
            clocks.wall += 60 * minutes
            clocks.passed += 60 * minutes
            shown.append((card(client) or {}).get("summary"))
            told_on_board = client.get(f"/api/v1/board/{SITE}/ED").json()["notice"]
            assert (told_on_board == WORDS.withdrawn) is (shown[-1] == WORDS.summary)
    assert shown[0] is not None and shown[0].startswith("Risk of")
    assert shown[1:] == [WORDS.summary, WORDS.summary, None]


def test_a_glass_in_shadow_is_over_without_a_word(home: Home) -> None:
    clocks = Clocks()
    under_glass(home, clocks, Stage.SHADOW)
    clocks.wall, clocks.passed = clocks.wall + 3600, clocks.passed + 3600
    with home.serving(steady_clock=clocks.steady()) as client:
        assert card(client) is None


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_jumps_neither_ends_a_glass_nor_makes_it_last(home: Home, jump: float) -> None:
    clocks = Clocks()
    under_glass(home, clocks, Stage.ASSISTIVE)

    def stage() -> str:
        return str(client.get("/api/v1/status").json()["releases"][0]["stage"])

    with home.serving(steady_clock=clocks.steady()) as client:
        clocks.wall += jump
        assert stage() == "assistive"
        clocks.passed += 3599
        assert stage() == "assistive"
        clocks.passed += 1
        assert stage() == "off"


def test_what_nobody_ever_saw_goes_away_without_a_word(home: Home) -> None:
    pointed(home, Stage.SHADOW)
    lowered(home, Stage.OFF)
    with home.serving() as client:
        assert card(client) is None


def test_off_after_shadow_is_told_no_longer_than_the_step_out_of_sight(home: Home) -> None:
    pointed(home)
    lowered(home, Stage.SHADOW, at=WALL - 59 * MINUTE)
    lowered(home, Stage.OFF, at=WALL)
    found = read_pointer(home.path, TRIAGE, SITE, home.signer.public)
    assert found is not None and found.notice is not None and found.notice.until == WALL + MINUTE


def test_a_rules_card_says_that_the_model_is_paused_as_long_as_it_is(home: Home) -> None:
    pointed(home)
    lowered(home, Stage.ASSISTIVE, Tier.RULE, at=datetime.now(UTC) - timedelta(days=9))
    with home.serving() as client:
        shown = card(client)
        assert shown is not None and shown["detail"].startswith(f"**{WORDS.lowered}**") and shown["overrideReasons"]
        assert client.get(f"/api/v1/board/{SITE}/ED").json()["notice"] == WORDS.lowered


def test_newer_words_of_the_plan_take_the_place_of_those_released_with(home: Home) -> None:
    pointed(home)
    lowered(home, Stage.OFF, words=WORDS.model_copy(update={"withdrawn": "Said anew."}))
    with home.serving() as client:
        shown = card(client)
        assert shown is not None and shown["detail"] == "Said anew."


def test_a_pointer_from_before_there_were_notices_reads_as_it_was_signed(home: Home) -> None:
    pointer = home.point(home.release())
    assert "notice" not in pointer.to_json() and "notice" not in json.loads(home.pointer_file.read_text())
    assert told(pointer, Tier.RULE, WALL) is None


@pytest.mark.parametrize(
    ("stage", "ordered", "answering", "is_recent", "says"),
    [
        (Stage.ASSISTIVE, Tier.MODEL, Tier.MODEL, True, None),
        (Stage.ASSISTIVE, Tier.MODEL, Tier.RULE, False, WORDS.lowered),
        (Stage.ASSISTIVE, Tier.RULE, Tier.RULE, False, WORDS.lowered),
        (Stage.ASSISTIVE, Tier.MODEL, Tier.MANUAL, False, WORDS.withdrawn),
        (Stage.ASSISTIVE, Tier.MANUAL, Tier.MANUAL, True, WORDS.withdrawn),
        (Stage.ASSISTIVE, Tier.MANUAL, Tier.MANUAL, False, None),
        (Stage.SHADOW, Tier.MODEL, Tier.MODEL, True, WORDS.withdrawn),
        (Stage.SHADOW, Tier.RULE, Tier.RULE, False, None),
    ],
)
def test_what_is_told_in_which_state(
    home: Home, stage: Stage, ordered: Tier, answering: Tier, is_recent: bool, says: str | None
) -> None:
    notice = WORDS.begun(WALL) if is_recent else WORDS
    pointer = home.point(home.release(), stage=stage, tier=ordered).model_copy(update={"notice": notice})
    said = told(pointer, answering, WALL)
    assert (said and said.text) == says
