"""A charge nurse's own figure, from the board's form through export, contract, lake and mart to the ledger."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import duckdb
from serving_homes import BOARD, NOW, Home, line

from orchestration.settings import Environment, Settings
from orchestration.steps.files import file_sha256, write_json
from orchestration.steps.intake.landing import land_days, pending_drops
from orchestration.steps.record.records import open_records
from orchestration.steps.watching.monitoring import collect_events, record_adjustments
from tests.dbt_builds import run_dbt, told

FORM = {"content-type": "application/x-www-form-urlencoded"}
EVENING = datetime(2026, 3, 2, 21, tzinfo=UTC)


def settings_of(home: Home) -> Settings:
    place = f"sqlite:///{home.path}"
    return Settings(home.path, Environment.DEVELOPMENT, f"{place}/ledger.db", f"{place}/m.db", f"{place}/events.db")


def adjust(home: Home, *figures: float) -> None:
    release = home.release(BOARD, use_case="staffing")
    home.point(release, use_case="staffing")
    home.plan(release, [line("rn", 4.0, starts=EVENING)])
    asked = {"use_case": "staffing", "date": "2026-03-02", "shift": "evening", "target": "rn"}
    with home.serving() as client:
        for figure in figures:
            home.now += timedelta(minutes=1)
            sent = {**asked, "to": figure, "reason": "acuity-differs", "nonce": uuid4()}
            answer = client.post("/board/city/MED/adjustments", content=urlencode(sent), headers=FORM)
            assert answer.status_code == 303, answer.text


def build_mart(home: Path) -> Path:
    """Run dbt for the mart and what it stands on; return the mart as a snapshot's file."""
    built = run_dbt(home, told(home / "lake"), "build", "--select", "+board_adjustment")
    assert built.returncode == 0, built.stdout + built.stderr
    mart = home / "snapshots" / "d" / "board_adjustment.parquet"
    mart.parent.mkdir(parents=True)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        warehouse.execute(f"copy (select * from marts.board_adjustment) to '{mart}' (format parquet)")
    return mart


def test_an_adjustment_is_found_in_the_mart_and_once_on_the_ledger(home: Home) -> None:
    settings = settings_of(home)
    adjust(home, 5.0, 6.0)
    assert collect_events(settings, NOW.date())["city"] == 1
    assert collect_events(settings, NOW.date())["city"] == 0
    (drops,) = pending_drops(settings, "city")
    landed = land_days(settings, "city", drops.days)["board_adjustments"]
    assert (landed.counts["landed"], landed.reasons) == (2, {})

    mart = build_mart(home.path)
    rows = duckdb.sql(f"""
        select unit, shift_code, target, advised, previous, wanted, change, reason_code, role, is_last
        from '{mart}' order by made_at, wanted
    """).fetchall()
    said = ("acuity-differs", "charge_nurse")
    assert rows == [
        ("MED", "evening", "rn", 4.0, 4.0, 5.0, 1.0, *said, False),
        ("MED", "evening", "rn", 4.0, 5.0, 6.0, 2.0, *said, True),
    ]

    entry = {"file": mart.name, "sha256": file_sha256(mart), "rows": 2}
    current = {"digest": "d", "as_of": NOW.isoformat(), "tables": {"board_adjustment": entry}}
    write_json(home.path / "snapshots" / "current.json", current)
    assert [record_adjustments(settings, "staffing", "city") for _ in range(2)] == [2, 0]
    entries = open_records(settings).entries(kinds=("adjustment",), use_case="staffing", site="city")
    assert [(one.payload["before"], one.payload["value"], one.payload["unit"]) for one in entries] == [
        (4.0, 5.0, "MED"),
        (5.0, 6.0, "MED"),
    ]
    assert open_records(settings).verify().ok
