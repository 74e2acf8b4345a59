"""What belongs to what in a message: patients, visits, merges, orders and values."""

import pytest

PID = "PID|1||7^^^CITY^MR"


def test_an_observation_carries_its_order_and_its_patient(documents, message) -> None:
    (made,) = documents(
        message(
            PID,
            "ORC|RE|p1|f1",
            "OBR|1|p1|f1|A",
            "OBX|1|NM|x||1",
            "OBX|2|NM|y||2",
            "OBR|2|p2|f2|B",
            "OBX|1|NM|z||3",
            "SPM|1|||BLD",
            "OBX|2|NM|w||4",
            "ORC|RE|p3",
            "PID|2||8^^^CITY^MR",
            "OBX|1|NM|v||5",
            kind="ORU^R01",
        )
    )
    seen = [(o["n"], o.get("orderNo"), sorted(o["order"]), o["patient"]["id"], o["value"]) for o in made["OBX"]]
    assert seen == [
        (1, 1, ["OBR", "ORC"], "7", {"number": 1.0}),
        (2, 1, ["OBR", "ORC"], "7", {"number": 2.0}),
        (3, 2, ["OBR", "SPM"], "7", {"number": 3.0}),
        (4, 2, ["OBR", "SPM"], "7", {"number": 4.0}),
        (5, None, [], "8", {"number": 5.0}),
    ]
    assert [o["order"]["OBR"]["f4"] for o in made["OBX"][:3]] == [[{"c1": "A"}], [{"c1": "A"}], [{"c1": "B"}]]


def test_an_observation_without_an_order_stands_alone(documents, message) -> None:
    (made,) = documents(message(PID, "OBX|1|NM|x||1"))
    assert made["OBX"][0]["order"] == {}
    assert "orderNo" not in made["OBX"][0]


def test_an_observation_that_repeats_stands_once_per_value(documents, message) -> None:
    (made,) = documents(message(PID, "OBX|1|CE|x||a^A^L~b^B^L|", "OBX|2|TX|note||one~two"))
    assert [(o["n"], o["rep"], o["f5"], o["value"].get("code")) for o in made["OBX"]] == [
        (1, 1, [{"c1": "a", "c2": "A", "c3": "L"}], "a"),
        (1, 2, [{"c1": "b", "c2": "B", "c3": "L"}], "b"),
        (2, 1, [{"c1": "one"}, {"c1": "two"}], None),
    ]


@pytest.mark.parametrize(
    ("obx", "value"),
    [
        ("NM|x||98.00", {"number": 98.0}),
        ("NM|x||-1.5e2", {"number": -150.0}),
        ("NM|x||<0.1", {"number": 0.1, "comparator": "<"}),
        ("NM|x|| >= 5 ", {"number": 5.0, "comparator": ">="}),
        ("NM|x||haemolysed", {"unread": "haemolysed"}),
        ("NM|x||1e999", {"unread": "1e999"}),
        ("NM|x||1,5", {"unread": "1,5"}),
        ("NM|x||" + "9" * 65, {"unread": "9" * 65}),
        ('NM|x||""', {}),
        ("NM|x", {}),
        ("SN|x||<^5", {"number": 5.0, "comparator": "<"}),
        ("SN|x||^1^:^128", {"number": 1.0, "separator": ":", "to": 128.0}),
        ("SN|x||^10^-^20", {"number": 10.0, "separator": "-", "to": 20.0}),
        ("SN|x||^1^+", {"number": 1.0, "separator": "+"}),
        ("SN|x||>^many", {"unread": ">^many"}),
        ("NR|x||3^7", {"number": 3.0, "separator": "-", "to": 7.0}),
        ("CQ|x||5^mL&millilitre", {"number": 5.0, "unit": "mL"}),
        ("ST|x||Positive", {"text": "Positive"}),
        ("ST|x||5.5|mmol/L", {"text": "5.5", "number": 5.5}),
        ("ST|x||5551234", {"text": "5551234"}),
        ("CWE|x||260385009^Negative^SCT^NEG^negative^L", {
            "code": "260385009", "system": "SCT", "alternateCode": "NEG", "alternateSystem": "L", "text": "Negative",
        }),
        ("CWE|x||^^^^^^^^said so", {"text": "said so"}),
        ("IS|x||Y", {"code": "Y"}),
        ("DT|x||20200501", {"time": "20200501"}),
        ("TS|x||202005011406", {"time": "202005011406"}),
        ("TM|x||1406", {"clock": "1406"}),
        ("TX|x||free text", {}),
        ("FT|x||free text", {}),
        ("ED|x||^text^^Base64^AAAA", {}),
        ("XPN|x||Doe^Jane", {}),
        ("|x||5", {}),
        ("|x||5|%", {"number": 5.0}),
        ("|x||5 per cent|%", {"unread": "5 per cent"}),
    ],
)  # fmt: skip
def test_a_value_is_read_by_its_type(documents, message, obx: str, value: dict[str, object]) -> None:
    (made,) = documents(message(PID, f"OBX|1|{obx}"))
    assert made["OBX"][0]["value"] == value


@pytest.mark.parametrize(
    ("pid", "patient", "count"),
    [
        ("PID|1||1^^^A^PI~2^^^B^MR", {"id": "2", "authority": "B", "type": "MR"}, 2),
        ("PID|1||1^^^A^PI~2^^^B", {"id": "1", "authority": "A", "type": "PI"}, 2),
        ("PID|1||1^^^&1.2.3&ISO^MR", {"id": "1", "authority": "1.2.3", "type": "MR"}, 1),
        ("PID|1||1^^^NS&1.2.3&ISO^MR", {"id": "1", "authority": "NS", "type": "MR"}, 1),
        ("PID|1||~2", {"id": "2"}, 1),
        ("PID|1|9^^^A|", {"id": "9", "authority": "A"}, 1),
        ("PID|1||^^^A^MR|4", {"id": "4"}, 1),
    ],
)
def test_a_patient_is_the_medical_record_number_else_the_first_identifier(
    documents, message, pid, patient, count
) -> None:
    (made,) = documents(message(pid))
    assert made["patient"] == patient
    assert len(made["identifiers"]) == count


def test_a_message_may_name_nobody(documents, message) -> None:
    (made,) = documents(message("NPU|bed 1|H", "PV1|1|I", kind="ADT^A20"))
    assert {"patient", "identifiers", "visit", "people", "merges"}.isdisjoint(made)


@pytest.mark.parametrize(
    ("pv1", "visit"),
    [
        ("PV1|1|I" + "|" * 17 + "v1^^^HIS^VN", {"id": "v1", "authority": "HIS", "type": "VN"}),
        ("PV1|1|I" + "|" * 48 + "v2", {"id": "v2"}),
        ("PV1|1|I", {}),
    ],
)
def test_a_visit_is_its_number_else_its_alternate_one(documents, message, pv1: str, visit: dict[str, str]) -> None:
    (made,) = documents(message(PID, pv1))
    assert made.get("visit", {}) == visit


def test_a_swap_names_both_patients_with_their_beds(documents, message) -> None:
    (made,) = documents(message(PID, "PV1|1|I|W^1", "PID|2||8^^^CITY^MR", "PV1|1|I|X^2", kind="ADT^A17"))
    assert [(one["patient"]["id"], one["PV1"]["f3"][0]["c1"]) for one in made["people"]] == [("7", "W"), ("8", "X")]
    assert made["patient"]["id"] == "7"


@pytest.mark.parametrize(
    ("pid", "mrg", "retired", "kept"),
    [
        (PID, "MRG|9^^^CITY^MR", "9", "7"),
        ("PID|1||1^^^A^PI~2^^^A^MR", "MRG|9^^^A", "9", "2"),
        ("PID|1||1^^^A^MR~2^^^B^PI", "MRG|8^^^B^PI", "8", "2"),
        ("PID|1||1^^^A^MR~2^^^B^PI", "MRG|5^^^B^PI~6^^^A^MR", "6", "1"),
        (PID, "MRG|9^^^ELSEWHERE^PI", "9", "7"),
        (PID, "MRG||||9", "9", "7"),
    ],
)
def test_a_merge_pairs_the_number_that_ends_with_one_of_its_kind(documents, message, pid, mrg, retired, kept) -> None:
    (made,) = documents(message(pid, mrg, kind="ADT^A40"))
    (merge,) = made["merges"]
    assert (merge["from"]["id"], merge["into"]["id"]) == (retired, kept)


def test_several_merges_in_one_message_each_belong_to_their_patient(documents, message) -> None:
    sent = message(PID, "MRG|9^^^CITY^MR||acc||vis", "PID|2||8^^^CITY^MR", "MRG|10^^^CITY^MR", kind="ADT^A40")
    (made,) = documents(sent)
    assert [(m["from"]["id"], m["into"]["id"], m.get("account"), m.get("visit")) for m in made["merges"]] == [
        ("9", "7", {"id": "acc"}, {"id": "vis"}),
        ("10", "8", None, None),
    ]
