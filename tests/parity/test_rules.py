"""The rules of a feature that both sides write down: codes, units, text. Compared as data, without a warehouse."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import jinja2
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ml.features import observed, population, units
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


# What Python's Unicode has not assigned yet, DuckDB's newer one may call a letter.
ASSIGNED = st.characters(exclude_categories=("Cs", "Cn", "Co"))


@given(text=st.text(alphabet=ASSIGNED, max_size=60) | st.text(alphabet="aZ0/ -\u0130\u212a\u00dfé\t\n", max_size=30))
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


def test_the_bounds_of_a_visit_are_the_same_on_both_sides() -> None:
    model = (PROJECT / "models" / "intermediate" / "triage" / "int_triage_visit.sql").read_text()
    bounds = vars(jinja2.Environment().from_string(model.split("with", 1)[0]).module)
    assert timedelta(minutes=bounds["window_minutes"]) == observed.DEFAULT_TRIAGE_WINDOW
    assert timedelta(minutes=bounds["max_clock_skew_minutes"]) == population.MAX_CLOCK_SKEW
    macro = (PROJECT / "macros" / "times.sql").read_text()
    assert re.findall(r"set max_age_years = (\d+)", macro) == [str(population.MAX_AGE_YEARS)]


def test_what_is_possible_is_the_same_in_the_contract_and_in_a_request() -> None:
    contract = yaml.safe_load((PROJECT.parent / "orchestration" / "contracts" / "ehr_fhir.odcs.yaml").read_text())
    fields = {item["name"]: {field["name"]: field for field in item["properties"]} for item in contract["schema"]}
    parts = {field["name"]: field for field in fields["Observation"]["components"]["items"]["properties"]}
    for number in (fields["Observation"]["value_number"], parts["value_number"]):
        stated = {one["property"]: one["value"] for one in number["customProperties"]}
        assert {code: tuple(bounds) for code, bounds in stated["ranges"].items()} == observed.POSSIBLE
    earliest = fields["Patient"]["birth_date"]["logicalTypeOptions"]["minimum"]
    assert earliest == population.EARLIEST_BIRTH.isoformat()


@pytest.mark.parametrize("code", [*observed.TRIAGE_LEVEL_CODES, "0", "6", "LA6113-0", "2 ", ""])
def test_a_coded_level_is_the_same_on_both_sides(code: str) -> None:
    rule = macro("codes", "triage_level_of", "x")
    [[level]] = duckdb.execute(f"select {rule} from (select ? as x)", [code]).fetchall()
    assert level == observed.TRIAGE_LEVEL_CODES.get(code)


@pytest.mark.parametrize(
    "unit", ["{beats}/min", "/min{beats}", "/min", "{score}", "{" + "x" * 60 + "}/min", "{" + "x" * 61 + "}"]
)
def test_an_annotation_is_dropped_from_a_unit_alike(unit: str) -> None:
    [[bare]] = duckdb.execute(r"select regexp_replace(?, '\{[^{}]{0,60}\}', '', 'g')", [unit]).fetchall()
    known = {bare: units.Conversion()} if bare else {}
    assert units.convert(80.0, unit, {**known, "other": units.Conversion(subtract=1)}) == (80.0 if bare else None)
