"""FHIR R4 bytes to records: bulk NDJSON, bundles of every kind, single resources.

What does not belong here: what a resource means (the contract says that). Everything happens in DuckDB over raw JSON
text, except one rare case: a bundle whose `fullUrl` and `id` disagree has its references rewritten in Python.
"""

import json
import re
from dataclasses import dataclass
from typing import cast

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.contracts import Contract, sql
from orchestration.feeds import problems
from orchestration.feeds.framing import Lines, is_cut_off, lines_of, one_document
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import Problem
from orchestration.feeds.relation import arriving, rows, table_from

FILE_TYPE = re.compile(r"^([A-Z][A-Za-z]+)(?:[._-][^/]*)?\.(?:ndjson|jsonl)(?:\.gz)?$")
ENTRY = (
    '{"fullUrl":"VARCHAR","resource":{"resourceType":"JSON","id":"JSON"},'
    '"request":{"method":"VARCHAR","url":"VARCHAR"}}'
)
TARGET = r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,128})/?$"  # of a request: Type/id
HEAD = '{"resourceType":"JSON","id":"JSON"}'


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
    found = FILE_TYPE.match(name)
    named = found.group(1) if found and found.group(1) in resource_types(contract) else None
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        return FhirFile(one_document(b"{}", limits), named, problems.EMPTY)
    if _is_one_document(name, content):
        return FhirFile(one_document(content, limits), named)
    lines = lines_of(content, limits)
    return FhirFile(lines, named)


def _is_one_document(name: str, content: bytes) -> bool:
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


def whole_problem(content: bytes, clause: str) -> Problem:
    """Return what to call a file of which every line has the problem `clause`."""
    if clause == problems.LINE_NOT_JSON.clause and is_cut_off(content):
        return problems.TRUNCATED
    return problems.WHOLE[clause]


def stage(db: duckdb.DuckDBPyConnection, files: list[FhirFile], contract: Contract) -> None:
    """Fill the view `judged_record`: one row per line or bundle entry of the files, in the order of `files`.

    Columns: _file_no, _line, _is_entry, doc (JSON text), _type, _id, _is_deleted, _problem (clause or null), _content.
    """
    with arriving(db, _lines(files)) as lines:
        db.execute(f"""
            create or replace temp table head as
            select _file_no, _line, false as _is_entry, doc, json_text(h.resourceType) as _type,
                json_text(h.id) as _id, false as _is_deleted, cast(null as varchar) as _problem,
                content_of(doc) as _content
            from (select *, from_json(doc, '{HEAD}') as h from (
                select _file_no, _line, try(json(text)) as doc from {lines}))
        """)
    has_bundles = bool(rows(db, "select 1 from head where _type = 'Bundle' limit 1"))
    if has_bundles:
        _stage_entries(db)
    _judge(db, files, contract, has_bundles)


def _lines(files: list[FhirFile]) -> pa.Table:
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


def _stage_entries(db: duckdb.DuckDBPyConnection) -> None:
    db.execute(f"""
        create or replace temp table entry as
        select _file_no, _bundle, _at, from_json(e, '{ENTRY}') as s, e -> '$.resource' as doc from (
            select _file_no, _line as _bundle, unnest(list) as e, generate_subscripts(list, 1) as _at from (
                select _file_no, _line, json_extract(doc, '$.entry[*]') as list from head where _type = 'Bundle'))
    """)
    _rewrite_references(db)
    db.execute(f"""
        create or replace temp table entry_record as
        with named as (
            select *, json_text(s.resource.resourceType) as _type, json_text(s.resource.id) as _given,
                coalesce(upper(s.request.method) = 'DELETE', false) as _deletes,
                regexp_extract(s.request.url, '{TARGET}', ['type', 'id']) as _target,
                regexp_extract(s.fullUrl, '(?:^urn:uuid:|/)([^/:]+)$', 1) as _url_id
            from entry)
        select _file_no, row_number() over (partition by _file_no order by _bundle, _at) as _line, true as _is_entry,
            case when _deletes then '{{}}' else doc end as doc,
            case when _deletes then nullif(_target.type, '') else _type end as _type,
            case when _deletes then nullif(_target.id, '')
                else coalesce(_given, nullif(_target.id, ''), nullif(_url_id, '')) end as _id,
            _deletes as _is_deleted,
            case when _deletes then case when coalesce(_target.id, '') = '' then 'entry.delete_target' end
                when doc is null or json_type(doc) <> 'OBJECT' then 'entry.no_resource' end as _problem,
            content_of(case when _deletes then 'DELETE' else cast(doc as varchar) end) as _content
        from named
    """)
    db.execute("""
        insert into entry_record
        select _file_no, 0, true, doc, 'Bundle', null, false, 'file.empty_bundle', _content from head
        where _type = 'Bundle' and coalesce(json_array_length(doc, '$.entry'), 0) = 0
    """)


def _rewrite_references(db: duckdb.DuckDBPyConnection) -> None:
    """Point references at `Type/id` in bundles whose urn:uuid names are not the ids of the resources."""
    renamed = rows(
        db,
        """select _file_no, _bundle, s.fullUrl, json_text(s.resource.resourceType) || '/' || json_text(s.resource.id)
        from entry where starts_with(s.fullUrl, 'urn:') and json_text(s.resource.id) is not null
            and s.fullUrl[10:] <> json_text(s.resource.id)""",
    )
    targets: dict[tuple[object, object], dict[str, str]] = {}
    for file_no, bundle, url, target in renamed:
        targets.setdefault((file_no, bundle), {})[str(url)] = str(target)
    for (file_no, bundle), names in targets.items():
        where = "where _file_no = ? and _bundle = ? and doc is not null"
        found = rows(db, f"select _at, doc from entry {where}", [file_no, bundle])
        changed = [(at, json.dumps(_renamed(json.loads(str(doc), parse_float=_Exact), names))) for at, doc in found]
        at, docs = zip(*changed, strict=True)
        table_from(db, "renamed", pa.table({"at": pa.array(at, pa.int64()), "doc": pa.array(docs, pa.large_string())}))
        change = "update entry set doc = renamed.doc from renamed"
        db.execute(f"{change} where _file_no = ? and _bundle = ? and _at = renamed.at", [file_no, bundle])


class _Exact(float):
    """A float that is written as it was read."""

    def __new__(cls, text: str) -> "_Exact":
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    def __repr__(self) -> str:
        return self.text


def _renamed(node: object, names: dict[str, str]) -> object:
    if isinstance(node, list):
        return [_renamed(item, names) for item in cast("list[object]", node)]
    if isinstance(node, dict):
        members = cast("dict[str, object]", node)
        return {k: _reference(v, names) if k == "reference" else _renamed(v, names) for k, v in members.items()}
    return node


def _reference(value: object, names: dict[str, str]) -> object:
    return names.get(value, value) if isinstance(value, str) else _renamed(value, names)


def _judge(db: duckdb.DuckDBPyConnection, files: list[FhirFile], contract: Contract, has_bundles: bool) -> None:
    known = ", ".join(sql.text(t) for t in resource_types(contract))
    promised = [(n, f.named_type) for n, f in enumerate(files) if f.named_type]
    wrong = " or ".join(f"(_file_no = {n} and _type <> {sql.text(t)})" for n, t in promised) or "false"
    entries = "union all by name select * from entry_record" if has_bundles else ""
    alone = "where _type is distinct from 'Bundle'" if has_bundles else ""
    db.execute(f"""
        create or replace temp view judged_record as
        select * exclude (_problem), coalesce(_problem, case
                when doc is null then 'line.not_json'
                when _type is null then 'line.not_fhir'
                when _type not in ({known}) then 'line.unknown_type'
                when not _is_entry and ({wrong}) then 'line.wrong_type'
            end) as _problem
        from (select * from head {alone} {entries})
    """)
