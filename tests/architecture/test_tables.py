"""The tables keep their convention (decision record 0008): every table of the lake says whom a change touches, staging
reads it through one macro, and OMOP's tables of persons are incremental."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.contracts import load_contracts
from orchestration.contracts.compiler import lake_columns

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
CONFIG = "config(materialized = '{}')"
REBUILT = {
    "care_site": "a dimension",
    "location": "a dimension",
    "provider": "a dimension",
    "cdm_source": "one row",
}
KEPT = {"source_to_concept_map": "of seeds and vocabulary alone: a change of those builds everything anew"}
VOCABULARY = "the vocabulary's own files, which may be several GB"
VIEWS = {
    "cost": "its rows are int_cost's, which is incremental: OMOP's table names no person",
    "concept": VOCABULARY,
    "concept_ancestor": VOCABULARY,
    "concept_class": VOCABULARY,
    "concept_relationship": VOCABULARY,
    "concept_synonym": VOCABULARY,
    "domain": VOCABULARY,
    "drug_strength": VOCABULARY,
    "relationship": VOCABULARY,
    "vocabulary": VOCABULARY,
}


DATES = ("date", "timestamp", "timestamptz")
REFERS, PUBLISHED = re.compile(r"ref\('(\w+)'\)"), re.compile(r"\{\{ published\(\s*'\w+', \[([^\]]*)\]")
TIMES = re.compile(r"\b\w+_at\b")
INSTANT = re.compile(r"\b\w*_at\b")
LOCAL = re.compile(r"\{\{ local_date\(.*?\) \}\}")
OF_UTC = re.compile(r"\w*_at::date\b|date_trunc\('(?:day|week|month|year)', (?:\w+\.)?\w*_at\)")
NO_DAY = ("null", "{{ last }}")
"""What is cast to an instant without being a day: nothing, and the end of a routed row, which is null or an instant."""
WITHOUT_PEOPLE = frozenset({"int_drug_ingredient"})
"""What a table of OMOP may read beside other tables of OMOP without shifting anything: it holds no person's date."""


def sources() -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for path in sorted(MODELS.glob("staging/*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text())["sources"]:
            assert source["schema"] == "lake", f"{path.name}: sources are the views of schema `lake`"
            assert "external_location" not in path.read_text(), f"{path.name}: the lake is read by macros/build"
            found += [(table["name"], table.get("config", {}).get("meta", {})) for table in source["tables"]]
    return found


def named_columns() -> dict[str, set[str]]:
    items = [item for contract in load_contracts().values() for item in contract.objects]
    return {item.table: {name for name, _ in lake_columns(item)} for item in items}


@pytest.mark.parametrize(("table", "meta"), sources(), ids=[name for name, _ in sources()])
def test_a_lake_table_says_whom_a_change_touches(table: str, meta: dict[str, Any]) -> None:
    assert meta.get("scope") in ("person", "dimension", "whole"), f"{table}: every change would build everything anew"
    assert bool(meta.get("links")) == (meta["scope"] != "whole")
    assert meta["scope"] == "person" or not meta.get("refers")
    named = {str(column).split(".")[0] for column in [*meta.get("links", []), *meta.get("refers", [])]}
    assert named <= named_columns()[table]


def test_staging_reads_the_lake_through_one_macro() -> None:
    models = sorted(MODELS.glob("staging/*/*.sql"))
    assert models and [path.name for path in models if "{{ latest_version('source') }}" not in path.read_text()] == []


def person_dates(folder: Path, name: str) -> list[str]:
    """The date columns of a table of OMOP that has a row of a person."""
    [model] = yaml.safe_load((folder / f"{name}.yml").read_text())["models"]
    columns = {one["name"]: str(one.get("data_type", "")) for one in model["columns"]}
    return [one for one, kind in columns.items() if kind in DATES] if "person_id" in columns else []


def why_not_published(sql: str, omop: set[str]) -> str:
    """Say what of a model's person dates would be true ones at a safe_harbor site (0018); empty where none would."""
    found = PUBLISHED.search(sql)
    if found is None:
        others = set(REFERS.findall(sql)) - omop - WITHOUT_PEOPLE
        return f"reads {', '.join(sorted(others))} and never calls published()" if others else ""
    if "from published" not in sql:
        return "does not read what published() gives"
    shifted = set(re.findall(r"'(\w+)'", found[1]))
    told = set(TIMES.findall(sql[found.end() :]))
    return f"tells {', '.join(sorted(told - shifted))} unshifted" if told - shifted else ""


def test_every_table_of_omop_with_a_persons_dates_publishes_them() -> None:
    texts = {path.stem: path.read_text() for path in MODELS.glob("omop/*.sql")}
    dated = [name for name in texts if person_dates(MODELS / "omop", name)]
    assert len(dated) > 14 and "note" in dated
    assert {name: why for name in dated if (why := why_not_published(texts[name], set(texts)))} == {}


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        (
            "{{ published('deaths', ['died_at']) }}",
            "select * from deaths",
            "reads int_death and never calls published()",
        ),
        ("['died_at']", "['told_at']", "tells died_at unshifted"),
        ("from published", "from deaths", "does not read what published() gives"),
    ],
)
def test_a_table_that_forgets_to_publish_is_found(changed: str, to: str, said: str) -> None:
    sql = (MODELS / "omop" / "death.sql").read_text()
    assert changed in sql and why_not_published(sql, {"death"}) == ""
    assert why_not_published(sql.replace(changed, to), {"death"}) == said


def casts(sql: str) -> Iterator[tuple[str, str, str]]:
    """Every cast in a text: all of it, what is cast, and to what."""
    for opened in re.finditer(r"\bcast\(", sql):
        depth, end = 1, opened.end()
        while depth and end < len(sql):
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        inner, _, kind = sql[opened.end() : end - 1].rpartition(" as ")
        yield sql[opened.start() : end], inner.strip(), kind.strip()


def dates_of_instants(sql: str) -> list[str]:
    """Return what makes a day of an instant, or an instant of a day, without asking the site's calendar (0061)."""
    days = [(whole, LOCAL.sub("", inner)) for whole, inner, kind in casts(sql) if kind == "date"]
    found = [whole for whole, inner in days if INSTANT.search(inner)]
    found += [whole for whole, inner, kind in casts(sql) if kind == "timestamptz" and inner not in NO_DAY]
    return found + [one[0] for one in OF_UTC.finditer(sql)]


def test_every_day_is_made_of_an_instant_by_the_sites_calendar() -> None:
    texts = {str(path.relative_to(MODELS)): path.read_text() for path in sorted(MODELS.rglob("*.sql"))}
    assert {name: found for name, sql in texts.items() if (found := dates_of_instants(sql))} == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "cast(died_at as date)",
        "cast(greatest(started_at, coalesce(ended_at, _arrived_at)) as date)",
        "cast(claims.service_from_date as timestamptz)",
        "ended_at::date",
        "date_trunc('day', visits.started_at)",
    ],
)
def test_a_day_of_utc_is_found(wrong: str) -> None:
    sql = (MODELS / "omop" / "death.sql").read_text()
    day = "{{ local_date('site', 'died_at') }}"
    assert day in sql and dates_of_instants(sql) == []
    assert dates_of_instants(sql.replace(day, wrong)) == [wrong]


def test_every_omop_table_is_incremental_or_named_here_with_its_reason() -> None:
    texts = {path.stem: path.read_text() for path in MODELS.glob("omop/*.sql")}
    tables = {name for name, text in texts.items() if CONFIG.format("table") in text}
    views = {name for name, text in texts.items() if CONFIG.format("view") in text}
    kept = {name for name, text in texts.items() if "incremental_strategy = 'kept'" in text}
    assert (tables, views, kept) == (set(REBUILT), set(VIEWS), set(KEPT))
    incremental = [name for name in texts if name not in REBUILT | VIEWS | KEPT]
    assert incremental and [name for name in incremental if "person_id" not in texts[name]] == []
    assert [name for name in incremental if "materialized" in texts[name]] == []
