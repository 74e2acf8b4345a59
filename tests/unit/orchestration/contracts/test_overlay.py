"""Overlays: an environment changes what the contract lets differ, and is refused anything else by name."""

from pathlib import Path

import pytest

from orchestration.contracts import CONTRACTS_DIR, InvalidContract, load_contract
from orchestration.contracts.compiler import compile_tabular
from orchestration.settings import Environment
from orchestration.steps.intake.contracts import check_contracts

CENSUS = (CONTRACTS_DIR / "census.odcs.yaml").read_text(encoding="utf-8")
PRODUCTION = Environment.PRODUCTION


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    may = "value: [owner, fallback, 'slaProperties.*', 'Census.occupied.*']"
    start = CENSUS.index("value: [owner, fallback")
    text = CENSUS[:start] + may + CENSUS[CENSUS.index("\n", start) :]
    (tmp_path / "census.odcs.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def say(folder: Path, where: str, to: str, label: str = "census@2.1.0", of: str = "production") -> None:
    change = f"{{where: {where}, to: {to}, owner: operator, reason: test, date: 2026-11-27}}"
    text = f"environment: {of}\ncontracts:\n  {label}:\n    - {change}\n"
    (folder / "environments" / "production.yaml").write_text(text, encoding="utf-8")


def test_without_an_overlay_an_environment_changes_nothing(folder: Path) -> None:
    assert load_contract("census", folder, PRODUCTION) == load_contract("census", folder)


def test_an_overlay_shows_in_label_and_digest_and_only_in_its_environment(folder: Path) -> None:
    say(folder, "slaProperties.latency", "{value: 2, unit: h}")
    plain, there = load_contract("census", folder), load_contract("census", folder, PRODUCTION)
    assert (plain.label, there.label) == ("census@2.1.0", "census@2.1.0+production")
    assert plain.digest != there.digest
    assert there.agreed("latency") != plain.agreed("latency")
    say(folder, "slaProperties.latency", "{value: 3, unit: h}")
    assert load_contract("census", folder, PRODUCTION).digest != there.digest


@pytest.mark.parametrize(
    ("where", "to", "said"),
    [
        ("Census.occupied.maximum", "400", "> 400"),
        ("Census.occupied.minimum", "-1", "< -1"),
        ("Census.occupied.required", "false", None),
    ],
)
def test_a_rule_of_a_property_differs(folder: Path, where: str, to: str, said: str | None) -> None:
    say(folder, where, to)
    (item,) = load_contract("census", folder, PRODUCTION).objects
    compiled = compile_tabular(item, {"occupied": "occupied"})
    predicates = [c.predicate for c in compiled.clauses if c.id.startswith("Census.occupied.")]
    if said is None:
        assert "Census.occupied.required" not in [c.id for c in compiled.clauses]
    else:
        assert any(said in predicate for predicate in predicates)


def test_owner_and_fallback_differ(folder: Path) -> None:
    say(folder, "owner", "bed-management")
    assert load_contract("census", folder, PRODUCTION).owner == "bed-management"
    say(folder, "fallback", "ask the ward")
    assert load_contract("census", folder, PRODUCTION).fallback == "ask the ward"


@pytest.mark.parametrize("where", ["Census.at.minimum", "Census.staffed_beds.required", "version", "Census.occupied"])
def test_an_overlay_that_touches_anything_else_is_refused_by_name(folder: Path, where: str) -> None:
    say(folder, where, "1")
    with pytest.raises(InvalidContract) as refused:
        load_contract("census", folder, PRODUCTION)
    assert f"changes {where}, which may not differ between environments" in str(refused.value)


@pytest.mark.parametrize(
    ("where", "to"),
    [
        ("Census.occupied.pattern", "x"),
        ("Census.occupied.ranges.icu", "[0, 1]"),
        ("Census.occupied.maximum.icu", "1"),
        ("Census.occupied.required", "'no'"),
        ("slaProperties.availability", "{value: 1, unit: d}"),
        ("slaProperties.latency", "6 h"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_by_name(folder: Path, where: str, to: str) -> None:
    say(folder, where, to)
    with pytest.raises(InvalidContract, match="cannot change"):
        load_contract("census", folder, PRODUCTION)


@pytest.mark.parametrize(
    ("label", "of", "said"),
    [
        ("census@9.0.0", "production", "is of no version that there is"),
        ("cenus@2.1.0", "production", "is of no feed that has a contract"),
        ("census@2.1.0", "validation", "is of validation"),
    ],
)
def test_an_overlay_of_nothing_is_refused(folder: Path, label: str, of: str, said: str) -> None:
    say(folder, "owner", "x", label, of)
    with pytest.raises(InvalidContract, match=said):
        load_contract("census", folder, PRODUCTION)
    assert check_contracts(None, folder).exit_code == 1


def test_an_overlay_does_not_vanish_with_a_new_version_of_its_contract(folder: Path) -> None:
    """Else what production had tightened would be gone in silence."""
    import hashlib

    say(folder, "Census.occupied.maximum", "400")
    old = (folder / "census.odcs.yaml").read_text(encoding="utf-8")
    (folder / "history").mkdir()
    (folder / "history" / "census@2.1.0.odcs.yaml").write_text(old, encoding="utf-8")
    (folder / "census.odcs.yaml").write_text(old.replace("version: 2.1.0", "version: 2.2.0"), encoding="utf-8")
    sha = hashlib.sha256(old.encode()).hexdigest()
    (folder / "history" / "census.yaml").write_text(
        "feed: census\nowner: x\nversions:\n"
        f"  - {{version: 2.1.0, in_force_from: 2026-01-01T00:00:00Z, sha256: {sha}, reason: x}}\n"
        "  - {version: 2.2.0, in_force_from: 2026-02-01T00:00:00Z, reason: x}\n",
        encoding="utf-8",
    )
    assert load_contract("census", folder).label == "census@2.2.0"
    with pytest.raises(InvalidContract, match=r"none for census@2\.2\.0"):
        load_contract("census", folder, PRODUCTION)
