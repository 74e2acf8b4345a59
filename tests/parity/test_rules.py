"""The rules of a feature that both sides write down: codes, units, text. Compared as data, without a warehouse."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import duckdb
import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.features import observed, units
from ml.features.complaint import MAX_TEXT_LENGTH, SHORT_NAMES, normalised
from ml.features.observed import READINGS

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def macro(file: str, name: str, argument: str) -> str:
    """One macro of the dbt project as SQL."""
    module = jinja2.Environment().from_string((PROJECT / "macros" / f"{file}.sql").read_text()).module
    return str(getattr(module, name)(argument))


def test_every_reading_has_the_same_loinc_codes_on_both_sides() -> None:
    of_mart: dict[str, set[str]] = defaultdict(set)
    for row in seed("triage_readings"):
        if row["system"] == "LOINC":
            of_mart[row["feature"]].add(row["code"])
    of_request = {name: set(reading.codes) for name, reading in READINGS.items()}
    of_request |= {"complaint": {observed.CHIEF_COMPLAINT}, "arrival_mode": {observed.TRANSPORT_MODE}}
    assert of_request == of_mart


def test_every_unit_has_the_same_conversion_on_both_sides() -> None:
    of_mart = {
        (row["feature"], row["unit"]): tuple(float(row[part]) for part in ("subtract", "multiply", "divide"))
        for row in seed("ucum_conversions")
    }
    of_request = {
        (name, unit): (one.subtract, one.multiply, one.divide)
        for name, reading in READINGS.items()
        for unit, one in reading.units.items()
        if unit
    }
    assert of_request == of_mart
    without = {name for name, reading in READINGS.items() if "" in reading.units}
    assert without == {"pain_score", "triage_level"}  # int_triage_reading.sql reads a score without unit as '1'


@pytest.mark.parametrize("system", [*SHORT_NAMES, "http://example.org/other", "LOINC", ""])
def test_a_code_system_has_the_same_short_name_on_both_sides(system: str) -> None:
    [[name]] = duckdb.execute(
        f"select {macro('codes', 'code_system_name', 'x')} from (select ? as x)", [system]
    ).fetchall()
    assert name == SHORT_NAMES.get(system, system)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@given(text=st.text(max_size=60) | st.text(alphabet="aZ0/ -\u0130\u212a\u00dfé\t\n", max_size=30))
@example(text="SOB, c/o CP x2/7")
@example(text="\u212a+ 2.9")  # the Kelvin sign, whose lower case is an ASCII letter
@example(text="V\u0130P")  # a dotted capital I, whose lower case is two characters for some
def test_a_complaint_is_the_same_words_on_both_sides(warehouse: duckdb.DuckDBPyConnection, text: str) -> None:
    rule = macro("codes", "normalised_text", "x")
    [[words]] = warehouse.execute(f"select {rule} from (select ? as x)", [text.replace("\0", "")]).fetchall()
    assert normalised(text.replace("\0", "")) == words


def test_the_longest_complaint_is_the_same_on_both_sides() -> None:
    contract = (PROJECT.parent / "orchestration" / "contracts" / "ehr_fhir.odcs.yaml").read_text()
    assert f"left(value_text, {MAX_TEXT_LENGTH})" in contract


def test_without_a_level_triage_ends_at_the_same_time_on_both_sides() -> None:
    model = (PROJECT / "models" / "intermediate" / "triage" / "int_triage_visit.sql").read_text()
    template = jinja2.Environment().from_string(model.split("with", 1)[0])
    window = timedelta(minutes=cast("int", template.module.window_minutes))  # type: ignore[attr-defined]
    assert window == observed.DEFAULT_TRIAGE_WINDOW


@pytest.mark.parametrize(
    "unit", ["{beats}/min", "/min{beats}", "/min", "{score}", "{" + "x" * 60 + "}/min", "{" + "x" * 61 + "}"]
)
def test_an_annotation_is_dropped_from_a_unit_alike(unit: str) -> None:
    [[bare]] = duckdb.execute(r"select regexp_replace(?, '\{[^{}]{0,60}\}', '', 'g')", [unit]).fetchall()
    known = {bare: units.Conversion()} if bare else {}
    assert units.convert(80.0, unit, {**known, "other": units.Conversion(subtract=1)}) == (80.0 if bare else None)
