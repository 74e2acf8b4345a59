"""What real senders send that no specification foresees: every record has a fate, and nobody is told by name.

All of it lands in one drop. What does not belong here: why a single clause holds (the tests of each reader).
"""

import gzip
import io
import json
import zipfile
from typing import Any

NAME, NUMBER = "ZZNAMEZZ", "77123456"
PID = f"PID|1||{NUMBER}^^^CITY^MR||{NAME}^Anna||19500203|F"
ISA = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260228*1015*^*00501*000000001*0*P*:~"
CLAIM = (
    ISA + "GS*HC*S*R*20260228*1015*1*X*005010X222A1~ST*837*0001*005010X222A1~BHT*0019*00*1*20260228*1015*CH~"
    "NM1*41*2*S*****46*1~NM1*40*2*R*****46*2~HL*1**20*1~NM1*85*2*HOSP*****XX*1234567893~N3*1 St~N4*X*NY*12345~"
    f"HL*2*1*22*0~SBR*P*18*******MB~NM1*IL*1*{NAME}*ANNA****MI*{NUMBER}~DMG*D8*19500203*F~NM1*PR*2*PAYER*****PI*9~"
    "CLM*{}*100***11:B:1*Y*A*Y*Y~HI*ABK:J189~LX*1~SV1*HC:99213*100*UN*1***1~DTP*472*D8*20260228~SE*19*0001~"
    "GE*1*1~IEA*1*000000001~"
)
OTHER_SET = (
    ISA + "GS*HP*S*R*20260228*1015*1*X*005010~ST*{}*0001~NM1*QC*1*" + NAME + "~SE*3*0001~GE*1*1~IEA*1*000000001~"
)
BEDS = "unit_code,at,occupied,staffed_beds\nED,2026-03-0{}T00:00:00Z,5,8\n"


def message(control: str, kind: str = "ADT^A01", version: str = "2.5", end: str = "\r", more: str = "") -> str:
    head = f"MSH|^~\\&|EHR|CITY|||20260228101500||{kind}|{control}|P|{version}"
    return end.join([head, "EVN|A01|20260228101500", PID, "PV1|1|I|ICU", more]) + (end if more else "")


def patient(ident: str, **more: object) -> dict[str, object]:
    return {"resourceType": "Patient", "id": ident, "name": [{"family": NAME}], **more}


def reading(ident: str, subject: object, **more: object) -> dict[str, object]:
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    return {"resourceType": "Observation", "id": ident, "status": "final", "code": code, "subject": subject, **more}


def lines(*records: object) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in records)


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return made.getvalue()


VERSIONS = "".join(message(f"v{v}", version=v) for v in ("2.1", "2.3.1", "2.9", "9.9", "", "2.5^USA^x"))
KINDS = "".join(message(f"t{n}", kind) for n, kind in enumerate(("ADT^A01^ADT_A01", "MDM^T02", "ZZZ^Z01", "ACK", "")))
BATCH = f"FHS|^~\\&\rBHS|^~\\&\r{message('b{0}1')}{message('b{0}2')}BTS|{{1}}\rFTS|1\r"
ENDS = message("x1", end="\r\n") + "\n\n" + message("x2", end="\n") + "\r\r" + message("x3") + f"junk {NAME}\r"
FRAMES = f"junk\x0b{message('l1')}\x1c\rjunk {NAME}\x0b\x0b{message('l2')}\x1c\x1c\r\x0b\x1c\r\x0b{message('l3')}"
REFERENCES: tuple[object, ...] = (
    {"reference": "https://ehr.example/fhir/Patient/p1"},
    {"reference": "Patient/p1/_history/3"},
    {"identifier": {"system": "urn:mrn", "value": NUMBER}},
    {"reference": "#c1"},
    {"display": NAME},
    {"reference": "Group/g1"},
    "Patient/p1",
    [{"reference": "Patient/p1"}],
)
NUMBERS = ("80", "1e400", "-0", "99999999999999999999", "NaN", '"80"', "[80]", "01", "+1", "null")
MEASURED = json.dumps(reading("n?", {"reference": "Patient/p1"}, valueQuantity={"value": 7.5}))
ENCOUNTER = {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p1"}}
ODD: dict[str, tuple[str | bytes, int, dict[str, int]]] = {  # name: content, records, reasons
    "versions.hl7": (VERSIONS, 6, {}),
    "kinds.hl7": (KINDS, 5, {"message.no_type": 1}),
    "segments.hl7": (message("z", more=f"ZPI|1|{NAME}\rNTE|1||{NAME}\r9XX|no\rOBX"), 1, {}),
    "separators.hl7": (message("s").replace("|", "#").replace("^~\\&", "@!\\&").replace("^", "@"), 1, {}),
    "heads.hl7": ("MSH||||\rPID|1||7\rMSH|^~\\&\rMSH\r", 3, {"message.no_type": 1, "message.separators": 2}),
    "batch.hl7": (BATCH.format("a", 2), 2, {}),
    "miscounted.hl7": (BATCH.format("c", 3), 3, {"batch.count": 1}),
    "ends.hl7": (ENDS, 3, {}),
    "frames.hl7": (FRAMES, 5, {"message.cut_off": 1, "message.no_header": 2}),
    "xml.hl7": ("<ADT_A01 xmlns='urn:hl7-org:v2xml'/>", 1, {"file.not_hl7": 1}),
    "r5.ndjson": (
        lines(
            {**ENCOUNTER, "status": "completed", "class": [{"coding": [{"code": "IMP"}]}]},
            {"resourceType": "SubscriptionTopic", "id": "s"},
        ),
        2, {"Encounter.class.element_type": 1, "line.unknown_type": 1},
    ),
    "stu3.ndjson": (
        lines(
            {"resourceType": "Encounter", "id": "e3", "status": "finished", "class": {"code": "IMP"}, "patient": {}},
            {"resourceType": "ProcedureRequest", "id": "x"},
        ),
        2, {"Encounter.patient_key.required": 1, "line.unknown_type": 1},
    ),
    "references.ndjson": (
        lines(*(reading(f"r{n}", one, contained=[patient("c1")]) for n, one in enumerate(REFERENCES))),
        8, {
            "Observation.patient_key.required": 2,
            "Observation.patient_key.server": 1,
            "Observation.patient_key.type": 1,
            "Observation.subject.element_type": 2,
        },
    ),
    "numbers.ndjson": (
        lines(*(MEASURED.replace("n?", f"n{n}").replace("7.5", one).encode() for n, one in enumerate(NUMBERS))),
        10, {"Observation.value_number.range": 1, "Observation.value_number.type": 4, "line.not_json": 2},
    ),
    "keys.ndjson": (
        lines(b'{"resourceType":"Patient","id":"k1","id":"k2"}', b'{"id":"k3","id":"k4"}'),
        2, {"line.repeated_member": 2},
    ),
    "deep.ndjson": (
        lines(b'{"resourceType":"Patient","id":"d","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", patient("d2")),
        2, {"line.nesting": 1},
    ),
    "zeros.ndjson": (lines(patient("z\0z"), b"\0\0", b'{"resourceType":"Patient","id":"\0"}'), 3, {"line.not_json": 2}),
    "pretty.json": (json.dumps(patient("p1"), indent=2), 1, {}),
    "list.json": (json.dumps([patient("p2")]), 1, {"file.not_fhir": 1}),
    "claim.x12": (CLAIM.format("C1"), 1, {}),
    "lines.x12": (CLAIM.format("C2").replace("*", "|").replace("~", "\r\n").replace(":", ">"), 1, {}),
    "no_set_end.x12": (CLAIM.format("C3").replace("SE*19*0001~", ""), 1, {"set.truncated": 1}),
    "no_group_end.x12": (CLAIM.format("C4").replace("GE*1*1~", ""), 2, {"group.truncated": 1}),
    "no_end.x12": (CLAIM.format("C5").split("IEA")[0], 2, {"interchange.truncated": 1}),
    "payment.x12": (OTHER_SET.format("835"), 1, {"set.not_837": 1}),
    "question.x12": (OTHER_SET.format("270"), 1, {"set.not_837": 1}),
    "ragged.csv": (
        BEDS.format(1) + "ED\nED,2026-03-02T00:00:00Z,5,8,9\n,,,\n",
        4, {"row.width": 2, "Census.unit_code.required": 1},
    ),
    f"beds of {NAME} {NUMBER}.csv": (BEDS.format(3).replace("ED", '"E ""D"""'), 1, {}),
    "two.csv.gz": (gzip.compress(BEDS.format(4).encode()) + gzip.compress(b"ED,2026-03-05T00:00:00Z,5,8\n"), 2, {}),
    "outer.zip": (zipped(in__zip=zipped(a__csv=b"a")), 1, {"file.nested_archive": 1}),
    "head.dcm": (b"\0" * 128 + b"DICM", 1, {"file.truncated_header": 1}),
}  # fmt: skip


def test_every_record_of_odd_files_has_a_fate_and_nobody_is_named(zone: Any) -> None:
    sent = {name: content if isinstance(content, bytes) else content.encode() for name, (content, _, _) in ODD.items()}
    receipts = {receipt.file.split("/")[0]: receipt for receipt in zone.land(sent)}
    assert {name: (one.received, dict(one.reasons)) for name, one in receipts.items()} == {
        name: (records, reasons) for name, (_, records, reasons) in ODD.items()
    }
    kept = [path for folder in ("lake", "quarantine", "receipts") for path in (zone.home / folder).rglob("*.*")]
    assert [path for path in kept if path.is_file() and NAME.encode() in path.read_bytes()] == []
    told = json.dumps(zone.quarantine())
    assert NAME not in told and NUMBER not in told
