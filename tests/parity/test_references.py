"""What a reference names: landing and serving read the same text alike where both know the servers."""

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.features.fhir import Origin
from orchestration.feeds.relation import connection

EHR, BASE, OTHER = "https://ehr.example/fhir", "http://10.0.0.7:8080/r4", "https://other.example/fhir"
ids = st.sampled_from(["p1", "p2", "P1", "0", "p1.x", "a-b"])
servers = st.sampled_from(["", f"{EHR}/", f"{BASE}/", f"{OTHER}/", f"{EHR}/x/", "./", "/"])
versions = st.sampled_from(["", "/_history/1", "/_history/p1"])
written = st.builds(lambda server, one, version: f"{server}Patient/{one}{version}", servers, ids, versions)
urns = ids.map(lambda one: f"urn:uuid:{one}")


@pytest.fixture(scope="module")
def db() -> duckdb.DuckDBPyConnection:
    with connection(b"k" * 32, authorities={"server": {EHR: "city"}}) as opened:
        yield opened


@given(reference=written | urns, own=ids)
@example(reference=f"{OTHER}/Patient/p1", own="p1")
@example(reference="urn:uuid:p1", own="p1")
def test_landing_and_serving_agree_on_whose_record_it_is(db, reference: str, own: str) -> None:
    query = (
        "select resolved_reference(?, null, 'Patient', null, null, null) is not distinct from 'Patient' || chr(31) || ?"
    )
    [(is_own,)] = db.execute(query, [reference, own]).fetchall()
    assert Origin(frozenset({EHR})).refers_elsewhere({"reference": reference}, "Patient", own) == (not is_own)
