"""Bundles unfolded: one record per innermost entry, whatever bundles it lies in.

What does not belong here: what a resource means, and where its references point (references.py). Everything happens in
DuckDB over raw JSON text; only the audit counts a second time, in Python, where bundles lie in bundles.
"""

from typing import cast

import duckdb

from orchestration.contracts import lenient_json, sql
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import REPEATED
from orchestration.feeds.references import rewrite_references
from orchestration.feeds.relation import rows
from orchestration.feeds.repeats import repeats_in
from orchestration.feeds.settle import DELETED

ENTRY = (
    '{"fullUrl":"VARCHAR","resource":{"resourceType":"JSON","id":"JSON"},'
    '"request":{"method":"VARCHAR","url":"VARCHAR"},"response":"JSON"}'
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")  # R4 http-verb
WITHOUT_BUNDLE = ("DELETE", "PATCH")  # what such an entry holds is no bundle of records
TARGET = r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,128})/?$"  # of a request: Type/id
# A deletion says when it was as a resource says when its version was made (compiler.VERSION_PATH).
_TOMBSTONE = "json_object('meta', json_object('lastUpdated', json_extract_string(s.response, '$.lastModified')))"
# An entry that asks for a change of a resource and does not hold it: a PATCH (in a history the resource as it became
# may stand beside it), or an operation such as Patient/$merge.
_IS_REQUEST = r"""(
    _method = 'PATCH' and (s.response is null or coalesce(_named <> _target.type, true))
    or _method = 'POST' and _named = 'Parameters' and regexp_matches(s.request.url, '(^|/)\$[a-z]')
)"""
# The server of an entry: of its request where that names one, else of its full URL, else of the bundle that it lies
# in. What has a scheme and names no resource is a server that nobody lists.
_SERVER = f"""coalesce(case when contains(s.request.url, '://') and not contains(s.request.url, '?')
        then coalesce(nullif(regexp_extract(s.request.url, '{sql.SERVER}', 1), ''), s.request.url) end,
    case when contains(s.fullUrl, '://')
        then coalesce(nullif(regexp_extract(s.fullUrl, '{sql.SERVER}', 1), ''), s.fullUrl) end, _outer)"""
OUTERMOST = """select _file_no, [_line] as _within, cast(null as varchar) as _outer, doc from head
    where _type = 'Bundle' and _problem is null"""
HAS_REPEATS = repeats_in(  # a bundle within an entry is looked at itself; its entries are records of their own
    "e", """case when s.resource.resourceType = '"Bundle"' then [json_keys(e), json_keys(e, '$.resource')] end"""
)


def unfold(db: duckdb.DuckDBPyConnection, limits: Limits, records_before: int | None = None) -> None:
    """Fill the table `unfolded` with the records of every file that holds a bundle, in their order.

    Its columns are those of `head`; `_line` is the number of the record in its file. An entry that holds a bundle
    stands for that bundle's entries; a bundle that cannot be opened (empty, or too deep in others) is one record.
    `records_before` is for a piece of a file that holds bundles in this piece or another (see `fhir.stage`).
    """
    db.execute(f"create or replace temp table entry as {_entries_of(OUTERMOST)}")
    for depth in range(1, limits.bundles + 1):
        inner = f"from entry where len(_within) = {depth} and _is_bundle"
        if not rows(db, f"select 1 {inner} limit 1"):
            break
        bundles = f"select _file_no, list_append(_within, _at) as _within, _base as _outer, doc {inner}"
        db.execute(f"insert into entry {_entries_of(bundles)}")
    rewrite_references(db)
    _name_records(db, limits, records_before)


def _entries_of(bundles: str) -> str:
    """Return the entries of bundles: `_within` is the way to the bundle, `_at` the place in it."""
    return f"""
        select *, coalesce(upper(s.request.method), '') as _method, _method = 'DELETE' as _deletes,
            not _repeats and _method not in {WITHOUT_BUNDLE}
                and coalesce(cast(s.resource.resourceType as varchar) = '"Bundle"', false) as _is_bundle,
            {_SERVER} as _base
        from (
            select *, case when _repeats then e else e -> '$.resource' end as doc from (
                select *, {HAS_REPEATS} as _repeats from (
                    select *, from_json(e, '{ENTRY}') as s from (
                        select * exclude (list), unnest(list) as e, generate_subscripts(list, 1) as _at from (
                            select * exclude (doc), json_extract(doc, '$.entry[*]') as list from ({bundles}))))))
    """


def _name_records(db: duckdb.DuckDBPyConnection, limits: Limits, records_before: int | None) -> None:
    of_bundles = "_file_no in (select _file_no from head where _type = 'Bundle')"
    in_file = of_bundles if records_before is None else "true"
    has_entries = "coalesce(json_array_length(doc, '$.entry'), 0) > 0"
    listed = str(METHODS)[1:-1]
    db.execute(f"""
        create or replace temp table unfolded as
        with closed as (
            select *, json_text(s.resource.resourceType) as _named, json_text(s.resource.id) as _given,
                regexp_extract(s.request.url, '{TARGET}', ['type', 'id']) as _target,
                regexp_extract(s.fullUrl, '(?:^urn:uuid:|/)([^/:]+)$', 1) as _url_id
            from entry
            where not (_is_bundle and len(_within) <= {limits.bundles} and {has_entries})),
        record as (
            select _file_no, _within, _at, true as _is_entry,
                case when _deletes and not _repeats then {_TOMBSTONE} else doc end as doc,
                case when _deletes or {_IS_REQUEST} then nullif(_target.type, '') else _named end as _type,
                case when _deletes then nullif(_target.id, '')
                    else coalesce(_given, nullif(_target.id, ''), nullif(_url_id, '')) end as _id,
                _deletes as _is_deleted, _base,
                case when _repeats then '{REPEATED.clause}'
                    when _deletes then case when coalesce(_target.id, '') = '' then 'entry.delete_target'
                        when strange_server(_base) then 'entry.server' end
                    when {_IS_REQUEST} then 'entry.' || if(_method = 'PATCH', 'patch', 'operation')
                    when _method not in ('', {listed}) then 'entry.method'
                    when _is_bundle then case when {has_entries} then 'entry.too_deep' else 'entry.empty_bundle' end
                    when _named = 'Bundle' then 'line.unknown_type'
                    when doc is not null and json_type(doc) = 'OBJECT'
                        then case when strange_server(_base) then 'entry.server' end
                    when json_type(s.response) = 'OBJECT' then 'entry.response_only'
                    else 'entry.no_resource' end as _problem,
                content_of(case when _deletes and not _repeats then '{DELETED}' else cast(doc as varchar) end)
                    as _content
            from closed
            union all by name
            select _file_no, [_line] as _within, 0 as _at, _type = 'Bundle' as _is_entry, doc, _type, _id, _is_deleted,
                _base, case when _problem is not null then _problem when _type = 'Bundle' then 'file.empty_bundle' end
                    as _problem, _content
            from head
            where (_type is distinct from 'Bundle' or _problem is not null or not {has_entries})
                and {in_file})
        select * exclude (_within, _at),
            {records_before or 0} + row_number() over in_order as _line
        from record
        window in_order as (partition by _file_no order by list_append(_within, _at))
    """)


def count_records(document: str, limits: Limits) -> int:
    """Count the records of a bundle (JSON text) without DuckDB: the audit of `unfold`."""
    return _count(lenient_json.loads(document, object_of), 1, limits.bundles)


class Repeating(dict[str, object]):
    """A JSON object that names a member twice: what holds it is a record that is held back. Of members with one name
    the first counts, as DuckDB reads them; `members` are all."""

    def __init__(self, members: list[tuple[str, object]]) -> None:
        super().__init__(reversed(members))
        self.members = members


def object_of(members: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object of its members."""
    made = dict(members)
    return made if len(made) == len(members) else Repeating(members)


def _count(bundle: dict[str, object], depth: int, deepest: int) -> int:
    listed = bundle.get("entry")
    entries = cast("list[object]", listed) if isinstance(listed, list) else []
    inner = [bundle_in(entry) for entry in entries] if depth <= deepest else [None for _ in entries]
    return sum(1 if found is None else _count(found, depth + 1, deepest) for found in inner) or 1


def bundle_in(entry: object) -> dict[str, object] | None:
    """Return the bundle that an entry holds, unless it asks for a deletion or a change."""
    held = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
    request, resource = held.get("request"), held.get("resource")
    method = cast("dict[str, object]", request).get("method") if isinstance(request, dict) else None
    if isinstance(held, Repeating) or isinstance(resource, Repeating):
        return None
    if not isinstance(resource, dict) or (isinstance(method, str) and method.upper() in WITHOUT_BUNDLE):
        return None
    bundle = cast("dict[str, object]", resource)
    return bundle if bundle.get("resourceType") == "Bundle" else None
