"""Which columns of a lake table say whose record it is, and the keys of one person through all that ties them.

What does not belong here: files and bytes. A column is known by its name, which the contracts use alike: `patient_key`
and `mrn_key` of the person, `encounter_key` and `visit_key` of their visits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.contracts import ContractObject, Property, sql
from orchestration.feeds.errors import TooManyKeys
from orchestration.feeds.relation import rows

PERSON = ("patient_key", "mrn_key", "prior_patient_key", "member_key", "family_key")
TIES = ("patient_key", "mrn_key", "prior_patient_key")  # a member number may be a family's
VISIT = ("encounter_key", "visit_key", "visit_number_key", "prior_visit_key")
SEVERAL = ("people", "results", "participants")  # lists that may name more than one person
PATIENT_TYPE, FIRST_IDENTIFIER = "Patient", "identifier_key"
MOST_KEYS = 100
PERSON_KEY, VISIT_KEY, RECORD_KEY = "wanted_person", "wanted_visit", "wanted_record"


@dataclass(frozen=True)
class Whose:
    """SQL lists over one row of a lake table: the persons it names, those it says are one, the visits it is of."""

    persons: str
    ties: str
    visits: str

    @staticmethod
    def of(item: ContractObject) -> "Whose":
        more = (FIRST_IDENTIFIER,) if item.resource_type == PATIENT_TYPE else ()
        return Whose(
            _list(item, (*PERSON, *more)),
            _list(item, (*TIES, *more), without=SEVERAL),
            _list(item, VISIT),
        )

    def is_wanted(self, made: str = "x") -> str:
        """Return an SQL condition: the row is a wanted person's. `made` turns an element `x` into a pseudonym."""
        persons, visits = (f"list_transform({found}, lambda x: {made})" for found in (self.persons, self.visits))
        return (
            f"(list_has_any({persons}, (select list(key) from {PERSON_KEY})) "
            f"or (len({persons}) = 0 and list_has_any({visits}, (select list(key) from {VISIT_KEY}))) "
            f"or list_contains((select list(key) from {RECORD_KEY}), {made.replace('x', '_key')}))"
        )


def _list(item: ContractObject, names: Sequence[str], without: Sequence[str] = ()) -> str:
    parts = [part for p in item.columns if p.name not in without for part in _parts(p, names)]
    return f"list_filter(list_concat({', '.join([*parts, '[]::varchar[]', '[]::varchar[]'])}), lambda x: x is not null)"


def _parts(column: Property, names: Sequence[str]) -> Iterator[str]:
    if column.name in names:
        yield f"[{sql.name(column.name)}]"
    for inner in column.items:
        if inner.name in names:
            yield f"coalesce(list_transform({sql.name(column.name)}, lambda y: y.{sql.name(inner.name)}), [])"


def want(db: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str]) -> None:
    """Fill one of the tables that `Whose.is_wanted` asks."""
    db.execute(f"create or replace temp table {table} (key varchar)")
    if keys:
        db.execute(f"insert into {table} select unnest(?::varchar[])", [list(keys)])


def all_keys(db: duckdb.DuckDBPyConnection, sources: Sequence[tuple[ContractObject, str]], keys: set[str]) -> set[str]:
    """Return every key that the lake ties to some keys, however far. Raises `TooManyKeys`."""
    found = set(keys)
    while True:
        want(db, PERSON_KEY, sorted(found))
        more = {key for item, source in sources for key in _tied(db, Whose.of(item).ties, source)}
        if more <= found:
            return found
        found |= more
        if len(found) > MOST_KEYS:
            raise TooManyKeys(
                f"What was given is tied to more than {MOST_KEYS} other numbers, which no single person has: some feed "
                "gives many people one number. Find that number, have the source mend it, and name another one."
            )


def _tied(db: duckdb.DuckDBPyConnection, ties: str, source: str) -> Iterator[str]:
    query = (
        f"select distinct unnest({ties}) from {source} where list_has_any({ties}, (select list(key) from {PERSON_KEY}))"
    )
    return (str(key) for (key,) in rows(db, query))
