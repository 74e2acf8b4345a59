"""dbt's surroundings: the manifest, what the tables were built from, and snapshots that cannot change unnoticed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from ml.features.mart import read_snapshot
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.sites.codes import load_codes
from orchestration.steps.files import file_sha256
from orchestration.steps.warehouse import parse_share, parsing, tables
from orchestration.steps.warehouse.tables import (
    DBT_PROJECT,
    SNAPSHOT_TABLES,
    TablesError,
    build_arguments,
    current_snapshot,
    dbt_variables,
    demand_rebuild,
    lake_digest,
    mark_tables_built,
    prepare_manifest,
    publish_snapshot,
    remove_spills,
    snapshot_digest,
    table_inputs,
    tables_are_fresh,
)
from orchestration.steps.warehouse.tables_summary import mapping_coverage, tables_summary
from tests.unit.orchestration.steps.conftest import NOON


@pytest.fixture
def warehouse(settings: Settings) -> Callable[[str], None]:
    """Write a small warehouse: every table of a snapshot, holding one value, and two OMOP tables."""

    def fill(value: str) -> None:
        settings.warehouse.unlink(missing_ok=True)
        with duckdb.connect(str(settings.warehouse)) as connection:
            for table in SNAPSHOT_TABLES.values():
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                columns = "'g' as \"group\", 'term' as kind, '' as system, 'x' as pattern, "
                connection.execute(f"create table {table} as select {columns} ? as value from range(3)", [value])
            connection.execute("create schema omop; create table omop.person as select 1 as person_id from range(2)")
            connection.execute("create schema intermediate")
            connection.execute(
                "create table intermediate.mapping_coverage as from (values ('city', 'measurement', 3, 4), "
                "('samples', 'measurement', 0, 4)) as coverage(site, domain, mapped_rows, all_rows)"
            )
            connection.execute(
                "create table intermediate.int_unmapped_code as from (values "
                "(1, 'city', 'measurement', 'LAB', 'a', 6), (2, 'city', 'measurement', 'LAB', 'a', 4), "
                "(3, 'samples', 'measurement', 'LAB', 'a', 1), (3, 'samples', 'measurement', null, 'b', 3)) "
                "as codes(person_id, site, domain, code_system, code, unmapped_rows)"
            )
            connection.execute(
                "create table intermediate.lake_to_omop_fates as from (values "
                "('fhir_device', 'left out', 'no date of use', 3), ('fhir_device', 'left out', 'no date of use', 2), "
                "('fhir_device', 'placed', null, 7)) as fates(lake_table, fate, reason, keys)"
            )

    return fill


def test_a_snapshot_is_published_read_back_and_verified(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse("a")
    made = publish_snapshot(settings, NOON)
    read = current_snapshot(settings)
    assert read == made and made.rows == dict.fromkeys(SNAPSHOT_TABLES, 3)
    assert snapshot_digest(settings) == made.digest
    assert {path.name for path in made.folder.iterdir()} == {f"{name}.parquet" for name in SNAPSHOT_TABLES}
    assert {path.name for path in settings.snapshots.iterdir()} == {made.digest, "current.json"}


def test_training_reads_the_same_snapshot(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse("a")
    made = publish_snapshot(settings, NOON)
    snapshot = read_snapshot(settings.snapshots, load_use_case("triage"))
    assert (snapshot.digest, snapshot.as_of, snapshot.mart.num_rows) == (made.digest, made.as_of, 3)


def test_the_same_rows_are_the_same_snapshot_and_other_rows_another_beside_it(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse("a")
    first = publish_snapshot(settings, NOON)
    again = publish_snapshot(settings, NOON + timedelta(hours=1))
    assert again.digest == first.digest and current_snapshot(settings).as_of == again.as_of != first.as_of
    warehouse("b")
    other = publish_snapshot(settings, NOON)
    assert other.digest != first.digest and first.folder.is_dir()
    assert current_snapshot(settings).digest == other.digest


def test_a_publication_that_was_cut_short_is_made_up_for(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse("a")
    first = publish_snapshot(settings, NOON)
    staging = settings.snapshots / ".staging"
    staging.mkdir()
    (staging / "triage_mart.parquet").write_bytes(b"half")
    assert publish_snapshot(settings, NOON).digest == first.digest and not staging.exists()


def test_a_snapshot_whose_file_was_changed_is_refused(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse("a")
    path = publish_snapshot(settings, NOON).table("triage_mart")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(TablesError, match=r"triage_mart\.parquet changed after it was published"):
        current_snapshot(settings)


def test_a_snapshot_is_hashed_once_and_anew_when_a_file_was_changed_whatever_its_times_say(
    settings: Settings, warehouse: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse("a")
    path = publish_snapshot(settings, NOON).table("triage_mart")
    hashed: list[Path] = []
    monkeypatch.setattr(tables, "file_sha256", lambda one: (hashed.append(one), file_sha256(one))[1])
    monkeypatch.setattr(tables, "SETTLED_NS", 0)
    tables.digest_of.cache_clear()
    current_snapshot(settings)
    first = len(hashed)
    current_snapshot(settings)
    assert first == len(hashed) > 0
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(TablesError, match="changed after it was published"):
        current_snapshot(settings)


def test_a_snapshot_whose_file_is_gone_is_refused_in_a_sentence(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse("a")
    publish_snapshot(settings, NOON).table("triage_mart").unlink()
    with pytest.raises(TablesError, match="triage_mart"):
        current_snapshot(settings)


def test_before_the_first_snapshot_the_message_says_what_to_run(settings: Settings) -> None:
    assert snapshot_digest(settings) is None
    with pytest.raises(TablesError, match="pilothouse run"):
        current_snapshot(settings)
    with pytest.raises(TablesError, match="pilothouse run"):
        tables_summary(settings)


def test_the_summary_counts_omop_tables_mapping_coverage_and_what_is_left_out(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse("a")
    hidden = {"code": "a", "vocabulary": "LAB", "rows": None}
    no_system = {"code": "b", "vocabulary": "no system", "rows": None}
    assert tables_summary(settings) == {
        "omop": {"person": 2},
        "mapping_coverage": {"measurement": 0.375},
        "unmapped": {"measurement": [{"code": "a", "vocabulary": "LAB", "rows": 11}, no_system]},
        "sites": {
            "city": {
                "mapping_coverage": {"measurement": 0.75},
                "unmapped": {"measurement": [hidden]},
                "own_codes": None,
            },
            "samples": {
                "mapping_coverage": {"measurement": 0.0},
                "unmapped": {"measurement": [no_system, hidden]},
                "own_codes": load_codes("samples").label,
            },
        },
        "left_out": {"fhir_device: no date of use": 5},
    }
    assert mapping_coverage(settings, "city") == {"measurement": 0.75} and mapping_coverage(settings, "nhamcs") == {}


def test_a_warehouse_of_another_version_says_what_to_run(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse("a")
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("drop table intermediate.lake_to_omop_fates")
    with pytest.raises(TablesError, match="pilothouse run"):
        tables_summary(settings)


def test_a_warehouse_that_a_run_is_writing_says_so(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse("a")
    program = f"import duckdb, sys; c = duckdb.connect({str(settings.warehouse)!r}); print('on', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "on\n"
        with pytest.raises(TablesError, match="A run is writing the warehouse"):
            tables_summary(settings)
        writer.communicate("done\n")
    assert tables_summary(settings)["omop"] == {"person": 2}


def test_a_warehouse_whose_lake_is_gone_says_what_to_run(
    settings: Settings, warehouse: Callable[[str], None], tmp_path: Path
) -> None:
    warehouse("a")
    gone = tmp_path / "gone.parquet"
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(f"copy (select 1 as person_id, 2 as other) to '{gone}'")
        connection.execute(f"create view omop.death as select other from read_parquet('{gone}')")
        connection.execute(f"copy (select 1 as person_id) to '{gone}'")
    with pytest.raises(TablesError, match="Go on with: pilothouse run"):
        tables_summary(settings)


def test_tables_are_fresh_until_something_arrives_or_a_model_changes(
    settings: Settings, warehouse: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not tables_are_fresh(settings)
    mark_tables_built(settings, table_inputs(settings))
    assert not tables_are_fresh(settings)
    warehouse("a")
    assert not tables_are_fresh(settings)
    publish_snapshot(settings, NOON)
    assert tables_are_fresh(settings)
    with monkeypatch.context() as changed:
        changed.setattr(tables, "project_digest", lambda: "another project")
        assert not tables_are_fresh(settings)
    before = lake_digest(settings)
    (settings.lake / "fhir_patient").mkdir(parents=True)
    (settings.lake / "fhir_patient" / "a.parquet").write_bytes(b"x")
    assert lake_digest(settings) != before and not tables_are_fresh(settings)


def test_dbt_is_told_the_lake_and_every_sites_time_zone_and_nothing_that_differs_between_runs(
    settings: Settings,
) -> None:
    variables = json.loads(dbt_variables(settings))
    assert variables["lake"] == str(settings.lake) and set(variables["timezones"]) == set(list_sites())
    assert variables["units"]["rural"] == {"AE": "ER", "HDU": "ICU", "W1": "HU"}
    assert variables["shifts"]["rural"][0] == {"id": "day", "starts": "07:00", "ends": "15:00"}
    facts = {"timezones", "units", "shifts", "admitting_clinics", "sites_that_take_test_records", "deidentified"}
    facts.add("feedback_windows")
    assert variables["feedback_windows"] == {"appointments": 24, "triage": 12}
    said = {"lake", "vocabulary", "site_codes", "inputs", *facts}
    assert variables.keys() == said and variables["vocabulary"] == ""
    assert variables["sites_that_take_test_records"] == ["samples"]
    assert variables["deidentified"] == {}, "no site asks for it"
    assert dbt_variables(settings) == dbt_variables(settings)


def test_a_rebuild_is_asked_of_dbt_until_a_build_answers_it(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse("a")
    publish_snapshot(settings, NOON)
    mark_tables_built(settings, table_inputs(settings))
    assert tables_are_fresh(settings) and build_arguments(settings) == []
    demand_rebuild(settings, "a map was mended")
    during = table_inputs(settings)
    assert not tables_are_fresh(settings) and build_arguments(settings) == ["--full-refresh"]
    assert build_arguments(settings) == ["--full-refresh"] and settings.warehouse.exists()
    demand_rebuild(settings, "another, while the first was being built")
    mark_tables_built(settings, during)
    assert build_arguments(settings) == ["--full-refresh"]
    mark_tables_built(settings, table_inputs(settings))
    assert tables_are_fresh(settings) and build_arguments(settings) == []


def test_a_rebuild_from_nothing_removes_the_warehouse_before_dbt_begins(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse("a")
    demand_rebuild(settings, "somebody was erased", from_nothing=True)
    assert settings.warehouse.exists()
    assert build_arguments(settings) == ["--full-refresh"] and not settings.warehouse.exists()


def test_the_manifests_digest_is_of_what_it_says_and_not_of_when(settings: Settings) -> None:
    def digest(checksum: str, at: str) -> str:
        settings.dbt_target.mkdir(exist_ok=True)
        nodes = {"model.a": {"checksum": {"checksum": checksum}, "created_at": at}, "seed.b": {}}
        document = {"metadata": {"generated_at": at}, "nodes": nodes}
        (settings.dbt_target / "manifest.json").write_text(json.dumps(document))
        return tables.manifest_digest(settings)

    assert digest("1", "today") == digest("1", "tomorrow") != digest("2", "today")


def test_dbt_parses_anew_only_when_a_source_of_the_project_changed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = prepare_manifest(settings)
    made = manifest.stat().st_mtime_ns
    assert "model.pilothouse.triage_mart" in json.loads(manifest.read_bytes())["nodes"]
    assert prepare_manifest(settings) == manifest and manifest.stat().st_mtime_ns == made
    monkeypatch.setattr(tables, "project_digest", lambda: "another project")
    monkeypatch.setattr(parsing, "SHARED", tmp_path / "shared")
    asked: list[str] = []
    parse = parse_share.read_parsed(settings.dbt_target)
    monkeypatch.setattr(parsing, "run_parse", lambda _, variables: asked.append(variables) or parse)
    assert prepare_manifest(settings) == manifest and "another project" in asked[0]
    assert "another project" in (settings.dbt_target / "parsed_with.json").read_text()


def test_what_the_build_spills_beside_the_warehouse_cannot_be_read_and_is_removed(settings: Settings) -> None:
    """As dbt opens it, in little memory; a cursor is opened while it spills, as for every node of the graph."""
    opened = yaml.safe_load((DBT_PROJECT / "profiles.yml").read_text())["pilothouse"]["outputs"]["duckdb"]
    told = {name: str(value) for name, value in opened["config_options"].items()}
    with duckdb.connect(str(settings.warehouse), config={**told, "memory_limit": "40MB"}) as db:
        db.execute("create temp table t as select 'planted Featherstone ' || hash(i) as s from range(1500000) as r (i)")
        spilled = [path.read_bytes() for path in settings.spills.iterdir()]
        assert sum(map(len, spilled)) > 1_000_000 and not any(b"Featherstone" in one for one in spilled)
        for name, value in opened["settings"].items():
            db.cursor().execute(f"set {name} = '{value}'")
    settings.spills.mkdir(exist_ok=True)
    remove_spills(settings)
    remove_spills(settings)
    assert not settings.spills.exists()
