"""Objects of a document that name a member twice: of two readers each may take another one.

Looking for them in every line costs a twentieth of landing. But the names that a line holds, object by object, are a
form that few lines do not share with many others: so of each line only a digest of its names is made, and one line of
each digest is looked at. A digest is not keyed: it is there to be quick, and stays in memory. Of a line the objects are
looked at that its contract reads, of a list the first; of an entry of a bundle all of them.

What does not belong here: what a member means.
"""

from collections.abc import Collection, Iterator, Mapping, Set
from functools import lru_cache
from typing import cast

import duckdb

from orchestration.contracts import Contract, ContractObject, lenient_json, sql
from orchestration.contracts.compiler import shape_of
from orchestration.contracts.suspects import Naming
from orchestration.feeds.problems import REPEATED
from orchestration.feeds.relation import rows

DEEP = "json_keys('[' || cast({0} as varchar) || ']', '$..*')"  # of every object; of anything else there are none
OF_ENTRIES = frozenset({"entry", "fullUrl", "id", "request", "resource", "resourceType", "response", "type"})
HELD_BY_ENTRY = "resource"
MANY_FORMS = 64  # of one batch, from which on looking a digest up costs more than it saves


def names_of(contract: Contract, types: Set[str] | None = None) -> str:
    """Return SQL of the names in a line (`doc`, `_type`), a list for each object; of a bundle only its own, since each
    entry is a record of its own.

    Where it is known, `types` are those that the contract is to judge: they are asked for first, which costs nothing
    where all lines are of one, and planning the others takes time.
    """
    keys = _keys_of(contract)
    told = keys.keys() - {"*"} if types is None else types & keys.keys()
    whens = " ".join(f"when {sql.text(resource_type)} then {keys[resource_type]}" for resource_type in sorted(told))
    return f"case _type {whens} when 'Bundle' then [json_keys(doc)] else {keys['*']} end"


@lru_cache
def _keys_of(contract: Contract) -> Mapping[str, str]:
    """Return SQL of the names in a line by the type of its resource."""
    paths = {str(item.resource_type): ", ".join(map(sql.text, shape_of(item).objects())) for item in contract.objects}
    return {resource_type: f"json_keys(doc, [{listed}])" for resource_type, listed in paths.items()}


def has_repeats(names: str) -> str:
    """Return SQL of whether any of several lists of names holds one twice."""
    return f"coalesce(len(list_filter({names}, lambda k: len(k) <> len(list_distinct(k)))) > 0, false)"


def repeats_in(document: str, outermost: str) -> str:
    """Return SQL of whether a document names a member twice.

    Where `outermost` (lists of names) is not null only these are looked at.
    """
    return (
        f"case when {outermost} is not null then {has_repeats(outermost)} else {has_repeats(DEEP.format(document))} end"
    )


def mark_repeats(
    db: duckdb.DuckDBPyConnection, lines: str, contract: Contract, promised: Set[str] | None = None
) -> str:
    """Return SQL of `lines` (with `doc`, `_type`, `_names`), with a problem for those that name a member twice.

    `promised` is what `names_of` was asked for.
    """
    forms = f"select _names, _type, any_value(doc) as doc from ({lines}) where _names is not null group by all"
    db.execute(f"create or replace temp table form as {forms}")
    came = {str(t) for (t,) in rows(db, "select distinct _type from form")}
    types = came if promised is None else came & promised
    judged = f"select distinct _names from form where {has_repeats(names_of(contract, types))}"
    db.execute(f"create or replace temp table repeated as {judged}")
    if not rows(db, "select 1 from repeated limit 1"):
        return lines
    problem = f"case when _names in (from repeated) then '{REPEATED.clause}' end"
    return f"select * replace ({problem} as _problem) from ({lines})"


def naming(db: duckdb.DuckDBPyConnection, item: ContractObject, types: Collection[str]) -> Naming | None:
    """Return with which names of `mark_repeats` the lists are there that an object reads; null where there are many."""
    lists = list(shape_of(item).lists())
    listed, paths = (", ".join(map(sql.text, texts)) for texts in (types, lists))
    query = f"select _names, json_type(doc, [{paths}]) from form where _type in ({listed}) limit {MANY_FORMS}"
    forms = [(int(str(digest)), cast("list[str | None]", found)) for digest, found in rows(db, query)]
    if len(forms) == MANY_FORMS:
        return None
    return {path: [digest for digest, found in forms if found[n] is not None] for n, path in enumerate(lists)}


def told(document: str, contract: Contract) -> str:
    """Return why a document (JSON text) that names a member twice is held back.

    Names that the contract does not read are not told: a name may be anything that its sender wrote.
    """
    try:
        way = next(_repeated(lenient_json.loads(document, _Members), ()))
    except (ValueError, RecursionError, StopIteration):  # DuckDB found it, and Python cannot say where
        return REPEATED.reason
    way = way[1:] if way[0] == HELD_BY_ENTRY and len(way) > 1 else way
    known = OF_ENTRIES.union(*(shape_of(item).names() for item in contract.objects))
    if not known.issuperset(way):
        return REPEATED.reason
    return f"{'.'.join(way)} is named twice in one object. {REPEATED.reason}"


class _Members(list[tuple[str, object]]):
    """The members of an object, as they came."""


def _repeated(value: object, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return the ways to members that are named twice, outermost first."""
    if isinstance(value, _Members):
        seen = set[str]()
        for name, _ in value:
            if name in seen:
                yield (*way, name)
            seen.add(name)
        for name, inner in value:
            yield from _repeated(inner, (*way, name))
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _repeated(inner, way)
