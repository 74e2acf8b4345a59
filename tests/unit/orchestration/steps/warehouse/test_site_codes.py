"""The own codes of all sites as one file: named by its content, and one of the things that tables are built from."""

import csv

import pytest

from orchestration.contracts.errors import InvalidMapping
from orchestration.settings import Settings
from orchestration.sites.codes import SiteCodes, parse_codes
from orchestration.steps.warehouse import site_codes
from orchestration.steps.warehouse.site_codes import site_codes_file, told_apart
from orchestration.steps.warehouse.tables import dbt_variables, table_inputs


def codes(site: str, vocabulary: str, target: str = "LOINC 718-7") -> SiteCodes:
    text = f"{{version: 1.0.0, since: 2026-03-01, systems: {{LAB: {{vocabulary: {vocabulary}, "
    return parse_codes(site, f"{text}codes: {{'H,\"b': {{to: {target}}}}}}}}}}}".encode(), "codes.yaml")


def test_a_changed_map_is_another_file_and_the_tables_are_stale(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, before = site_codes_file(settings), table_inputs(settings)
    assert site_codes_file(settings) == first and str(first) in dbt_variables(settings)
    monkeypatch.setattr(site_codes, "all_site_codes", lambda: {"city": codes("city", "CITY LAB")})
    second = site_codes_file(settings)
    assert second != first and first.exists() and table_inputs(settings) != before
    [row] = csv.DictReader(second.read_text().splitlines())
    assert (row["site"], row["system"], row["code"], row["to_system"], row["to_code"]) == (
        "city", "LAB", 'H,"b', "LOINC", "718-7",
    )  # fmt: skip


def test_two_sites_that_call_a_vocabulary_alike_are_refused_by_name() -> None:
    told_apart({"a": codes("a", "A LAB"), "b": codes("b", "B LAB")})
    with pytest.raises(InvalidMapping, match="a and b both call a vocabulary 'LAB'"):
        told_apart({"a": codes("a", "LAB"), "b": codes("b", "LAB")})
