"""Versions side by side: which one judges what arrived when, and which ones cannot be loaded at all."""

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.contracts import CONTRACTS_DIR, BreakingChange, InvalidContract, load_contract, load_timelines
from orchestration.contracts.timeline import load_timeline
from orchestration.steps.intake.contracts import check_contracts

CENSUS = (CONTRACTS_DIR / "census.odcs.yaml").read_text(encoding="utf-8")
OLD = CENSUS.replace("version: 2.1.0", "version: 1.0.0").replace("maximum: 1000", "maximum: 2000")


class Folder:
    """A folder of contracts with one feed, whose versions are written here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "history").mkdir(parents=True)
        self.current(CENSUS)

    def current(self, text: str) -> None:
        (self.root / "census.odcs.yaml").write_text(text, encoding="utf-8")

    def older(self, text: str, version: str = "1.0.0") -> str:
        (self.root / "history" / f"census@{version}.odcs.yaml").write_text(text, encoding="utf-8")
        return hashlib.sha256(text.encode()).hexdigest()

    def in_force(self, *lines: str) -> None:
        listed = "\n".join(f"  - {{{line}, reason: test}}" for line in lines)
        text = f"feed: census\nowner: data-engineering\nversions:\n{listed}\n"
        (self.root / "history" / "census.yaml").write_text(text, encoding="utf-8")

    def two(self, old: str = OLD, *, more: str = "") -> None:
        sha = self.older(old)
        self.in_force(
            f"version: 1.0.0, in_force_from: 2026-01-01T00:00:00Z, sha256: {sha}",
            f"version: 2.1.0, in_force_from: 2026-06-01T00:00:00Z{more}",
        )

    def at(self, text: str) -> str:
        return load_timeline("census", self.root).at(datetime.fromisoformat(text).replace(tzinfo=UTC)).label


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "contracts")


def test_a_feed_without_history_has_one_version_for_all_times(folder: Folder) -> None:
    assert [folder.at(day) for day in ("1990-01-01", "2026-01-01", "2100-01-01")] == ["census@2.1.0"] * 3


def test_a_version_judges_from_its_time_until_the_next_ones(folder: Folder) -> None:
    folder.two()
    days = ("2026-01-01T00:00:00", "2026-05-31T23:59:59", "2026-06-01T00:00:00", "2030-01-01")
    assert [folder.at(day) for day in days] == ["census@1.0.0", "census@1.0.0", "census@2.1.0", "census@2.1.0"]
    assert load_contract("census", folder.root).label == "census@2.1.0"


def test_what_came_before_any_version_is_the_firsts_unless_another_takes_the_backlog(folder: Folder) -> None:
    folder.two()
    assert folder.at("2025-12-31") == "census@1.0.0"
    folder.two(more=", judges_backlog: true")
    assert [folder.at("2025-12-31"), folder.at("2026-01-01")] == ["census@2.1.0", "census@1.0.0"]


def test_a_breaking_version_without_a_new_major_number_is_refused_with_the_sentence_of_the_diff(
    folder: Folder,
) -> None:
    folder.current(CENSUS.replace("version: 2.1.0", "version: 1.1.0"))
    sha = folder.older(OLD)
    folder.in_force(
        f"version: 1.0.0, in_force_from: 2026-01-01T00:00:00Z, sha256: {sha}",
        "version: 1.1.0, in_force_from: 2026-06-01T00:00:00Z",
    )
    with pytest.raises(BreakingChange) as refused:
        load_contract("census", folder.root)
    assert "census@1.0.0 -> census@1.1.0 is breaking and the version must rise by a major number" in str(refused.value)
    assert "Census.occupied: its maximum was tightened from 2000 to 1000" in str(refused.value)
    assert check_contracts(None, folder.root).exit_code == 1


def test_a_loosened_version_needs_no_new_major_number(folder: Folder) -> None:
    folder.current(CENSUS.replace("version: 2.1.0", "version: 1.1.0").replace("maximum: 1000", "maximum: 3000"))
    sha = folder.older(OLD)
    folder.in_force(
        f"version: 1.0.0, in_force_from: 2026-01-01T00:00:00Z, sha256: {sha}",
        "version: 1.1.0, in_force_from: 2026-06-01T00:00:00Z",
    )
    assert load_contract("census", folder.root).version == "1.1.0"


def test_an_older_version_that_was_changed_is_refused(folder: Folder) -> None:
    folder.two()
    folder.older(OLD.replace("maximum: 2000", "maximum: 2001"))
    with pytest.raises(InvalidContract, match=r"census@1\.0\.0\.odcs\.yaml was changed"):
        load_contract("census", folder.root)


def test_an_older_version_that_is_gone_is_refused(folder: Folder) -> None:
    folder.two()
    (folder.root / "history" / "census@1.0.0.odcs.yaml").unlink()
    with pytest.raises(InvalidContract, match="is gone; restore it"):
        load_contract("census", folder.root)


def test_a_current_version_without_a_time_of_its_own_is_refused(folder: Folder) -> None:
    folder.two()
    folder.current(CENSUS.replace("version: 2.1.0", "version: 3.0.0"))
    with pytest.raises(InvalidContract, match=r"census@3\.0\.0 has no time from which it is in force"):
        load_contract("census", folder.root)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("version: 2.1.0, in_force_from: 2026-06-01T00:00:00", "timezone"),
        ("version: 2.1.0, in_force_from: 2026-01-01T00:00:00Z", "in the order"),
        ("version: 2.1.0, in_force_from: 2026-06-01T00:00:00Z, since: then", "since"),
    ],
)
def test_times_that_say_nothing_clear_are_refused(folder: Folder, said: str, expected: str) -> None:
    sha = folder.older(OLD)
    folder.in_force(f"version: 1.0.0, in_force_from: 2026-01-01T00:00:00Z, sha256: {sha}", said)
    with pytest.raises(InvalidContract, match=expected):
        load_contract("census", folder.root)


def test_a_column_of_another_type_is_refused_because_the_lake_has_one_schema(folder: Folder) -> None:
    folder.two(OLD.replace("logicalType: integer", "logicalType: number"))
    with pytest.raises(InvalidContract, match="the lake keeps one schema over all versions"):
        load_contract("census", folder.root)


def test_an_older_version_lands_nothing_that_the_current_one_keeps_back() -> None:
    old, *_, now = (version.contract for version in load_timelines()["ehr_fhir"].versions)
    text = next(p for p in old.object_for("Observation").properties if p.name == "value_text")
    assert text.transform is not None and text.transform.startswith("clinical_text(")
    for item in old.objects:
        current = {p.name for other in now.objects if other.name == item.name for p in other.columns}
        assert {p.name for p in item.columns} <= current, item.name


def test_the_house_checks_its_versions_and_environments() -> None:
    answer = check_contracts(None)
    assert answer.document["ok"], answer.document["problems"]
    versions = [one["contract"] for one in answer.document["versions"]["census"]]
    assert versions == ["census@1.0.0", "census@2.0.0", "census@2.1.0"]
    assert "history/census@1.0.0.odcs.yaml" in answer.document["contracts"]


def test_a_copy_of_the_house_loads_as_the_house_does(tmp_path: Path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS_DIR, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    assert load_timelines(copy) == load_timelines()


def test_a_file_is_checked_with_its_versions_and_an_overlay_with_its_contracts(tmp_path: Path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS_DIR, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    overlay, contract = copy / "environments" / "production.yaml", copy / "census.odcs.yaml"
    assert [check_contracts(one).exit_code for one in (overlay, contract)] == [0, 0]
    overlay.write_text(overlay.read_text().replace("slaProperties.latency", "slaProperties.retention", 1))
    for one in (overlay, contract):
        answer = check_contracts(one)
        assert answer.exit_code == 1
        assert "changes slaProperties.retention, which may not differ" in str(answer.document["problems"])
