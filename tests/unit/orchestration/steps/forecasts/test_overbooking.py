"""`overbook`: numbered appointments get the released model's risk, and without a firm model nobody is booked twice."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evaluation.policies import load_policy
from ml.features.pseudonym import pseudonym
from ml.overbooking import OverbookingError
from ml.registry.stages import Stage, Tier
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.forecasts.overbooking import SiteNotNamed, overbook_file
from orchestration.steps.intake.keys import site_key
from orchestration.steps.releases.card import card_layout
from tests.unit.ml.overbooking.sessions import STARTS
from tests.unit.ml.serving.homes import Home
from tests.unit.ml.training.clinic import candidate, mart, write_snapshot

SLOTS = 12


@pytest.fixture
def clinic(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """City with the mart of a clinic, whose appointments are numbered n0, n1 and so on, and a release of its model."""
    key, table = site_key(settings, load_site("city")), mart()
    keys = [pseudonym(key, "appointment", f"n{number}") for number in range(table.num_rows)]
    place = table.column_names.index("appointment_key")
    write_snapshot(settings.snapshots, table.set_column(place, "appointment_key", [keys]))
    home = Home.at(settings.home)
    layout = card_layout(load_use_case("appointments"), load_policy("appointments"))
    home.release(
        layout, candidate(tmp_path_factory.getbasetemp() / "clinic-to-overbook").model, use_case="appointments"
    )
    return home


def point(home: Home, **more: Any) -> None:
    home.point(home.released[-1], use_case="appointments", **more)


def numbers(status: str, count: int = SLOTS) -> list[str]:
    states = mart()["status"].to_pylist()
    return [f"n{number}" for number, state in enumerate(states) if state == status][:count]


def sessions(folder: Path, booked: list[dict[str, Any]]) -> Path:
    """A file of one session with a slot per booking."""
    slots = [
        {"starts_at": (STARTS + timedelta(minutes=20 * n)).isoformat(), "minutes": 20, "booked": [one]}
        for n, one in enumerate(booked)
    ]
    one = {
        "name": "morning", "clinic": "GIM", "room": "R1", "clinician": "C1", "starts_at": STARTS.isoformat(),
        "ends_at": (STARTS + timedelta(minutes=20 * len(slots))).isoformat(), "slots": slots,
    }  # fmt: skip
    rooms = [{"name": "R1", "most_at_once": 2}]
    clinicians = [{"name": "C1", "most_booked": 20, "most_overtime_minutes": 60}]
    document = {"schema": "pilothouse.sessions/1", "rooms": rooms, "clinicians": clinicians, "sessions": [one]}
    path = folder / "sessions.json"
    path.write_text(json.dumps(document))
    return path


def numbered(folder: Path, names: list[str]) -> Path:
    return sessions(folder, [{"appointment": name} for name in names])


def test_booked_appointments_get_the_released_models_risk(settings: Settings, clinic: Home, tmp_path: Path):
    point(clinic)
    answer = overbook_file(settings, numbered(tmp_path, numbers("booked")), "city")
    [one] = answer.document["sessions"]
    assert one["why_none"] is None and 1 <= one["extra"] <= 3
    assert one["basis"]["release"] == clinic.released[-1] and one["basis"]["decided"] > 500
    assert one["advised"]["idle_minutes"]["expected"] < one["without"]["idle_minutes"]["expected"]
    assert str(answer.text).startswith(f"{one['extra']} extra bookings in 1 sessions\nmorning: 12 booked in 12 slots")
    assert "(without" in str(answer.text) and "Never a reason to deny" in str(answer.text)
    assert answer.document == overbook_file(settings, tmp_path / "sessions.json", "city").document


def test_what_was_given_back_is_a_free_slot_and_that_is_booked_first(settings: Settings, clinic: Home, tmp_path: Path):
    point(clinic)
    names = [*numbers("booked", SLOTS - 1), *numbers("cancelled", 1)]
    [one] = overbook_file(settings, numbered(tmp_path, names), "city").document["sessions"]
    assert (one["booked"], one["extra"], one["why_none"]) == (11, 0, "1 of 12 slots are free; book those first")


def test_an_appointment_that_no_feed_told_of_has_no_risk(settings: Settings, clinic: Home, tmp_path: Path):
    point(clinic)
    names = [*numbers("booked", SLOTS - 1), "nobody-knows-it"]
    [one] = overbook_file(settings, numbered(tmp_path, names), "city").document["sessions"]
    assert (one["extra"], one["why_none"]) == (0, "1 of 12 booked have no known risk")


@pytest.mark.parametrize(
    ("pointed", "why"),
    [
        (None, "no release of appointments is served at city"),
        ({"stage": Stage.SHADOW}, "the model is being observed"),
        ({"tier": Tier.RULE}, "tier rule answers"),
        ({"tier": Tier.HISTORY}, "tier history answers"),
        ({"tier": Tier.MANUAL}, "tier manual answers"),
    ],
)
def test_a_model_that_is_off_or_stepped_down_books_nobody_twice(
    settings: Settings, clinic: Home, tmp_path: Path, pointed: dict[str, Any] | None, why: str
):
    if pointed is not None:
        point(clinic, **pointed)
    [one] = overbook_file(settings, numbered(tmp_path, numbers("booked")), "city").document["sessions"]
    assert one["extra"] == 0 and why in one["why_none"]


def test_risks_of_the_file_itself_need_no_site_and_say_who_answers_for_them(settings: Settings, tmp_path: Path):
    answer = overbook_file(settings, sessions(tmp_path, [{"risk": 0.4}] * SLOTS), None)
    [one] = answer.document["sessions"]
    assert one["extra"] > 0 and "whoever gave them answers" in one["basis"]["said"]


def test_numbers_without_a_site_and_a_file_that_does_not_fit_are_refused(settings: Settings, tmp_path: Path):
    with pytest.raises(SiteNotNamed, match="--site SITE"):
        overbook_file(settings, numbered(tmp_path, ["n1"]), None)
    (tmp_path / "odd.json").write_text('{"schema": "pilothouse.sessions/1"}')
    with pytest.raises(OverbookingError, match=r"odd\.json: rooms"):
        overbook_file(settings, tmp_path / "odd.json", None)


def test_the_command_prints_one_json_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from orchestration.cli import main

    monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path / "home"))
    path = sessions(tmp_path, [{"risk": 0.4}] * SLOTS)
    ran = CliRunner().invoke(main, ["overbook", str(path), "--json"])
    assert ran.exit_code == 0 and json.loads(ran.output)["schema"] == "pilothouse.overbooking/1"
    path.write_text(path.read_text().replace('"minutes": 20', '"minutes": -20', 1))
    ran = CliRunner().invoke(main, ["overbook", str(path), "--json"])
    assert ran.exit_code == 1 and "It is -20" in json.loads(ran.output)["error"]
