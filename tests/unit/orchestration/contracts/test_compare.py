"""Two versions of a contract: every difference is seen, and the breaking ones are called so."""

from dataclasses import fields, replace

import pytest

from orchestration.contracts import list_contracts, load_contract
from orchestration.contracts.compare import Impact, compare
from orchestration.contracts.model import (
    Classification,
    CodedRange,
    Contract,
    ContractObject,
    LogicalType,
    Property,
    Reader,
    RowRule,
)

BEDS = Property(
    name="beds",
    description="Beds in use",
    logical_type=LogicalType.INTEGER,
    classification=Classification.PUBLIC,
    columns=("beds",),
    codes=("1", "2"),
    minimum="0",
    maximum="900",
    max_length=8,
    ranges=(CodedRange("icu", 0, 40),),
    ranges_by="unit",
    pattern="[0-9]+",
    items=(Property("bed", "A bed", LogicalType.STRING, Classification.PUBLIC),),
)
KEY = Property("bed_key", "Key", LogicalType.STRING, Classification.PUBLIC, is_required=True, is_key=True)

OTHER_VALUES: dict[str, object] = {
    "name": "cots",
    "description": "Cots in use",
    "logical_type": LogicalType.NUMBER,
    "classification": Classification.QUASI,
    "is_required": True,
    "is_key": True,
    "path": "a.b",
    "columns": ("beds", "cots"),
    "column_required": True,
    "authority": "x",
    "authority_path": "x.y",
    "reference": "Patient",
    "identifies": "visit",
    "transform": "beds + 1",
    "sentinels": ("-9",),
    "scale": 2.0,
    "true_codes": ("1",),
    "false_codes": ("0",),
    "codes": ("1", "2", "3"),
    "minimum": "1",
    "maximum": "800",
    "latest_after_arrival": "P1D",
    "form": "HHMM",
    "ranges": (CodedRange("icu", 0, 30),),
    "ranges_by": "ward",
    "pattern": "[0-9]",
    "max_length": 4,
    "unit": "1",
    "file_name_pattern": "x",
    "is_landed": False,
    "items": (),
}


def contract(version: str = "1.0.0", beds: Property | None = BEDS, rules: tuple[RowRule, ...] = ()) -> Contract:
    properties = (KEY,) if beds is None else (KEY, beds)
    item = ContractObject("Bed", "bed", "A bed", "One row per bed.", properties, rules)
    return Contract("beds", version, "digest", Reader.TABULAR, ("csv",), "someone", "none", (item,))


OF_A_SITE = ("reading",)  # what a site's mapping adds is no part of a contract


@pytest.mark.parametrize("member", [f.name for f in fields(Property) if f.name not in OF_A_SITE])
def test_no_member_of_a_property_changes_unseen(member: str) -> None:
    changed = replace(BEDS, **{member: OTHER_VALUES[member]})
    assert compare(contract(), contract(beds=changed)).changes != ()


@pytest.mark.parametrize(
    ("change", "impact"),
    [
        ({"minimum": "1"}, Impact.MAJOR),
        ({"minimum": "-1"}, Impact.MINOR),
        ({"minimum": None}, Impact.MINOR),
        ({"maximum": "899"}, Impact.MAJOR),
        ({"maximum": "1000"}, Impact.MINOR),
        ({"codes": ("1",)}, Impact.MAJOR),
        ({"codes": ("1", "2", "3")}, Impact.MINOR),
        ({"codes": ()}, Impact.MINOR),
        ({"max_length": 7}, Impact.MAJOR),
        ({"max_length": None}, Impact.MINOR),
        ({"is_required": True}, Impact.MAJOR),
        ({"columns": ("beds", "betten")}, Impact.MINOR),
        ({"columns": ("betten",)}, Impact.MAJOR),
        ({"ranges": (CodedRange("icu", 0, 50),)}, Impact.MINOR),
        ({"ranges": ()}, Impact.MINOR),
        ({"ranges": (CodedRange("icu", 1, 40),)}, Impact.MAJOR),
        ({"pattern": None}, Impact.MINOR),
        ({"unit": "1"}, Impact.MAJOR),
        ({"logical_type": LogicalType.STRING}, Impact.MAJOR),
        ({"description": "Beds that are in use"}, Impact.PATCH),
    ],
)
def test_what_tightens_breaks_and_what_loosens_does_not(change: dict[str, object], impact: Impact) -> None:
    assert compare(contract(), contract(beds=replace(BEDS, **change))).impact is impact


def test_an_optional_field_never_breaks_and_a_required_one_does() -> None:
    assert compare(contract(beds=None), contract()).impact is Impact.MINOR
    assert compare(contract(beds=None), contract(beds=replace(BEDS, is_required=True))).impact is Impact.MAJOR
    assert compare(contract(), contract(beds=None)).impact is Impact.MAJOR


def test_a_new_rule_breaks_and_one_that_goes_does_not() -> None:
    rule = (RowRule("order", "in order", "beds > 0"),)
    assert compare(contract(), contract(rules=rule)).impact is Impact.MAJOR
    assert compare(contract(rules=rule), contract()).impact is Impact.MINOR


@pytest.mark.parametrize(
    ("version", "is_enough"), [("1.0.0", False), ("1.9.0", False), ("2.0.0", True), ("0.9.0", False), ("10.0.0", True)]
)
def test_a_breaking_change_needs_a_new_major_version(version: str, is_enough: bool) -> None:
    assert compare(contract(), contract(version, replace(BEDS, unit="1"))).is_version_enough is is_enough


def test_a_compatible_change_needs_a_new_minor_version() -> None:
    loosened = replace(BEDS, minimum=None)
    assert not compare(contract("1.0.0"), contract("1.0.1", loosened)).is_version_enough
    assert compare(contract("1.0.0"), contract("1.1.0", loosened)).is_version_enough


@pytest.mark.parametrize("feed", sorted(list_contracts()))
def test_a_contract_does_not_differ_from_itself(feed: str) -> None:
    same = compare(load_contract(feed), load_contract(feed))
    assert same.changes == ()
    assert same.is_version_enough
