"""FHIR R4 bytes to records: bulk NDJSON, bundles of every kind, single resources.

What does not belong here: what a resource means (the contract says that), and unfolding bundles (bundles.py).
Everything happens in DuckDB over raw JSON text.
"""

import json
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import cast

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.contracts import Contract, Reader, sql
from orchestration.feeds import problems
from orchestration.feeds.bundles import unfold
from orchestration.feeds.encoding import not_utf8
from orchestration.feeds.framing import Lines, lines_of, one_document
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import Problem
from orchestration.feeds.relation import arriving, dealt, rows, threads_of
from orchestration.feeds.repeats import mark_repeats, names_of

FILE_TYPE = re.compile(r"^([A-Z][A-Za-z]+)(?:[._-][^/]*)?\.(?:ndjson|jsonl)(?:\.gz)?$")
HEAD = '{"resourceType":"JSON","id":"JSON"}'
BEGINNING = r'^\{"resourceType":"([A-Za-z]+)","id":"([A-Za-z0-9.-]+)"'  # of most: cheaper to read than the whole line


@dataclass(frozen=True)
class FhirFile:
    """One file's lines, and the type that its name promises."""

    lines: Lines
    named_type: str | None
    problem: Problem | None = None


def resource_types(contract: Contract) -> tuple[str, ...]:
    """Return the R4 types that a contract knows."""
    item = contract.object_for("*")
    return next(p.codes for p in item.properties if p.path == "resourceType")


def open_file(name: str, content: bytes, contract: Contract, limits: Limits) -> FhirFile:
    """Cut a file into lines: one document where the whole is JSON, else one per line."""
    named = named_type(name, contract)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        return FhirFile(one_document(b"{}", limits), named, problems.EMPTY)
    if is_one_document(name, content):
        return FhirFile(one_document(content, limits), named)
    lines = lines_of(content, limits)
    return FhirFile(lines, named)


def named_type(name: str, contract: Contract) -> str | None:
    """Return the type of resources that a file's name promises."""
    found = FILE_TYPE.match(name)
    return found.group(1) if found and found.group(1) in resource_types(contract) else None


def is_one_document(name: str, content: bytes) -> bool:
    """NDJSON says so in its name, or has a first line that is a document and is not the last."""
    if name.lower().removesuffix(".gz").endswith((".ndjson", ".jsonl")):
        return False
    first, _, rest = content.strip().partition(b"\n")
    if not rest.strip():
        return True
    first = first.strip()
    return not (first.startswith(b"{") and first.endswith(b"}") and _is_json(first))


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def whole_problem(content: bytes, clause: str, *, is_cut_off: bool) -> Problem:
    """Return what to call a file of which every line has the problem `clause`; its beginning serves as `content`."""
    if clause == problems.LINE_NOT_JSON.clause and is_cut_off:
        return problems.TRUNCATED
    return not_utf8(content) if clause == problems.LINE_NOT_UTF8.clause else problems.WHOLE[clause]


def stage(
    db: duckdb.DuckDBPyConnection,
    files: list[FhirFile],
    contract: Contract,
    limits: Limits,
    records_before: int | None = None,
) -> bool:
    """Fill the view `judged_record`: one row per line or bundle entry of the files, in the order of `files`.

    Returns whether a file holds bundles. `records_before` is for a piece of a file that does, in this piece or another:
    how many records came before it.

    Columns: _file_no, _line, _is_entry, doc (JSON text), _type, _id, _is_deleted, _problem (clause or null), _content,
    _base (the server that a bundle names for an entry).
    `_line` is the number of the line, in a file that holds bundles that of the record.
    """
    shares, promised = dealt(lines_table(files), threads_of(db)), _promised(files)
    for n, share in enumerate(shares):
        with arriving(db, share) as lines:
            db.execute(f"create or replace temp table head_{n} as {_named(read_lines(lines), contract, promised)}")
    every = mark_repeats(db, " union all ".join(f"from head_{n}" for n in range(len(shares))), contract, promised)
    db.execute(f"create or replace temp view head as {every}")
    has_bundles = records_before is not None or bool(rows(db, "select 1 from head where _type = 'Bundle' limit 1"))
    if has_bundles:
        unfold(db, limits, records_before)
    _judge(db, files, contract, has_bundles)
    return has_bundles


def read_lines(lines: str, more: str = "") -> str:
    """Return the SQL of the lines in a relation (`_file_no`, `_line`, `text`) as records that are not judged yet.

    `more` are further columns of the relation to be carried along, each with a comma before it.
    """
    return f"""
        select _file_no, _line, false as _is_entry, doc, case when starts.type <> '' then starts.type
                else json_text(h.resourceType) end as _type,
            case when starts.type <> '' then starts.id else json_text(h.id) end as _id,
            false as _is_deleted, cast(null as varchar) as _problem,
            content_of_record(cast(doc as varchar)) as _content, cast(null as varchar) as _base{more}
        from (select *, case when starts.type = '' then from_json(doc, '{HEAD}') end as h from (
            select *, regexp_extract(cast(doc as varchar), '{BEGINNING}', ['type', 'id']) as starts from (
                select _file_no, _line, try(json(text)) as doc{more} from {lines})))
    """


def _promised(files: list[FhirFile]) -> Set[str] | None:
    """Return the types that files promise by their names, null where one does not; a line of another is held back."""
    promised = {file.named_type for file in files}
    return None if None in promised else cast("set[str]", promised)


def _named(lines: str, contract: Contract, types: Set[str] | None) -> str:
    """Add a digest of the names in each line, null where a reader of this installation wrote the line."""
    if contract.reader is not Reader.FHIR:
        return f"select *, cast(null as ubigint) as _names from ({lines})"
    # As text: DuckDB's hash of lists in lists is the same for some whose names stand in other lists.
    return f"select *, hash(cast({names_of(contract, types)} as varchar)) as _names from ({lines})"


def lines_table(files: list[FhirFile]) -> pa.Table:
    """Return the readable lines of files as one table: `_file_no` (their place), `_line`, `text`."""
    parts = [
        pa.table(
            {
                "_file_no": pa.array(np.full(len(f.lines.number), n, dtype=np.int32)),
                "_line": pa.array(f.lines.number.astype(np.int64)),
                "text": f.lines.text,
            }
        )
        for n, f in enumerate(files)
    ]
    return pa.concat_tables(parts)


def _judge(db: duckdb.DuckDBPyConnection, files: list[FhirFile], contract: Contract, has_bundles: bool) -> None:
    promised = [(n, f.named_type) for n, f in enumerate(files) if f.named_type]
    wrong = " or ".join(f"(_file_no = {n} and _type <> {sql.text(t)})" for n, t in promised) or "false"
    entries = "union all by name from unfolded" if has_bundles else ""
    alone = "where _file_no not in (select _file_no from unfolded)" if has_bundles else ""
    records = f"(select * from head {alone} {entries})"
    db.execute(f"create or replace temp view judged_record as {judged(records, contract, wrong)}")


def judged(records: str, contract: Contract, wrong: str = "false") -> str:
    """Return the SQL of records with what keeps each from being looked at by the contract, if anything.

    `wrong` is the condition that a record is of another type than its file's name promised. That comes before all else,
    since how closely such a line was looked at is a matter of the files beside it.
    """
    known = ", ".join(sql.text(t) for t in resource_types(contract))
    return f"""
        select * exclude (_problem), case
            when not _is_entry and _type <> 'Bundle' and _type in ({known}) and ({wrong}) then 'line.wrong_type'
            else coalesce(_problem, case
                when doc is null then 'line.not_json'
                when _type is null then 'line.not_fhir'
                when _type not in ({known}) then 'line.unknown_type'
                when not _is_entry and ({wrong}) then 'line.wrong_type'
            end) end as _problem
        from {records}
    """
