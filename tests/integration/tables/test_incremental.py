"""Incremental tables are those of a full rebuild, row for row, however the days came and whatever killed the build.

The site is a safe_harbor one, whose dates are shifted by person: a merge changes who somebody is, and so their shift.
"""

import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.feeds import Drop, land_drops
from orchestration.simulator import drop_arrives_at, simulate_group
from orchestration.sites import load_site
from tests.dbt_builds import dbt_process_of, environment
from tests.integration.tables.changes import SITE, Changes
from tests.integration.tables.dbt_process import DATE_KEY, DbtProcess, build_arguments, variables
from tests.integration.tables.planted import shifts_of_planted, told_of_planted

FIRST, DAYS = date(2026, 3, 2), 8
KEY = b"a key of thirty-two bytes, no less"
ACCOUNTING = (
    "lake_to_omop", "lake_to_omop_fates", "mapping_coverage", "int_landed_key", "int_placed_key", "int_unmapped_code",
    "int_interface_row",
)  # fmt: skip

pytestmark = pytest.mark.xdist_group("incremental tables")


@dataclass(frozen=True)
class Hospital:
    """A home with a week of drops that have not landed yet, its lake, and the warehouse that is kept up to date."""

    home: Path
    dbt: DbtProcess
    changes: Changes

    def deliver(self, *days: int) -> None:
        """Land the drops of some days of the week (1 is the first), in this order, each as of its own midnight."""
        for day in days:
            at = FIRST + timedelta(days=day - 1)
            drop = Drop((self.home / "drops" / SITE / at.isoformat(),), drop_arrives_at(SITE, at))
            feeds, zone = ["ehr_fhir"], load_site(SITE).timezone
            land_drops([drop], site=SITE, feed=None, home=self.home, key=KEY, feeds=feeds, zone=zone)

    def build(self, *arguments: str, warehouse: str = "kept") -> None:
        done = self.dbt.build(self.home / "lake", self.home / warehouse, *arguments)
        assert done["succeeded"], done["problems"]

    def last_build(self) -> tuple[bool, str, bool]:
        """Say whether the last build was full, why, and whether it settled."""
        with duckdb.connect(str(self.home / "kept" / "warehouse.duckdb"), read_only=True) as db:
            return db.execute("select is_full, reason, is_done from build.run").fetchall()[0]

    def notes(self) -> list[str]:
        with duckdb.connect(str(self.home / "kept" / "warehouse.duckdb"), read_only=True) as db:
            return [text for (text,) in db.execute("select note_text from omop.note order by 1").fetchall()]

    def booked(self) -> list[int]:
        """The hours of the first of February at which the appointments of `changes` are taken as booked."""
        with duckdb.connect(str(self.home / "kept" / "warehouse.duckdb"), read_only=True) as db:
            db.execute("set TimeZone = 'UTC'")
            told = "from marts.appointments_mart where starts_at >= '2026-04-01' order by 1"
            return [hour for (hour,) in db.execute(f"select hour(booked_at) {told}").fetchall()]

    def assert_as_rebuilt(self) -> None:
        """Compare every table of OMOP, the marts and the accounting with those of a rebuild of the same lake."""
        shutil.rmtree(self.home / "rebuilt", ignore_errors=True)
        (self.home / "rebuilt").mkdir()
        self.build("--exclude", "resource_type:test", warehouse="rebuilt")
        assert differences(self.home / "kept", self.home / "rebuilt") == []


def differences(kept: Path, rebuilt: Path) -> Sequence[tuple[object, ...]]:
    """Return the tables whose rows differ, with how many only one of them has."""
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        for name, folder in (("kept", kept), ("rebuilt", rebuilt)):
            db.execute(f"attach '{folder / 'warehouse.duckdb'}' as {name} (read_only)")
        tables = db.execute(
            "select distinct table_schema || '.' || table_name from information_schema.tables "
            f"where table_schema in ('omop', 'marts') or table_name in {ACCOUNTING} order by 1"
        ).fetchall()
        assert len(tables) > 25
        only = "select count(*) from (from {0}.{2} except all from {1}.{2})"
        rows = [
            (table, *(db.execute(only.format(*pair, table)).fetchall()[0][0] for pair in (names, names[::-1])))
            for (table,) in tables
            for names in [("kept", "rebuilt")]
        ]
    return [row for row in rows if row[1:] != (0, 0)]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    home = tmp_path_factory.mktemp("week")
    simulate_group(home, sites=(SITE,), start=FIRST, days=DAYS, seed=3, feeds=["ehr_fhir"])
    (home / "kept").mkdir()
    (home / DATE_KEY).write_bytes(random.Random(20260302).randbytes(32))  # another's shifted day may be a planted one
    dbt = DbtProcess()
    yield Hospital(home, dbt, Changes(home))
    dbt.close()


def test_a_week_in_order_out_of_order_twice_and_with_gaps_is_as_a_rebuild(hospital: Hospital) -> None:
    noon = drop_arrives_at(SITE, FIRST)
    hospital.deliver(1)
    hospital.changes.before_their_person(noon)
    hospital.changes.appointments(noon, 0, 3)
    hospital.build()
    assert hospital.last_build() == (True, "the first of this warehouse", True)
    hospital.deliver(2)
    hospital.changes.places_renamed(noon + timedelta(hours=1))
    hospital.changes.appointments(noon + timedelta(hours=1), 2)
    hospital.build()
    assert hospital.last_build() == (False, "", True)
    hospital.deliver(6)
    hospital.changes.afterwards(noon + timedelta(hours=2))
    hospital.changes.planted(noon + timedelta(hours=2))
    hospital.build()
    hospital.deliver(5, 3, 2)
    hospital.changes.corrected(noon + timedelta(days=9))
    hospital.changes.appointments(noon + timedelta(days=9), 2, 1)
    part = hospital.dbt.build(hospital.home / "lake", hospital.home / "kept", "--select", "person")
    of_rows = ("references", "every_visit_and_person_comes_from_the_lake")
    assert not part["succeeded"], "persons without the rows that refer to them"
    assert any(test in problem for problem in part["problems"] for test in of_rows)
    assert hospital.last_build() == (False, "", False)
    hospital.deliver(3)
    hospital.build()
    assert hospital.last_build() == (False, "", True)
    hospital.deliver(7)
    hospital.changes.merged_and_deleted(noon + timedelta(days=10))
    hospital.changes.made_up(noon + timedelta(days=10))
    hospital.changes.planted_merged(noon + timedelta(days=10))
    hospital.build()
    assert hospital.last_build() == (False, "", True)
    hospital.build("--select", "person")  # alone, as somebody asks for in Dagster: there is nothing new to be torn from
    hospital.assert_as_rebuilt()
    assert hospital.booked() == [2, 2], "a late version tells when it was moved"
    assert told_of_planted(hospital.home / "kept" / "warehouse.duckdb") == []
    shifts = shifts_of_planted(hospital.home / "kept" / "warehouse.duckdb")
    assert hospital.notes() == ["Version 2.", "Walks alone."], "of a letter's versions the newest has its text"
    assert len(shifts) == 1 and min(shifts) >= timedelta(days=7), "one person, one shift, whatever feed and number"


def test_a_build_that_is_killed_at_any_moment_loses_nothing_and_gives_nothing_twice(hospital: Hospital) -> None:
    hospital.deliver(8)
    later = drop_arrives_at(SITE, FIRST) + timedelta(days=11)
    hospital.changes.corrected(later)
    hospital.changes.appointments(later, 5)
    moments = [random.randrange(first, first + 150) for first in (5, 155, 305)]
    for line in moments:
        assert killed_at_line(hospital, line) == -signal.SIGKILL, moments
    assert not hospital.last_build()[2], "the last was killed among the models"
    hospital.deliver(4)
    hospital.changes.appointments(later, 4)
    hospital.build()
    assert hospital.last_build() == (False, "", True)
    hospital.assert_as_rebuilt()


def killed_at_line(hospital: Hospital, line: int) -> int:
    """Begin a build in a process of its own, kill it when dbt has said so many lines; return how it ended."""
    kept = hospital.home / "kept"
    process = subprocess.Popen(
        dbt_process_of(*build_arguments(hospital.home / "lake", kept)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(kept, variables(hospital.home / "lake"), hospital.home),
    )
    assert process.stdout
    for _ in range(line):
        assert process.stdout.readline(), f"dbt was done before line {line}"
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    return process.wait()
