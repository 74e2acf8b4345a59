"""Identifiers of every one of the 18 kinds of Safe Harbor, planted in every feed: none leaves the encrypted bytes.

45 CFR 164.514(b)(2)(i) A to R. Dates that a contract lands as such (birth, admission, a reading) are quasi-identifiers
there and are not planted as dates; dates in texts are. The positive control shows that the search finds what is there.
"""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from orchestration.cli import main
from orchestration.feeds.vault import Vault

PLANTED = {
    "A name": "Zorrillova",
    "B place": "Elmwoodgasse",
    "B postal code": "66801-4711",
    "C date": "3rd of Febtober",
    "D telephone": "620-555-0199",
    "E fax": "620-555-0177",
    "F e-mail": "zorri@mailbox.example",
    "G social security": "987-65-4321",
    "H record number": "MRN-55501234",
    "I plan number": "PLAN-7788990011",
    "J account": "ACCT-3344556677",
    "K licence": "LIC-K9988776",
    "L vehicle": "PLATE-KS-777-ZZZ",
    "M device serial": "SERIAL-DX-998877",
    "N web address": "https://people.example/zorri",
    "O network address": "203.0.113.77",
    "P biometric": "FINGERPRINT-QUFB",
    "Q photo": base64.b64encode(b"a full face, as a photograph of it").decode(),
    "R other": "TATTOO-CODE-424242",
}
SITE = "rural"
LAND = ("FHIR lines", "FHIR bundle", "HL7 v2", "DICOM", "X12", "table of notes", "Parquet of notes")
WITH_ADDRESS = ("FHIR lines", "FHIR bundle", "HL7 v2", "X12")  # feeds that tell where somebody lives, part by part
ALL = " ".join(PLANTED.values())
NAME, STREET, ZIP = PLANTED["A name"], PLANTED["B place"], PLANTED["B postal code"]


def number(system: str, kind: str, code: str) -> dict[str, object]:
    return {"system": system, "value": PLANTED[kind], "type": {"coding": [{"code": code}]}}


def fhir_records() -> list[dict[str, object]]:
    said = {
        "text": {"status": "generated", "div": f"<div>{ALL}</div>"},
        "extension": [{"url": "x", "valueString": ALL}],
    }
    note = [{"text": ALL}]
    subject = {"reference": f"Patient/{PLANTED['H record number']}", "display": NAME}
    patient = {
        "resourceType": "Patient", "id": PLANTED["H record number"], **said,
        "name": [{"family": NAME, "given": [NAME], "text": NAME}],
        "address": [{"line": [STREET], "city": STREET, "postalCode": ZIP, "state": "KS", "text": ALL}],
        "telecom": [{"system": s, "value": PLANTED[k]} for s, k in (
            ("phone", "D telephone"), ("fax", "E fax"), ("email", "F e-mail"), ("url", "N web address"))],
        "identifier": [
            number("HOSP", "H record number", "MR"), number("ssn", "G social security", "SS"),
            number("plan", "I plan number", "MB"), number("account", "J account", "AN"),
            number("dl", "K licence", "DL"), number("car", "L vehicle", "XX"), number("ink", "R other", "XX"),
            number("ip", "O network address", "XX"), number("bio", "P biometric", "XX"),
        ],
        "photo": [{"data": PLANTED["Q photo"], "url": PLANTED["N web address"]}],
        "contact": [{"name": {"text": NAME}, "telecom": [{"value": PLANTED["D telephone"]}]}],
    }  # fmt: skip
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": ALL}], "text": ALL}
    visit = {"resourceType": "Encounter", "id": PLANTED["J account"], "status": "finished", "class": {"code": "EMER"},
             "subject": subject, "reasonCode": [{"text": ALL}], "type": [{"text": ALL}], **said}  # fmt: skip
    reading = {"resourceType": "Observation", "id": PLANTED["R other"], "status": "final", "code": code, "note": note,
               "subject": subject, "valueString": ALL, "performer": [{"display": NAME}], **said}  # fmt: skip
    complaint = {**reading, "id": "c", "code": {"coding": [{"system": "http://loinc.org", "code": "8661-1"}]}}
    coded = {"coding": [{"system": "x", "code": PLANTED["F e-mail"], "display": NAME}], "text": ALL}
    finding = {"resourceType": "Condition", "id": "f", "subject": subject, "code": coded, "note": note, **said}
    device = {"resourceType": "Device", "id": "d", "patient": subject, "serialNumber": PLANTED["M device serial"],
              "udiCarrier": [{"deviceIdentifier": PLANTED["M device serial"]}], "note": note}  # fmt: skip
    attachment = {"contentType": "text/plain", "data": base64.b64encode(ALL.encode()).decode(), "title": ALL,
                  "url": PLANTED["N web address"]}  # fmt: skip
    document = {"resourceType": "DocumentReference", "id": "n", "status": "current", "subject": subject,
                "type": {"text": ALL}, "description": ALL, "content": [{"attachment": attachment}]}  # fmt: skip
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": subject, "code": code,
              "conclusion": ALL, "presentedForm": [attachment]}  # fmt: skip
    cover = {"resourceType": "Coverage", "id": PLANTED["I plan number"], "status": "active", "beneficiary": subject,
             "subscriberId": PLANTED["I plan number"], "payor": [{"display": ALL}]}  # fmt: skip
    clinician = {"resourceType": "Practitioner", "id": PLANTED["K licence"], "name": [{"family": NAME}],
                 "identifier": [number("dl", "K licence", "MD")]}  # fmt: skip
    other = {"resourceType": "Consent", "id": "o", "status": ALL, "patient": subject}
    broken = {"resourceType": "Encounter", "id": PLANTED["J account"], "status": ALL, "subject": subject}
    return [patient, visit, reading, complaint, finding, device, document, report, cover, clinician, other, broken]


def ndjson() -> bytes:
    lines = [json.dumps(record).encode() for record in fhir_records()]
    return b"\n".join([*lines, f'{{"resourceType": "Patient", "name": "{ALL}'.encode(), b"{" + ALL.encode()])


def bundle() -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{NAME}-{n}", "resource": one} for n, one in enumerate(fhir_records())]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "id": NAME, "entry": entries}).encode()


def hl7() -> bytes:
    every = ALL.replace("^", " ")
    told = f"{PLANTED['D telephone']}^^^{PLANTED['F e-mail']}"
    pid = (f"PID|1|{PLANTED['R other']}|{PLANTED['H record number']}^^^HOSP^MR~{PLANTED['I plan number']}^^^PLAN^MB||"
           f"{NAME}^{NAME}|{NAME}||F|{NAME}||{STREET}^^{STREET}^KS^{ZIP}||{told}|"
           f"{PLANTED['E fax']}||||{PLANTED['J account']}|{PLANTED['G social security']}|"
           f"{PLANTED['K licence']}^KS")  # fmt: skip
    visit = f"PV1|1|E|ED^1^1^CITY^^^^^{every}||||1^{NAME}^X|||MED||||||{NAME}|||{PLANTED['J account']}"
    rest = [f"NK1|1|{NAME}^X||{STREET}|{PLANTED['D telephone']}", f"PV2|||{every}^{every}", f"NTE|1||{every}",
            f"IN1|1|PLAN^{every}|P1|{NAME}|{STREET}||||||||||||{NAME}||||||||||||||||||||{PLANTED['I plan number']}",
            f"DG1|1||{every}^{every}", f"AL1|1||{every}", f"ZPI|1|{every}|{PLANTED['Q photo']}"]  # fmt: skip
    head = "MSH|^~\\&|ADT|CITY|||20260228100000||{}|{}|P|2.5"
    admit = [head.format("ADT^A01", "1"), f"EVN|A01|20260228100000||{every}|1^{NAME}", pid, visit, *rest]
    values = [f"OBX|{n}|{kind}|8867-4^{every}^LN||{every}||||||F" for n, kind in enumerate(("TX", "FT", "ST"), start=1)]
    values += [f"OBX|4|NM|8867-4^X^LN||80|{PLANTED['F e-mail']}|||||F", f"NTE|1||{every}"]
    result = [head.format("ORU^R01", "2"), pid, visit, f"OBR|1|{PLANTED['R other']}|F1|24357-6^{every}^LN", *values]
    strange = [head.format("ZZZ^Z01", "3"), pid, f"ZXX|{every}"]
    broken = [head.format("ADT^A01", "4").replace("20260228100000", every), pid]
    return "\r".join([*admit, *result, *strange, *broken, "PID|no header|" + every, ""]).encode()


def dicom() -> bytes:
    made = Dataset()
    plain = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1", "Modality": "CT", "StudyDate": "20260228", "PatientName": f"{NAME}^X",
        "PatientID": PLANTED["H record number"], "IssuerOfPatientID": "HOSP", "OtherPatientIDs": PLANTED["R other"],
        "PatientAddress": STREET, "PatientTelephoneNumbers": PLANTED["D telephone"], "PatientComments": ALL,
        "StudyDescription": f"CT of {NAME}", "SeriesDescription": f"{NAME} head", "AccessionNumber": "ACC-1",
        "ReferringPhysicianName": NAME, "InstitutionName": STREET, "DeviceSerialNumber": PLANTED["M device serial"],
        "StationName": "ST-1", "ProtocolName": ALL[:64], "ImageComments": ALL,
        "InsurancePlanIdentification": PLANTED["I plan number"],
        "AdmissionID": PLANTED["J account"], "Manufacturer": PLANTED["F e-mail"], "ContrastBolusAgent": f"for {NAME}",
    }  # fmt: skip
    for keyword, value in plain.items():
        setattr(made, keyword, value)
    made.private_block(0x0011, "Pilothouse test", create=True).add_new(0x01, "LT", ALL)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = made.SOPClassUID, "1.2.3.4"
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def x12() -> bytes:
    guide = "005010X222A1"
    body = [
        "HL*1**20*1", "NM1*85*2*CITY CLINIC*****XX*1234567893", f"N3*{STREET}", f"N4*{STREET}*KS*66801",
        f"REF*EI*{PLANTED['G social security']}", f"PER*IC*{NAME}*TE*{PLANTED['D telephone']}*EM*{PLANTED['F e-mail']}",
        "HL*2*1*22*0", f"SBR*P*18*{PLANTED['I plan number']}******CI",
        f"NM1*IL*1*{NAME}*X****MI*{PLANTED['I plan number']}", f"N3*{STREET}", f"N4*{STREET}*KS*{ZIP}",
        "DMG*D8*19500203*F", f"REF*SY*{PLANTED['G social security']}", "NM1*PR*2*BIG PLAN*****PI*P1",
        f"CLM*{PLANTED['J account']}*500***11:B:1*Y*A*Y*I", f"REF*EA*{PLANTED['H record number']}", f"NTE*ADD*{ALL}",
        "HI*ABK:R079", f"NM1*82*1*{NAME}*X****XX*1234567893", f"REF*0B*{PLANTED['K licence']}",
        "LX*1", "SV1*HC:99213*500*UN*1***1", f"NTE*ADD*{ALL}",
    ]  # fmt: skip
    head = [
        "ISA*00*          *01*SECRET    *ZZ*SENDER         *ZZ*RECEIVER       *260228*1253*^*00501*000000905*0*P*:",
        f"GS*HC*SENDER*RECEIVER*20260228*1253*1*X*{guide}", f"ST*837*0001*{guide}", "BHT*0019*00*1*20260228*125301*CH",
    ]  # fmt: skip
    body = [segment.replace("~", "") for segment in body]
    return "~".join([*head, *body, f"SE*{len(body) + 3}*0001", "GE*1*1", "IEA*1*000000905", ""]).encode()


NOTE = {"note_id": PLANTED["R other"], "encounter_id": PLANTED["J account"], "visit_number": PLANTED["J account"],
        "mrn": PLANTED["H record number"], "written_at": "2026-02-28T10:00:00Z", "text": f"chest pain, {ALL}",
        "author": NAME, "author_name": NAME, "phone": PLANTED["D telephone"], NAME: ALL}  # fmt: skip


def triage_notes() -> bytes:
    cells = [",".join(f'"{value}"' for value in row) for row in (NOTE.keys(), NOTE.values(), [ALL] * len(NOTE))]
    return "\n".join([*cells, f'"{ALL}', ALL]).encode()


def triage_notes_parquet() -> bytes:
    sink = BytesIO()
    pq.write_table(pa.table({name: [value, ALL] for name, value in NOTE.items()}), sink)
    return sink.getvalue()


def wrong_header() -> bytes:
    return f"note_id,written_at,{NAME},{PLANTED['G social security']}\n{ALL},{ALL},{ALL},{ALL}\n".encode()


FEEDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "FHIR lines": (f"{NAME}.Patient.ndjson", ndjson),
    "FHIR bundle": (f"{NAME}_{PLANTED['H record number']}.json", bundle),
    "HL7 v2": (f"{NAME}.hl7", hl7),
    "DICOM": (f"{NAME}_{NAME}.dcm", dicom),
    "X12": (f"{PLANTED['I plan number']}.x12", x12),
    "table of notes": (f"notes of {NAME}.csv", triage_notes),
    "Parquet of notes": (f"{PLANTED['G social security']}.parquet", triage_notes_parquet),
    "another table": (f"{NAME}.csv", wrong_header),
    "a text": (f"{NAME}.txt", ALL.encode),
}


def told_by(home: Path) -> dict[str, str]:
    """Everything under a home but the encrypted bytes and the keys, as text: Parquet decoded, names of files too."""
    found: dict[str, str] = {}
    for path in sorted(p for p in home.rglob("*") if p.is_file() and not {"raw", "keys"} & set(p.parts)):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        found[str(path.relative_to(home))] = f"{path.name} {content.decode('latin-1')}"
    return found


def leaks(told: dict[str, str]) -> list[tuple[str, str]]:
    return [(kind, where) for kind, value in PLANTED.items() for where, text in told.items() if value in text]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    trace = "" if result.exception is None else repr(result.exception)
    return f"{result.output}{result.stderr}{trace}"


@pytest.mark.parametrize("feed", FEEDS)
def test_no_planted_identifier_leaves_the_encrypted_bytes(feed: str, tmp_path: Path, monkeypatch, caplog) -> None:
    home, (name, content) = tmp_path / "home", (FEEDS[feed][0], FEEDS[feed][1]())
    monkeypatch.setenv("PILOTHOUSE_HOME", str(home))
    path = tmp_path / "came" / name
    path.parent.mkdir()
    path.write_bytes(content)
    told = {
        "ingest": run("ingest", str(path), "--site", SITE, "--json"),
        "quarantine": run("quarantine", "list", "--json"),
        "replay": run("quarantine", "replay", "--site", SITE, "--json"),
        "log": caplog.text,
    }
    [receipt] = json.loads(told["ingest"])["receipts"]
    assert receipt["landed"] > 0 or feed not in LAND
    # Who hands a file over is told of it under the name that they gave it; nothing that stays holds that name.
    assert receipt["file"] == name
    told["ingest"] = told["ingest"].replace(json.dumps(name), "")
    assert leaks({**told, **told_by(home)}) == []
    rows = [row for path in home.glob(f"lake/*/site={SITE}/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert {row["zip3"] for row in rows if row.get("zip3")} == ({ZIP[:3]} if feed in WITH_ADDRESS else set())
    kept = b"".join(Vault.of(home).object(p.name).read_bytes() for p in home.glob("raw/*/*") if len(p.name) == 64)
    assert NAME.encode() in kept or feed == "Parquet of notes"


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [[{"b": ALL}]]}), tmp_path / "x.parquet")
    assert {kind for kind, _ in leaks(told_by(tmp_path))} == set(PLANTED)
    (tmp_path / "x.parquet").unlink()
    (tmp_path / "receipt.json").write_text(ALL)
    assert {kind for kind, _ in leaks(told_by(tmp_path))} == set(PLANTED)
    (tmp_path / "receipt.json").rename(tmp_path / f"{NAME}.json")
    assert len(leaks(told_by(tmp_path))) == len(PLANTED)


def test_every_kind_of_safe_harbor_is_planted() -> None:
    assert sorted({kind[0] for kind in PLANTED}) == list("ABCDEFGHIJKLMNOPQR")
