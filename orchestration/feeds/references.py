"""References within bundles whose `fullUrl` and `id` disagree, pointed at `Type/id`.

What does not belong here: resolving references to other files (the contract does that). This is rare, and done in
Python over the documents of such bundles alone.
"""

import json
from typing import cast

import duckdb
import pyarrow as pa

from orchestration.feeds.relation import rows, table_from


def rewrite_references(db: duckdb.DuckDBPyConnection) -> None:
    """Change `doc` of the table `entry` in bundles whose urn:uuid names are not the ids of the resources."""
    renamed = rows(
        db,
        """select _file_no, cast(_within as varchar), s.fullUrl,
            json_text(s.resource.resourceType) || '/' || json_text(s.resource.id)
        from entry where starts_with(s.fullUrl, 'urn:') and json_text(s.resource.id) is not null
            and s.fullUrl[10:] <> json_text(s.resource.id)""",
    )
    targets: dict[tuple[object, object], dict[str, str]] = {}
    for file_no, within, url, target in renamed:
        targets.setdefault((file_no, within), {})[str(url)] = str(target)
    for (file_no, within), names in targets.items():
        where = "_file_no = ? and cast(_within as varchar) = ?"
        found = rows(db, f"select _at, doc from entry where doc is not null and {where}", [file_no, within])
        changed = [(at, json.dumps(_renamed(json.loads(str(doc), parse_float=_Exact), names))) for at, doc in found]
        at, docs = zip(*changed, strict=True)
        table_from(db, "renamed", pa.table({"at": pa.array(at, pa.int64()), "doc": pa.array(docs, pa.large_string())}))
        change = "update entry set doc = renamed.doc from renamed"
        db.execute(f"{change} where {where} and _at = renamed.at", [file_no, within])


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
