"""A map of codes to standard concepts mounts as if it were a download: each code stands for what the map says."""

import csv
import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.vocabulary import VocabularyError, load_vocabulary
from orchestration.vocabulary.standard_map import COLUMNS

SHARED = Path(
    os.environ.get("PILOTHOUSE_SHARED_DATA") or Path(__file__).resolve().parents[4].parent / "shared" / "data"
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROW = (
    "59621000,320128,Hypertension,SNOMED,Condition,Disorder,20020131,20991231,,"
    "{target},Hypertensive disorder,SNOMED,Condition,Disorder,,S"
)


def mount(folder: Path, root: Path) -> list[tuple[object, ...]]:
    mounted = load_vocabulary(folder, root, NOW, lambda _: None)
    with duckdb.connect() as db:
        path = root / mounted.digest / "code_map.parquet"
        query = f"select vocabulary_id, code, concept_id, domain_id from '{path}' where concept_id != 0 order by all"
        return db.execute(query).fetchall()


def test_a_code_stands_for_the_concept_that_the_map_names(tmp_path: Path) -> None:
    folder = tmp_path / "map"
    folder.mkdir()
    (folder / "source_to_standard_vocab_map.csv").write_text("\n".join([",".join(COLUMNS), ROW.format(target=316866)]))
    found = mount(folder, tmp_path / "home")
    assert ("SNOMED", "59621000", 316866, "Condition") in found
    assert sorted(one.name for one in folder.iterdir()) == ["source_to_standard_vocab_map.csv"]


def test_a_map_without_a_column_is_refused_with_the_columns_it_needs(tmp_path: Path) -> None:
    (tmp_path / "source_to_standard_map.csv").write_text("source_code,target_concept_id\n1,2\n")
    with pytest.raises(VocabularyError, match="expected the columns source_code"):
        load_vocabulary(tmp_path, tmp_path / "home", NOW, lambda _: None)


@pytest.mark.shared_data
def test_every_code_of_a_published_map_stands_for_what_a_plain_reader_finds(tmp_path: Path) -> None:
    folder = SHARED / "synthea_csv" / "vocabulary"
    if not folder.exists():
        pytest.skip("needs synthea_csv of PILOTHOUSE_SHARED_DATA")
    with gzip.open(folder / "source_to_standard_vocab_map.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["target_standard_concept"] == "S"]
    valid = [row for row in rows if not row["target_invalid_reason"] and row["target_concept_id"] != "0"]
    expected = {(r["source_vocabulary_id"], r["source_code"], int(r["target_concept_id"])) for r in valid}
    found = {row[:3] for row in mount(folder, tmp_path)}
    assert len(expected) > 7000 and expected <= found
    # What is found besides is a standard concept under the code of its own that the map does not tell.
    assert all(str(code).startswith("OMOP") for _, code, _ in found - expected)
