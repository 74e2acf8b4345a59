"""HL7 v2, DICOM and X12 as published, every record accounted for; contracts and quarantine on the command line."""

import json
import os
import socket
import subprocess
from collections import Counter

import pytest

from orchestration.contracts import CONTRACTS_DIR
from tests.acceptance.conftest import COMMAND

pytestmark = pytest.mark.xdist_group("survey")

FATES = ("landed", "duplicate", "superseded", "deleted", "quarantined")
ADMISSION = (
    "MSH|^~\\&|ADT|HOSP|PH|PH|20260101120000||ADT^A01|{control}|P|2.5\r"
    "EVN|A01|20260101120000\rPID|1||4711^^^HOSP^MR||Planted^Person||19800101|F\rPV1|1|E|ED\r"
)


def received(document):
    for receipt in document["receipts"]:
        assert receipt["received"] == sum(receipt[fate] for fate in FATES)
    return {receipt["file"]: receipt for receipt in document["receipts"]}


def test_every_message_of_a_real_file_is_accounted_for(fresh_home, shared_data):
    file = shared_data / "hl7v2_simhospital" / "messages.out"
    found = received(fresh_home.ok("ingest", file, "--site", "samples"))["messages.out"]
    lines = file.read_bytes().replace(b"\r", b"\n").split(b"\n")
    messages = sum(line.startswith(b"MSH|") for line in lines)
    assert (found["feed"], found["received"], found["landed"]) == ("hl7v2", messages, messages)
    again = received(fresh_home.ok("ingest", file, "--site", "samples"))["messages.out"]
    assert again["duplicate"] == messages


def test_every_image_of_a_real_folder_is_accounted_for(fresh_home, shared_data):
    found = received(fresh_home.ok("ingest", shared_data / "dicom", "--site", "samples"))
    images = {name: one for name, one in found.items() if name.endswith(".dcm")}
    assert sorted(images) == sorted(path.name for path in (shared_data / "dicom").glob("*.dcm"))
    assert {one["feed"] for one in images.values()} == {"dicom"}
    assert Counter(fate for one in images.values() for fate in FATES if one[fate]) == {
        "landed": 9,
        "superseded": 1,  # no_meta.dcm is CT_small.dcm without its meta information
        "quarantined": 1,  # badVR.dcm has a number that is none
    }


def test_claims_whose_set_does_not_add_up_are_held_and_listed(fresh_home, shared_data):
    found = received(fresh_home.ok("ingest", shared_data / "x12_837", "--site", "samples"))
    claims = {name: one for name, one in found.items() if one["feed"] == "x12_837"}
    assert {name: one["quarantined"] for name, one in claims.items()} == {
        "x12_complex.txt": 6,
        "x12_valid.txt": 2,
        "x223-test.txt": 1,
    }
    held = fresh_home.ok("quarantine", "list", "--feed", "x12_837")
    assert held["quarantined"] == 9
    assert {clause["clause"] for one in held["files"] for clause in one["clauses"]} == {"Claim.segments.count"}
    replayed = fresh_home.ok("quarantine", "replay", "--site", "samples", "--feed", "x12_837")
    assert (replayed["held"], replayed["taken"], replayed["still_quarantined"]) == (9, 0, 9)


def test_a_feed_that_the_site_does_not_send_is_held_whole(fresh_home, tmp_path):
    (tmp_path / "a.hl7").write_text(ADMISSION.format(control=1))
    found = received(fresh_home.ok("ingest", tmp_path / "a.hl7", "--site", "nhamcs"))["a.hl7"]
    assert (found["received"], found["quarantined"]) == (1, 1)


def test_the_contracts_of_the_house_are_sound_and_a_tightened_one_breaks(fresh_home, tmp_path):
    assert fresh_home.ok("contract", "check")["ok"]
    old = CONTRACTS_DIR / "census.odcs.yaml"
    new = tmp_path / "census.odcs.yaml"
    new.write_text(old.read_text().replace("required: false", "required: true").replace("minimum: 0", "minimum: 1", 1))
    ran = fresh_home.run("contract", "diff", old, new, "--json")
    assert (ran.code, ran.json["breaking"], ran.json["version_ok"]) == (1, True, False)


def test_the_listener_acknowledges_what_is_landed(fresh_home):
    listener = subprocess.Popen(
        [COMMAND, "listen", "--site", "samples", "--port", "0"],
        env={**os.environ, "PILOTHOUSE_HOME": str(fresh_home.path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert listener.stderr is not None
        address = listener.stderr.readline().rsplit(" ", 1)[-1].strip()
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as sender:
            assert "MSA|AA|M1" in exchange(sender, ADMISSION.format(control="M1"))
            assert "MSA|AE|" in exchange(sender, ADMISSION.format(control="M2").replace("4711^^^HOSP^MR", ""))
            assert "MSA|AR" in exchange(sender, "no message at all")
    finally:
        listener.terminate()
        listener.communicate(timeout=60)
    receipts = [json.loads(path.read_text()) for path in (fresh_home.path / "receipts" / "samples").rglob("*.json")]
    assert (sum(r["landed"] for r in receipts), sum(r["quarantined"] for r in receipts)) == (1, 1)
    written = b"".join(path.read_bytes() for path in (fresh_home.path / "lake").rglob("*.parquet"))
    assert b"Planted" not in written


def exchange(sender, message):
    sender.sendall(b"\x0b" + message.encode() + b"\x1c\r")
    answer = b""
    while not answer.endswith(b"\x1c\r"):
        answer += sender.recv(4096)
    return answer.decode()
