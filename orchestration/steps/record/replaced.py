"""Which records of a field the files of a correction replaced, and of whom: read off the lake.

A record is replaced where an earlier file brought another version of it under the same key, and a file of the
correction, which came after the values went wrong, brought one that is no older. What does not belong here: which
corrections count (corrections), and what is done with the visits (learning).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from ml.usecases import UseCase
from orchestration.contracts import Contract, ContractObject, load_contract, sql
from orchestration.settings import Settings

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
VISIT_COLUMNS: Mapping[str, str] = {"visit_key": "encounter_key", "appointment_key": "appointment_key"}
"""By the key of a use case's grain: the column of the lake's tables that names the visit."""
PATIENT, CODE = "patient_key", "code"
REPLACED = """
    with stored as (select * from read_parquet([{files}], union_by_name = true, hive_partitioning = true))

    select distinct {whose} from stored as later
    where list_contains($corrected, later._file) and later._arrived_at > $since and {is_of_field}
        and {whose} is not null
        and exists (
            select 1 from stored as earlier
            where earlier._key = later._key and earlier._file <> later._file
                and earlier._arrived_at < later._arrived_at and earlier._content <> later._content
                and coalesce(later._version_at >= earlier._version_at, true)
        )
"""


@dataclass(frozen=True)
class Replaced:
    """Of a feature: the visits of which a record was replaced, and, where its records name no visit, the patients."""

    visits: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()

    def is_of(self, visit: str | None, patient: str | None) -> bool:
        return visit in self.visits or patient in self.patients

    def __bool__(self) -> bool:
        return bool(self.visits or self.patients)


@dataclass(frozen=True)
class Asked:
    """Whose records are asked for: of which site, feed and files, since when."""

    site: str
    feed: str
    files: tuple[str, ...]
    since: datetime


def replaced_records(
    settings: Settings, declared: UseCase, asked: Asked, features: Sequence[str]
) -> dict[str, Replaced]:
    """By feature, whose records the files replaced; nobody's where the declaration does not name the field."""
    contract = load_contract(asked.feed)
    sources = {one.name: one.sources.get(asked.feed, "") for one in declared.features}
    of_visit = VISIT_COLUMNS.get(declared.grain.key, declared.grain.key)
    return {
        name: _replaced(settings, _objects(contract, sources.get(name, "")), asked, of_visit, sources.get(name, ""))
        for name in features
    }


def _replaced(
    settings: Settings, objects: Sequence[ContractObject], asked: Asked, of_visit: str, source: str
) -> Replaced:
    visits, patients = set[str](), set[str]()
    for item in objects:
        columns = {one.name for one in item.columns}
        whose = of_visit if of_visit in columns else PATIENT
        if whose in columns:
            found = _whose(settings, item, asked, whose, _codes(source) if CODE in columns else ())
            (visits if whose == of_visit else patients).update(found)
    return Replaced(frozenset(visits), frozenset(patients))


def _objects(contract: Contract, source: str) -> list[ContractObject]:
    """The tables that hold a field: those of which the declaration says the name, else those with a property of it."""
    words = set(WORD.findall(source))
    named = [one for one in contract.objects if one.name in words]
    return named or [one for one in contract.objects if words & {each.name for each in one.columns}]


def _codes(source: str) -> tuple[str, ...]:
    """The codes that a declaration names (`Observation 59408-5 or 2708-6`)."""
    return tuple(word for word in WORD.findall(source) if word[0].isdigit())


def _whose(settings: Settings, item: ContractObject, asked: Asked, whose: str, codes: tuple[str, ...]) -> Iterator[str]:
    files = sorted((settings.lake / item.table / f"site={asked.site}").glob("*/*.parquet"))
    if not files:
        return
    query = REPLACED.format(
        files=", ".join(sql.text(str(path)) for path in files),
        whose=f"later.{sql.name(whose)}",
        is_of_field=f"list_contains($codes, later.{CODE})" if codes else "true",
    )
    terms = {"corrected": list(asked.files), "since": asked.since, **({"codes": list(codes)} if codes else {})}
    with duckdb.connect() as db:
        for (name,) in db.execute(query, terms).fetchall():
            yield str(name)
