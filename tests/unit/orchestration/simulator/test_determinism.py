import hashlib
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestration.simulator import EMITTED, Scenario, simulate_group, simulated_sites
from orchestration.simulator.profiles import UnknownProfile

from .conftest import DAYS, SEED, START
from .parsed import Feeds


def digests(home: Path, *, until: date | None = None) -> dict[str, str]:
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if until is None or day_of(path) <= until.isoformat()
    }


def day_of(path: Path) -> str:
    """The day of a drop's file, in a folder of its own or not, or of a file of the truth."""
    if "truth" in str(path):
        return path.stem
    return path.parent.parent.name if path.parent.name == "dicom" else path.parent.name


def test_the_same_seed_gives_the_same_bytes(home: Path, summary, tmp_path: Path):
    again = simulate_group(tmp_path, sites=["district", "rural"], start=START, days=DAYS, seed=SEED)
    assert again.sites == summary.sites[1:]
    assert digests(tmp_path) == {name: digest for name, digest in digests(home).items() if "city" not in name}


def test_writing_again_into_the_same_home_changes_nothing(tmp_path: Path):
    simulate_group(tmp_path, sites=["rural"], start=START, days=2, seed=3)
    before = digests(tmp_path)
    simulate_group(tmp_path, sites=["rural"], start=START, days=2, seed=3)
    assert digests(tmp_path) == before


def test_more_days_leave_the_earlier_days_as_they_are(home: Path, summary, tmp_path: Path):
    simulate_group(tmp_path, sites=["city"], start=START, days=2, seed=SEED)
    earlier = digests(home, until=START + timedelta(days=1))
    assert digests(tmp_path) == {name: digest for name, digest in earlier.items() if "city" in name}


def test_another_seed_gives_other_patients(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    simulate_group(one, sites=["rural"], start=START, days=1, seed=1)
    simulate_group(other, sites=["rural"], start=START, days=1, seed=2)
    day = START.isoformat()
    assert digests(one)[f"drops/rural/{day}/Patient.ndjson"] != digests(other)[f"drops/rural/{day}/Patient.ndjson"]


def test_sites_in_separate_processes_write_the_same_bytes(home: Path, summary, tmp_path: Path):
    seen = []
    simulate_group(
        tmp_path,
        sites=["district", "rural"],
        start=START,
        days=2,
        seed=SEED,
        processes=2,
        progress=lambda site, day: seen.append((site, day)),
    )
    expected = digests(home, until=START + timedelta(days=1))
    assert digests(tmp_path) == {name: digest for name, digest in expected.items() if "city" not in name}
    assert seen == [("district", START + timedelta(days=1)), ("rural", START + timedelta(days=1))]


def test_progress_names_each_site_and_day(tmp_path: Path):
    seen = []
    simulate_group(
        tmp_path, sites=["rural"], start=START, days=2, seed=1, progress=lambda site, day: seen.append((site, day))
    )
    assert seen == [("rural", START), ("rural", START + timedelta(days=1))]


def test_a_site_that_is_not_simulated_is_refused(tmp_path: Path):
    with pytest.raises(UnknownProfile, match="nhamcs"):
        simulate_group(tmp_path, sites=["nhamcs"], start=START, days=1, seed=1)


def test_less_than_a_day_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="at least one"):
        simulate_group(tmp_path, sites=["rural"], start=START, days=0, seed=1)


def test_the_simulated_sites_are_the_three_of_the_group_largest_first():
    assert simulated_sites() == ["city", "district", "rural"]


def test_a_scenario_changes_nothing_before_its_first_day(home: Path, summary, tmp_path: Path):
    season = Scenario(respiratory_from=START + timedelta(days=2))
    changed = simulate_group(tmp_path, sites=["rural"], start=START, days=3, seed=SEED, scenario=season)
    until = START + timedelta(days=1)
    calm = {name: digest for name, digest in digests(home, until=until).items() if "rural" in name}
    assert digests(tmp_path, until=until) == calm
    name = f"drops/rural/{START + timedelta(days=2)}/Encounter.ndjson"
    assert digests(tmp_path)[name] != digests(home)[name]
    assert changed.resources == sum(changed.sites[0].lines.values()) > 500


def test_all_feeds_are_the_same_for_the_same_seed_however_many_processes_and_days(wide: Feeds, tmp_path: Path):
    simulate_group(tmp_path, sites=["district", "rural"], start=START, days=4, seed=SEED, processes=2, feeds=EMITTED)
    expected = digests(wide.home, until=START + timedelta(days=3))
    assert digests(tmp_path) == {name: digest for name, digest in expected.items() if "city" not in name}


def test_another_seed_changes_every_feed(wide: Feeds, tmp_path: Path):
    simulate_group(tmp_path, sites=["rural"], start=START, days=4, seed=SEED + 1, feeds=EMITTED)
    one, other = digests(wide.home), digests(tmp_path)
    day = START + timedelta(days=2)
    for name in ("hl7v2_adt.hl7", "hl7v2_oru.hl7", "hl7v2_siu.hl7", "claims_837.x12", "appointments.csv"):
        path = f"drops/rural/{day}/{name}"
        assert other[path] != one[path]
