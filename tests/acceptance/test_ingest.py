"""What a hospital's odd files come to on the command line: a receipt each, a plain reason, and the right exit code."""

import json

import pytest

pytestmark = pytest.mark.xdist_group("survey")

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-04-01"}
ROSTER = "shift_id,staff_id,unit,shift,shift_date,starts_at,ends_at,role,skills,status\r\n"
DUTY = "d1,n1,ED,day,2026-02-05,2026-02-05T07:00:00-05:00,2026-02-05T15:00:00-05:00,RN,,planned\r\n"
FATES = ("landed", "duplicate", "superseded", "deleted", "quarantined")


def ndjson(*resources):
    return "".join(json.dumps(resource) + "\n" for resource in resources)


def ingest(home, path, text, site="city"):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran = home.run("ingest", path, "--site", site, "--json")
    for receipt in ran.json["receipts"]:
        assert receipt["received"] == sum(receipt[fate] for fate in FATES)
    return ran


def test_a_good_line_lands_beside_a_bad_one(fresh_home, tmp_path):
    second = {**PATIENT, "id": "p2"}
    ran = ingest(fresh_home, tmp_path / "Patient.ndjson", ndjson(PATIENT) + '{"resourceType": "Pat\n' + ndjson(second))
    [receipt] = ran.json["receipts"]
    assert (ran.code, receipt["received"], receipt["landed"], receipt["quarantined"]) == (0, 3, 2, 1)
    assert sum(receipt["reasons"].values()) == 1


def test_again_is_duplicate_and_corrected_is_superseded(fresh_home, tmp_path):
    ingest(fresh_home, tmp_path / "Patient.ndjson", ndjson(PATIENT))
    corrected = {**PATIENT, "gender": "male"}
    ran = ingest(fresh_home, tmp_path / "second.ndjson", ndjson(PATIENT, corrected, {**PATIENT, "id": "p9"}))
    [receipt] = ran.json["receipts"]
    assert [receipt[fate] for fate in FATES] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "content",
    [b"", b"not json at all\n", b"\xff\xfe\x00garbage\x80\n", b"[" * 200_000, b'{"resourceType": "Bundle", "entry": ['],
    ids=["empty", "not JSON", "not UTF-8", "nesting bomb", "truncated"],
)
def test_a_file_that_cannot_be_read_is_quarantined_whole_with_a_reason(fresh_home, tmp_path, content):
    ran = ingest(fresh_home, tmp_path / "export.json", content)
    [receipt] = ran.json["receipts"]
    assert (ran.code, receipt["received"], receipt["quarantined"]) == (0, 1, 1)
    assert list(receipt["reasons"].values()) == [1]


def test_a_missing_required_column_stops_the_feed_with_what_was_expected_and_what_came(fresh_home, tmp_path):
    text = ROSTER.replace("starts_at,", "") + DUTY.replace("2026-02-05T07:00:00-05:00,", "")
    ran = ingest(fresh_home, tmp_path / "rosters.csv", text)
    assert ran.code == 3
    assert "starts_at" in ran.json["stopped"] and "ends_at" in ran.json["stopped"]


def test_a_stopped_feed_in_a_drop_fails_the_run_with_exit_code_3(fresh_home, tmp_path):
    drop = fresh_home.path / "drops" / "city" / "2026-02-05"
    drop.mkdir(parents=True)
    (drop / "rosters.csv").write_text(ROSTER.replace("starts_at,", "") + DUTY)
    (drop / "Patient.ndjson").write_text(ndjson(PATIENT))
    ran = fresh_home.run("run", "--site", "city", "--json")
    assert ran.code == 3 and ran.json["succeeded"] is False
    assert any("starts_at" in error for error in ran.json["errors"])
    receipts = list((fresh_home.path / "receipts" / "city").rglob("*.json"))
    assert len(receipts) == 2, "the good file of the drop landed all the same"


def test_an_unknown_site_is_refused_with_the_known_ones(fresh_home, tmp_path):
    (tmp_path / "Patient.ndjson").write_text(ndjson(PATIENT))
    ran = fresh_home.run("ingest", tmp_path / "Patient.ndjson", "--site", "nowhere", "--json")
    assert ran.code == 1 and "city" in ran.json["error"]


def test_a_feed_that_the_site_does_not_send_is_refused_in_a_sentence(fresh_home, tmp_path):
    (tmp_path / "rosters.csv").write_text(ROSTER + DUTY)
    ran = fresh_home.run("ingest", tmp_path / "rosters.csv", "--site", "synthea", "--feed", "rosters", "--json")
    assert ran.code == 1 and "synthea does not send the feed 'rosters'" in ran.json["error"]


def test_what_is_said_again_after_something_else_is_believed_again(fresh_home, tmp_path):
    """A bed board that says A, then B, then A: the last word counts, in the same call or not."""
    head = "unit_code,at,occupied,staffed_beds,closed\r\n"
    for n, beds in enumerate([5, 6, 5]):
        ran = ingest(fresh_home, tmp_path / f"census-{n}.csv", f"{head}ED,2026-02-05T12:00:00Z,{beds},36,0\r\n")
    assert ran.json["receipts"][0]["superseded"] == 1


def test_bundles_within_a_batch_response_land_entry_by_entry(fresh_home, tmp_path):
    found = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": PATIENT}]}
    answers = [{"response": {"status": "200"}, "resource": found}, {"response": {"status": "404"}}]
    text = json.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": answers})
    [receipt] = ingest(fresh_home, tmp_path / "answer.json", text).json["receipts"]
    assert (receipt["received"], receipt["landed"], receipt["reasons"]) == (2, 1, {"entry.response_only": 1})
