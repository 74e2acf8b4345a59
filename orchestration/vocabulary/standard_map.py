"""A map of source codes to standard concepts, unfolded into what an Athena download holds.

OHDSI scripts write such a map (`source_to_standard_vocab_map.csv`) and some exports bring it instead of a download.
It names both concepts of every pair, so CONCEPT and their `Maps to` can be had from it; a pair without a source concept
is a row of the site's own map. What does not belong here: checking and mounting (load.py).
"""

import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.contracts import sql
from orchestration.vocabulary.columns import NEEDED, SITE_MAP
from orchestration.vocabulary.errors import VocabularyError

NAME = re.compile(r"source_to_standard(_vocab)?_map\.csv(\.gz)?", re.IGNORECASE)
COLUMNS = (
    "source_code", "source_concept_id", "source_code_description", "source_vocabulary_id", "source_domain_id",
    "source_concept_class_id", "source_valid_start_date", "source_valid_end_date", "source_invalid_reason",
    "target_concept_id", "target_concept_name", "target_vocabulary_id", "target_domain_id", "target_concept_class_id",
    "target_invalid_reason", "target_standard_concept",
)  # fmt: skip
CONCEPT = """
    select source_concept_id as concept_id, any_value(source_code_description) as concept_name,
        any_value(source_domain_id) as domain_id, any_value(source_vocabulary_id) as vocabulary_id,
        any_value(source_concept_class_id) as concept_class_id,
        max(target_standard_concept) filter (target_concept_id = source_concept_id) as standard_concept,
        any_value(source_code) as concept_code, any_value(source_valid_start_date) as valid_start_date,
        any_value(source_valid_end_date) as valid_end_date, any_value(source_invalid_reason) as invalid_reason
    from stated where source_concept_id != '0' group by source_concept_id
    union all
    -- A target that is no source comes without its code and dates.
    select target_concept_id, any_value(target_concept_name), any_value(target_domain_id),
        any_value(target_vocabulary_id), any_value(target_concept_class_id), any_value(target_standard_concept),
        'OMOP' || target_concept_id, '19700101', '20991231', any_value(target_invalid_reason)
    from stated
    where target_concept_id != '0' and target_concept_id not in (select source_concept_id from stated)
    group by target_concept_id
"""
RELATIONSHIP = """
    select source_concept_id as concept_id_1, target_concept_id as concept_id_2, 'Maps to' as relationship_id,
        '19700101' as valid_start_date, '20991231' as valid_end_date, cast(null as varchar) as invalid_reason
    from stated where source_concept_id != '0' and target_concept_id != '0'
"""
OWN = """
    select source_code, source_concept_id, source_vocabulary_id, source_code_description, target_concept_id,
        target_vocabulary_id, source_valid_start_date as valid_start_date, source_valid_end_date as valid_end_date,
        source_invalid_reason as invalid_reason
    from stated where source_concept_id = '0' and target_concept_id != '0'
"""
TABLES = {NEEDED: CONCEPT, "concept_relationship": RELATIONSHIP, SITE_MAP: OWN}


@contextmanager
def unfolded(folder: Path) -> Generator[Path]:
    """Yield a folder with CONCEPT: the one given, or where it holds a map instead, one that is gone afterwards.

    Raises `VocabularyError` for a map that lacks a column.
    """
    files = [one for one in folder.iterdir() if one.is_file()]
    found = [one for one in files if NAME.fullmatch(one.name)]
    if len(found) != 1 or any(one.name.lower().startswith(f"{NEEDED}.") for one in files):
        yield folder
        return
    with tempfile.TemporaryDirectory() as made, duckdb.connect() as db:
        target = Path(made) / folder.name
        target.mkdir()
        _read(db, found[0])
        for table, query in TABLES.items():
            if table != SITE_MAP or _any(db, query):
                _write(db, query, target / f"{table}.csv")
        for one in files:
            if one.name.split(".")[0].lower() not in TABLES and one != found[0]:
                (target / one.name).symlink_to(one.resolve())
        yield target


def _read(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    source = f"read_csv({sql.text(str(path))}, header = true, all_varchar = true, quote = '\"', nullstr = '')"
    try:
        db.execute(f"create table stated as select distinct {', '.join(COLUMNS)} from {source}")
    except duckdb.Error as error:
        raise VocabularyError(
            f"{path.name} is no map of source codes to standard concepts; expected the columns {', '.join(COLUMNS)}."
        ) from error


def _any(db: duckdb.DuckDBPyConnection, query: str) -> bool:
    return bool(db.execute(f"select 1 from ({query}) limit 1").fetchall())


def _write(db: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    db.execute(f"copy (from ({query}) order by all) to {sql.text(str(path))} (header, delimiter ',', quote '\"')")
