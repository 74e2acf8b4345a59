"""What one claim of an 837 says: whose it is, what was billed, what payers decided; beside a second opinion."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from x12sdk.generate import generate_837i, generate_837p
from x12sdk.io import X12ModelReader

from orchestration.contracts import load_contract
from orchestration.contracts.model import Classification
from orchestration.feeds import Limits
from orchestration.feeds.problems import Problem
from orchestration.feeds.x12 import read
from orchestration.feeds.x12.values import day, number, period

GUIDES = {"P": "005010X222A1", "I": "005010X223A2", "D": "005010X224A2"}
PEOPLE = """
HL*1**20*1
PRV*BI*PXC*207Q00000X
NM1*85*2*CITY CLINIC*****XX*1234567893
N3*1 MAIN ST
N4*SPRINGFIELD*OH*45501
REF*EI*123456789
NM1*87*2
N4*ELSEWHERE*TX*75001
HL*2*1*22*0
SBR*P*18*GROUP9******CI
NM1*IL*1*ROE*JANE****MI*M1
N3*2 SIDE ST
N4*DAYTON*OH*45402
DMG*D8*19500203*F
NM1*PR*2*BIG PLAN*****PI*P1
"""
CLAIM = "CLM*A1*500***11:B:1*Y*A*Y*I"
LINE = "LX*1\nSV1*HC:99213*500*UN*1***1"


def written(body: str, kind: str = "P") -> bytes:
    """An interchange with one transaction set, of segments one per line."""
    segments = [s.strip() for s in body.strip().splitlines() if s.strip()]
    head = [
        "ISA*00*          *01*SECRET    *ZZ*SENDER         *ZZ*RECEIVER       *260228*1253*^*00501*000000905*0*P*:",
        f"GS*HC*SENDER*RECEIVER*20260228*1253*1*X*{GUIDES[kind]}",
        f"ST*837*0001*{GUIDES[kind]}",
        "BHT*0019*00*1*20260228*125301*CH",
    ]
    return "~".join([*head, *segments, f"SE*{len(segments) + 3}*0001", "GE*1*1", "IEA*1*000000905", ""]).encode()


def claims(content: bytes) -> list[dict[str, Any]]:
    found = read(content, "x", Limits())
    assert not isinstance(found, Problem), found
    assert found.lines.bad == ()
    return [json.loads(text.as_py()) for text in found.lines.text]


def one(*segments: str, kind: str = "P", people: str = PEOPLE) -> dict[str, Any]:
    (found,) = claims(written(people + "\n".join(segments), kind))
    return found


def test_a_claim_says_whose_it_is_and_what_it_costs() -> None:
    found = one(CLAIM, LINE)
    assert (found["resourceType"], found["kind"], found["version"]) == ("Claim", "P", "005010X222A1")
    assert (found["sender"], found["usage"], found["purpose"]) == ("SENDER", "P", "00")
    assert found["submittedAt"] == "20260228125301"
    assert found["billingProvider"] == {
        "kind": "2", "authority": "http://hl7.org/fhir/sid/us-npi", "id": "1234567893", "state": "OH",
        "taxAuthority": "http://hl7.org/fhir/sid/us-ein", "taxId": "123456789", "taxonomy": "207Q00000X",
    }  # fmt: skip
    assert found["subscriber"] == {"id": "M1", "responsibility": "P", "filing": "CI"}
    assert found["payer"] == {"kind": "2", "authority": "PI", "id": "P1"}
    assert found["patient"] == {
        "id": "M1", "isSubscriber": True, "relationship": "18", "birthDate": "1950-02-03", "gender": "F", "state": "OH",
        "zipDigits": "454",
    }  # fmt: skip
    assert (found["number"], found["charge"]) == ("A1", 500)
    assert (found["facilityCode"], found["facilityQualifier"], found["frequency"]) == ("11", "B", "1")


def test_names_addresses_groups_and_notes_are_not_even_read() -> None:
    found = json.dumps(one(CLAIM, "NTE*ADD*CALL MRS ROE", LINE))
    secrets = ("ROE", "JANE", "CITY CLINIC", "MAIN", "SIDE", "DAYTON", "45402", "GROUP9", "BIG PLAN", "SECRET", "CALL")
    assert not [s for s in secrets if s in found]


DEPENDENT = """
HL*3*2*23*0
PAT*19
NM1*QC*1*ROE*TIM
N4*COLUMBUS*OH*43004
DMG*D8*20150610*M
"""


def test_a_patient_who_is_not_the_subscriber_stands_beside_them() -> None:
    found = one(DEPENDENT, CLAIM, LINE)
    assert found["subscriber"]["id"] == "M1"
    assert found["patient"] == {
        "id": "M1\x1f2015-06-10\x1fM\x1fTIM", "isSubscriber": False, "relationship": "19",
        "birthDate": "2015-06-10", "gender": "M", "state": "OH", "zipDigits": "430",
    }  # fmt: skip


def test_twins_of_one_subscriber_are_two_patients() -> None:
    tim, tom = DEPENDENT, DEPENDENT.replace("TIM", "TOM").replace("HL*3", "HL*4")
    first, second = claims(written(PEOPLE + tim + f"{CLAIM}\n{LINE}" + tom + f"{CLAIM}\n{LINE}"))
    assert first["patient"]["id"] != second["patient"]["id"]


def test_each_claim_belongs_to_the_level_that_it_stands_in() -> None:
    second = "HL*5*1*22*0\nSBR*S*18*******MB\nNM1*IL*1*POE*ANN****MI*M2\nNM1*PR*2*PLAN*****PI*P2\n"
    body = PEOPLE + f"CLM*A*1***11:B:1\n{LINE}" + DEPENDENT + f"CLM*B*1***11:B:1\n{LINE}\nCLM*C*1***11:B:1\n{LINE}\n"
    found = claims(written(body + second + f"CLM*D*1***11:B:1\n{LINE}"))
    assert [(c["number"], c["payer"]["id"], c["patient"]["isSubscriber"]) for c in found] == [
        ("A", "P1", True),
        ("B", "P1", False),
        ("C", "P1", False),
        ("D", "P2", True),
    ]
    assert found[3]["patient"].get("birthDate") is None


def test_a_patient_level_hangs_below_the_subscriber_that_it_names() -> None:
    other = "HL*3*1*22*0\nSBR*P********CI\nNM1*IL*1*POE*ANN****MI*M2\nNM1*PR*2*PLAN*****PI*P2\n"
    found = one(other, DEPENDENT.replace("HL*3", "HL*4"), CLAIM, LINE)
    assert found["subscriber"]["id"] == "M1"
    lost = one(other, DEPENDENT.replace("HL*3*2", "HL*4*9"), CLAIM, LINE)
    assert lost["subscriber"]["id"] == "M2"


REFERENCES = "REF*F8*ICN77\nREF*EA*MRN5\nREF*G1*AUTH3\nNM1*DN*1*POE*ANN****XX*1999999992\nREF*EA*NOT THE PATIENT'S"


def test_references_before_the_providers_are_the_claims() -> None:
    found = one(CLAIM.replace(":1*", ":7*"), REFERENCES, "SBR*S*18*******MB\nREF*F8*OTHER", LINE)
    assert found["frequency"] == "7"
    assert found["references"] == [
        {"qualifier": "F8", "value": "ICN77"},
        {"qualifier": "EA", "value": "MRN5"},
        {"qualifier": "G1", "value": "AUTH3"},
    ]
    assert found["referringProvider"]["id"] == "1999999992"


STAY = """
CLM*B1*9000.50***11:A:1*Y*A*Y*I
DTP*096*TM*1130
DTP*434*RD8*20260201-20260205
DTP*435*DT*202602011015
CL1*1*7*01
HI*ABK:I214:::::::Y
HI*ABJ:R079
HI*ABF:E119:::::::N*ABF:I10
HI*DR:282
HI*BBR:02703DZ:D8:20260202*BBQ:4A023N7:D8:20260203
HI*BG:09
HI*BH:11:D8:20260131*BE:80:::4
NM1*71*1*POE*ANN****XX*1999999992
LX*1
SV2*0120**6000*DA*4
LX*2
SV2*0450*HC:99285:25:59*3000.50*UN*1
DTP*472*D8*20260201
"""


def test_an_institutional_claim_says_its_stay_its_codes_and_its_lines() -> None:
    found = one(STAY, kind="I")
    assert found["kind"] == "I"
    assert found["dates"] == [
        {"qualifier": "096", "time": "1130"},
        {"qualifier": "434", "start": "2026-02-01", "end": "2026-02-05"},
        {"qualifier": "435", "start": "2026-02-01", "moment": "202602011015"},
    ]
    assert (found["admissionType"], found["admissionSource"], found["dischargeStatus"]) == ("1", "7", "01")
    codes = [(d["role"], d["code"], d.get("presentOnAdmission")) for d in found["diagnoses"]]
    assert codes == [
        ("principal", "I214", "Y"),
        ("admitting", "R079", None),
        ("other", "E119", "N"),
        ("other", "I10", None),
    ]
    assert {d["system"] for d in found["diagnoses"]} == {"http://hl7.org/fhir/sid/icd-10-cm"}
    assert [(p["role"], p["code"], p["start"]) for p in found["procedures"]] == [
        ("principal", "02703DZ", "2026-02-02"),
        ("other", "4A023N7", "2026-02-03"),
    ]
    assert found["drg"] == "282"
    assert found["committeeCodes"] == [
        {"kind": "BG", "code": "09"},
        {"kind": "BH", "code": "11", "start": "2026-01-31"},
        {"kind": "BE", "code": "80", "amount": 4},
    ]
    assert found["attendingProvider"]["id"] == "1999999992"
    assert found["unreadCodes"] == 0
    first, second = found["lines"]
    assert first == {"number": 1, "revenueCode": "0120", "unit": "DA", "charge": 6000, "quantity": 4}
    assert (second["code"], second["modifier1"], second["modifier2"]) == ("99285", "25", "59")
    assert (found["serviceFrom"], found["serviceTo"]) == ("2026-02-01", "2026-02-05")


def test_a_dental_claim_names_teeth() -> None:
    found = one(CLAIM, "DTP*472*D8*20260210", "LX*1\nSV3*AD:D2150*100****1\nTOO*JP*12*L", kind="D")
    assert (found["kind"], found["serviceFrom"]) == ("D", "2026-02-10")
    (line,) = found["lines"]
    assert (line["code"], line["system"], line["tooth"], line["quantity"]) == (
        "D2150",
        "http://www.ada.org/cdt",
        "12",
        1,
    )


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("HC:99213", "http://www.ama-assn.org/go/cpt"),
        ("HC:0001F", "http://www.ama-assn.org/go/cpt"),
        ("HC:J1885", "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
        ("ER:4711", "ER"),
    ],
)
def test_a_procedure_names_its_code_system(code: str, system: str) -> None:
    assert one(CLAIM, f"LX*1\nSV1*{code}*500*UN*1***1")["lines"][0]["system"] == system


def test_a_professional_line_points_to_diagnoses_and_names_its_drug() -> None:
    line = "LX*1\nSV1*HC:J1885:RT*12.5*UN*2.5*23**1:2:4\nDTP*472*RD8*20260201-20260203\nLIN**N4*00409379601"
    (found,) = one(CLAIM, line)["lines"]
    pointers = [found.get(f"pointer{n}") for n in range(1, 5)]
    assert (found["charge"], found["quantity"], found["placeOfService"], pointers) == (12.5, 2.5, "23", [1, 2, 4, None])
    assert (found["start"], found["end"], found["ndc"]) == ("2026-02-01", "2026-02-03", "00409379601")


def test_other_payers_say_what_they_paid_and_why_not_all() -> None:
    payer = "SBR*S*18*******MB\nCAS*PR*1*50**2*25.5*3\nAMT*D*400\nAMT*EAF*75.5\nNM1*PR*2*MEDICARE*****PI*MB1"
    line = f"{LINE}\nDTP*472*D8*20260201\nSVD*MB1*400*HC:99213**1\nCAS*CO*45*24.5\nDTP*573*D8*20260220"
    found = one(CLAIM, payer, line)
    assert found["otherPayers"] == [
        {"responsibility": "S", "relationship": "18", "filing": "MB", "paid": 400, "patientLiability": 75.5}
    ]
    paid = {"line": 1, "responsibility": "S", "amount": 400, "quantity": 1, "date": "2026-02-20"}
    assert found["payments"] == [paid]
    assert found["adjustments"] == [
        {"responsibility": "S", "group": "PR", "reason": "1", "amount": 50},
        {"responsibility": "S", "group": "PR", "reason": "2", "amount": 25.5, "quantity": 3},
        {"line": 1, "responsibility": "S", "group": "CO", "reason": "45", "amount": 24.5},
    ]
    assert found["lines"][0]["start"] == "2026-02-01"


@pytest.mark.parametrize(
    ("segment", "codes", "unread"),
    [
        ("HI*BK:8901*BF:87200", ["8901", "87200"], 0),
        ("HI*BK*8901*BF*87200*BF:5559", ["8901", "87200", "5559"], 0),
        ("HI*ABK:J189*", ["J189"], 0),
        ("HI*ABK", [], 1),
        ("HI*ABK:", [], 1),
        ("HI*XYZ:J189*ABF:I10", ["I10"], 1),
        ("HI*ABK*ABF*J189", ["J189"], 1),
    ],
)
def test_codes_that_cannot_be_read_are_counted(segment: str, codes: list[str], unread: int) -> None:
    found = one(CLAIM, segment, LINE)
    assert ([d["code"] for d in found.get("diagnoses", [])], found["unreadCodes"]) == (codes, unread)


# -- identity


BILLED = f"{PEOPLE}\n{CLAIM}\nDTP*434*RD8*20260201-20260203\nHI*ABK:J189\n{LINE}"


def identity(*changes: tuple[str, str]) -> str | None:
    body = BILLED
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    (found,) = claims(written(body))
    return found["id"]


@pytest.mark.parametrize(
    "change",
    [
        ("11:B:1", "11:B:7"),
        ("11:B:1", "11:B:8"),
        ("*500*", "*510*"),
        ("ABK:J189", "ABK:J181"),
        ("-20260203", "-20260204"),
    ],
)
def test_a_corrected_or_voided_claim_is_the_same_claim(change: tuple[str, str]) -> None:
    assert identity(change) == identity()


@pytest.mark.parametrize(
    "change",
    [
        ("CLM*A1*", "CLM*A2*"),
        ("*1234567893", "*1999999992"),
        ("*MI*M1", "*MI*M2"),
        ("*PI*P1", "*PI*P2"),
        ("SBR*P*", "SBR*S*"),
        ("RD8*20260201-", "RD8*20260202-"),
    ],
)
def test_another_payer_turn_or_period_is_another_claim(change: tuple[str, str]) -> None:
    assert identity(change) != identity()


def test_a_claim_without_a_number_has_no_identity() -> None:
    assert identity(("CLM*A1*", "CLM**")) is None


# -- values


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("D8", "20260201", {"start": "2026-02-01"}),
        ("RD8", "20260201-20260203", {"start": "2026-02-01", "end": "2026-02-03"}),
        ("DT", "202602011015", {"start": "2026-02-01", "moment": "202602011015"}),
        ("TM", "1015", {"time": "1015"}),
        ("D8", "260201", {"start": "260201"}),
        ("D8", "2026020110", {"start": "2026020110"}),
        ("D8", "", {}),
    ],
)
def test_dates_are_iso_8601_and_others_stay_as_they_came(form: str, text: str, expected: dict[str, str]) -> None:
    assert period(form, text) == expected


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_amounts_are_numbers(amount: object) -> None:
    assert number(str(amount)) == float(str(amount))


@given(st.text(max_size=12))
def test_other_texts_stay_texts(text: str) -> None:
    made = number(text)
    assert made == text or re.fullmatch(r"[+-]?[0-9]*\.?[0-9]*", text)
    assert day(text) == text or re.match(r"\d{8}", text)


# -- a second opinion


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("kind", "generate"), [("P", generate_837p), ("I", generate_837i)])
def test_x12sdk_reads_the_same_claims_in_its_own_files(kind: str, generate: Any, seed: int) -> None:
    text = generate(seed=seed, claims=8, dependent_rate=0.5)
    found = claims(text.encode())
    with X12ModelReader(text) as reader:
        theirs = [json.loads(model.model_dump_json()) for model in reader.models()]
    other = [segment for model in theirs for segment in _named(model, "clm_segment")]
    assert [(c["number"], float(c["charge"])) for c in found] == [
        (s["patient_control_number"], float(s["total_claim_charge_amount"])) for s in other
    ]
    assert {c["kind"] for c in found} == {kind}
    services = [s for model in theirs for s in _named(model, "sv1_segment" if kind == "P" else "sv2_segment")]
    assert sum(len(c["lines"]) for c in found) == len(services) > 0
    members = {
        s["identification_code"]
        for m in theirs
        for s in _named(m, "nm1_segment")
        if s["entity_identifier_code"] == "IL"
    }
    assert {c["subscriber"]["id"] for c in found} == members
    assert sum(not c["patient"]["isSubscriber"] for c in found) == text.count("~\nPAT*")


def _named(node: Any, name: str) -> list[dict[str, Any]]:
    """Every member of a name, in order, wherever it stands."""
    if isinstance(node, list):
        return [found for item in node for found in _named(item, name)]
    if not isinstance(node, dict):
        return []
    own = [node[name]] if isinstance(node.get(name), dict) else []
    return own + [found for key, item in node.items() if key != name for found in _named(item, name)]


# -- the contract


def test_the_contract_projects_no_path_that_names_a_person() -> None:
    (item,) = load_contract("x12_837").objects
    assert not [p.name for p in item.properties if p.classification is Classification.DIRECT and p.path]
    assert not [m.name for p in item.properties for m in p.items if m.is_identifier]


def test_the_contract_finds_what_the_reader_gives() -> None:
    (item,) = load_contract("x12_837").objects
    stay = one(STAY.replace("CL1", "REF*EA*MRN5\nREF*F8*ICN7\nAMT*F5*20\nCL1"), kind="I")
    roots = {step.split(".")[0].split("[")[0] for p in item.properties if p.path for step in p.path.split(" | ")}
    absent = {
        "renderingProvider", "referringProvider", "supervisingProvider", "operatingProvider", "serviceFacility",
        "relatedCause", "otherPayers", "payments", "adjustments",
    }  # fmt: skip
    assert roots - set(stay) == absent
