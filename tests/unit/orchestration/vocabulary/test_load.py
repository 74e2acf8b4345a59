"""Mounting a download: what files may look like, what they become, and what is refused with a reason."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.vocabulary import (
    Mounted,
    VocabularyError,
    load_vocabulary,
    mounted_folder,
    mounted_vocabulary,
)
from tests.unit.orchestration.vocabulary.small_download import CONCEPT, concept, related, write_download

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def load(source: Path, root: Path) -> Mounted:
    return load_vocabulary(source, root, NOW, lambda message: None)


def rows(root: Path, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    folder = mounted_folder(root)
    return duckdb.sql(f"select {columns} from read_parquet('{folder}/{table}.parquet') order by all").fetchall()


def code_map(root: Path) -> list[tuple[object, ...]]:
    return rows(root, "code_map", "code, target, source_concept_id, concept_id, domain_id")


def test_tabs_lone_quotes_and_compact_dates_are_read_as_athena_writes_them(tmp_path: Path) -> None:
    source = write_download(tmp_path / "in", concept(1, '5"', name='a "lone quote, and a comma'))
    mounted = load(source, tmp_path / "out")
    assert mounted.tables["concept"] == 1
    assert rows(tmp_path / "out", "concept", "concept_name, concept_code, cast(valid_start_date as varchar)") == [
        ('a "lone quote, and a comma', '5"', "1970-01-01")
    ]


def test_commas_quotes_dashes_and_gzip_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text = CONCEPT.replace("\t", ",") + '1,"fever, high",Condition,SNOMED,Finding,"",386661006,1970-01-01,2099-12-31,\n'
    (tmp_path / "in" / "concept.csv.gz").write_bytes(gzip.compress(text.encode()))
    load(tmp_path / "in", tmp_path / "out")
    assert rows(tmp_path / "out", "concept", "concept_name, standard_concept") == [("fever, high", None)]


def test_columns_may_come_in_another_order_and_with_others(tmp_path: Path) -> None:
    source = write_download(tmp_path / "in", "")
    header = CONCEPT.strip().split("\t")
    values = concept(7, "x").rstrip("\n").split("\t")
    lines = ["\t".join([*reversed(row), extra]) for row, extra in ((header, "more"), (values, "here"))]
    (source / "CONCEPT.csv").write_text("\n".join(lines) + "\n")
    load(source, tmp_path / "out")
    assert rows(tmp_path / "out", "concept", "concept_id, concept_code") == [(7, "x")]


def test_a_code_has_every_standard_concept_that_it_maps_to_and_none_that_was_withdrawn(tmp_path: Path) -> None:
    source = write_download(
        tmp_path / "in",
        concept(1, "two", standard="")
        + concept(2, "first")
        + concept(3, "second", domain="Observation")
        + concept(4, "gone", standard="S", invalid="D")
        + concept(5, "nothing", standard=""),
        related(1, 2) + related(1, 3) + related(1, 4) + related(5, 2, invalid="D") + related(5, 3, how="Is a"),
    )
    load(source, tmp_path / "out")
    assert code_map(tmp_path / "out") == [
        ("first", 1, 2, 2, "Condition"),
        ("gone", 1, 4, 0, None),
        ("nothing", 1, 5, 0, None),
        ("second", 1, 3, 3, "Observation"),
        ("two", 1, 1, 2, "Condition"),
        ("two", 2, 1, 3, "Observation"),
    ]


def test_a_code_used_twice_is_the_valid_concept(tmp_path: Path) -> None:
    source = write_download(tmp_path / "in", concept(1, "J1", invalid="D", standard="") + concept(2, "J1"))
    load(source, tmp_path / "out")
    assert code_map(tmp_path / "out") == [("J1", 1, 2, 2, "Condition")]


def test_an_answer_inside_a_code_is_kept_beside_its_question(tmp_path: Path) -> None:
    source = write_download(
        tmp_path / "in",
        concept(1, "Z88.0", vocabulary="ICD10CM", standard="")
        + concept(2, "allergy", domain="Observation")
        + concept(3, "pen"),
        related(1, 2) + related(1, 3, how="Maps to value"),
    )
    load(source, tmp_path / "out")
    assert ("Z88.0", 2, 3) in rows(tmp_path / "out", "code_map", "code, concept_id, value_concept_id")


def test_a_sites_own_map_replaces_what_the_vocabulary_says_of_its_codes(tmp_path: Path) -> None:
    header = (
        "source_code,source_concept_id,source_vocabulary_id,source_code_description,target_concept_id,"
        "target_vocabulary_id,valid_start_date,valid_end_date,invalid_reason\n"
    )
    own = "first,0,SNOMED,,3,SNOMED,1970-01-01,2099-12-31,\nHR,0,local,,2,SNOMED,1970-01-01,2099-12-31,\n"
    source = write_download(
        tmp_path / "in", concept(2, "first") + concept(3, "second"), source_to_concept_map=header + own
    )
    load(source, tmp_path / "out")
    assert rows(tmp_path / "out", "code_map", "code, source_concept_id, concept_id, origin") == [
        ("HR", 0, 2, "site"),
        ("first", 2, 3, "site"),
        ("second", 3, 3, "vocabulary"),
    ]


def test_a_partial_download_is_mounted_and_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "CONCEPT.csv").write_text(CONCEPT + concept(1, "x", name=""))
    (tmp_path / "in" / "CONCEPT_CPT4.csv").write_text("")
    mounted = load(tmp_path / "in", tmp_path / "out")
    assert "concept_ancestor" in mounted.missing and "source_to_concept_map" not in mounted.missing
    said = " ".join(mounted.warnings)
    assert all(word in said for word in ("CONCEPT_RELATIONSHIP.csv", "CONCEPT_ANCESTOR.csv", "cpt4.jar", "no name"))
    assert rows(tmp_path / "out", "concept_ancestor") == []


def test_the_version_is_that_of_the_vocabulary_called_none(tmp_path: Path) -> None:
    header = "vocabulary_id\tvocabulary_name\tvocabulary_reference\tvocabulary_version\tvocabulary_concept_id\n"
    source = write_download(
        tmp_path / "in", concept(1, "x"), vocabulary=header + "None\tOMOP\tgenerated\tv5.0 30-AUG-24\t44819096\n"
    )
    assert load(source, tmp_path / "out").version == "v5.0 30-AUG-24"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace("19700101", "1970-13-01", 1), "CONCEPT.csv, line 2"),
        (lambda text: text.replace("1\ta", "one\ta", 1), "CONCEPT.csv, line 2"),
        (lambda text: text.replace("1\ta", "\ta", 1), "concept_id is empty in 1 rows"),
        (lambda text: text + text.split("\n")[1] + "\n", "repeat a concept_id"),
        (lambda text: text.replace("concept_code\t", "code\t"), "lacks concept_code"),
        (lambda text: text.replace("domain_id\t", "concept_name\t"), "lacks domain_id"),
        (lambda text: text.rstrip("\n") + "\textra\n", "CONCEPT.csv, line 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name_and_leaves_what_was_mounted(tmp_path, spoil, said) -> None:
    root = tmp_path / "out"
    before = load(write_download(tmp_path / "good", concept(9, "good")), root)
    source = write_download(tmp_path / "bad", concept(1, "x"))
    (source / "CONCEPT.csv").write_text(spoil((source / "CONCEPT.csv").read_text()))
    with pytest.raises(VocabularyError, match=said.replace(".", r"\.")):
        load(source, root)
    assert mounted_vocabulary(root) == before
    assert rows(root, "concept", "concept_id") == [(9,)]


def test_a_folder_without_concepts_or_with_a_table_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"holds no CONCEPT\.csv"):
        load(tmp_path, tmp_path / "out")
    source = write_download(tmp_path / "in", concept(1, "x"))
    (source / "concept.csv.gz").write_bytes(gzip.compress((source / "CONCEPT.csv").read_bytes()))
    with pytest.raises(VocabularyError, match="holds concept twice"):
        load(source, tmp_path / "out")


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    whole = gzip.compress((CONCEPT + "".join(concept(n, f"c{n * n}") for n in range(1, 3000))).encode())
    (tmp_path / "in" / "CONCEPT.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VocabularyError):
        load(tmp_path / "in", tmp_path / "out")
    assert mounted_vocabulary(tmp_path / "out") is None


def test_the_same_bytes_mounted_again_are_the_same_vocabulary_and_others_take_its_place(tmp_path: Path) -> None:
    root = tmp_path / "out"
    first = load(write_download(tmp_path / "a", concept(1, "x")), root)
    again = load(write_download(tmp_path / "b", concept(1, "x")), root)
    other = load(write_download(tmp_path / "c", concept(2, "x")), root)
    assert first.digest == again.digest != other.digest
    assert mounted_vocabulary(root) == other


def test_what_a_broken_load_left_is_swept_away(tmp_path: Path) -> None:
    root = tmp_path / "out"
    (root / ".staging").mkdir(parents=True)
    (root / ".staging" / "concept.parquet").write_text("half")
    load(write_download(tmp_path / "a", concept(1, "x")), root)
    assert not (root / ".staging").exists() and rows(root, "concept", "concept_id") == [(1,)]


def test_a_mounted_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    root = tmp_path / "out"
    mounted = load(write_download(tmp_path / "a", concept(1, "x")), root)
    (root / mounted.digest).rename(root / "elsewhere")
    with pytest.raises(VocabularyError, match="is gone from vocabulary"):
        mounted_vocabulary(root)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_mounted_or_refused_in_a_sentence(tmp_path: Path, content: bytes, with_header: bool) -> None:
    source = tmp_path / "in"
    source.mkdir(exist_ok=True)
    (source / "CONCEPT.csv").write_bytes((CONCEPT.encode() if with_header else b"") + content)
    try:
        load(source, tmp_path / "out")
    except VocabularyError as error:
        assert str(error).startswith(("CONCEPT.csv", "in holds no"))


@pytest.mark.shared_data
def test_the_small_real_vocabulary_is_mounted_and_its_codes_have_their_concepts(
    tmp_path: Path, shared_data: Path
) -> None:
    mounted = load(shared_data / "omop_vocabulary", tmp_path / "out")
    assert mounted.tables["concept"] == 2294 and mounted.tables["concept_relationship"] == 266_588
    known = {source: concept for _, _, source, concept, _ in code_map(tmp_path / "out")}
    concepts = list(csv.DictReader((shared_data / "omop_vocabulary" / "CONCEPT.csv").read_text().splitlines()))
    standard = {
        int(one["concept_id"]) for one in concepts if one["standard_concept"] == "S" and not one["invalid_reason"]
    }
    with gzip.open(shared_data / "omop_vocabulary" / "CONCEPT_RELATIONSHIP.csv.gz", "rt") as stream:
        pairs = [row for row in csv.DictReader(stream) if row["relationship_id"] == "Maps to"]
    maps = {int(row["concept_id_1"]): int(row["concept_id_2"]) for row in pairs if int(row["concept_id_2"]) in standard}
    assert {source: concept for source, concept in known.items() if concept} == {
        source: concept for source, concept in maps.items() if source in known
    }
