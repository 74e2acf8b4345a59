"""A contract may name the property that says when a record's version was made."""

from datetime import UTC, datetime

import duckdb
import pytest

from orchestration.contracts import InvalidContract, sql
from orchestration.contracts.compiler import compile_fhir
from orchestration.contracts.load import parse_contract

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: x
name: notes
version: 1.0.0
status: active
team: {name: t, members: [{username: someone, role: owner}]}
customProperties:
  - {property: reader, value: hl7v2}
  - {property: formats, value: [hl7v2]}
  - {property: fallback, value: none}
schema:
  - name: Note
    physicalName: note
    customProperties:
      - {property: resourceType, value: '*'}
      - {property: version, value: sent_at}
    properties:
      - name: note_key
        logicalType: string
        primaryKey: true
        required: true
        classification: identifier
        customProperties: [{property: path, value: id}, {property: authority, value: Note}]
      - name: sent
        logicalType: string
        classification: public
        customProperties: [{property: path, value: sent}, {property: landed, value: false}]
      - name: sent_at
        logicalType: timestamp
        classification: public
        transformLogic: hl7_instant(sent)
"""


def version(contract: str, doc: str) -> datetime | None:
    item = parse_contract("notes", contract.encode()).objects[0]
    with duckdb.connect() as db:
        sql.install(db, b"k", "Europe/Berlin")
        db.execute(
            """create table came as select 1 as _file_no, 1 as _line, timestamptz '2026-03-01' as _arrived_at,
            'c' as _content, false as _is_deleted, 'n1' as _id, 'Note' as _type, cast(? as json) as doc""",
            [doc],
        )
        found = db.execute(f"select _version_at from ({compile_fhir(item).query('came')})").fetchone()
    assert found is not None
    return found[0]


def test_the_named_property_is_the_version() -> None:
    assert version(CONTRACT, '{"sent": "20260228120000"}') == datetime(2026, 2, 28, 11, tzinfo=UTC)


def test_a_record_without_it_has_no_version() -> None:
    assert version(CONTRACT, '{"meta": {"lastUpdated": "2026-02-28T00:00:00Z"}}') is None


def test_a_version_from_long_after_the_arrival_says_nothing() -> None:
    assert version(CONTRACT, '{"sent": "20270101"}') is None


def test_without_a_named_property_the_format_says_the_version() -> None:
    plain = CONTRACT.replace("      - {property: version, value: sent_at}\n", "")
    made = version(plain, '{"sent": "20260227", "meta": {"lastUpdated": "2026-02-28T00:00:00Z"}}')
    assert made == datetime(2026, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize("named", ["nothing", "sent", "note_key"])
def test_a_version_that_is_no_timestamp_of_the_object_is_refused(named: str) -> None:
    with pytest.raises(InvalidContract, match="version"):
        parse_contract("notes", CONTRACT.replace("value: sent_at", f"value: {named}").encode())
