"""Where texts stand in records, and why one is withheld."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.feeds.notes.own import of_document
from orchestration.feeds.notes.texts import Piece, texts_of


def packed(text: str, charset: str = "utf-8") -> str:
    return base64.b64encode(text.encode(charset)).decode()


def document(**attachment: object) -> dict[str, object]:
    return {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}


@pytest.mark.parametrize(
    ("attachment", "found"),
    [
        ({"contentType": "text/plain", "data": packed("pain")}, Piece("content0", "pain")),
        ({"contentType": "text/plain; charset=ISO-8859-1", "data": packed("Größe", "latin-1")}, Piece("content0", "Größe")),  # noqa: E501
        ({"contentType": "text/html", "data": packed("<p>a &amp; b</p><script>x</script><p>c</p>")}, Piece("content0", "a & b\nc")),  # noqa: E501
        ({"contentType": "application/pdf", "data": packed("%PDF")}, Piece("content0", None, "the document is no text")),  # noqa: E501
        ({"contentType": "text/plain", "data": "!!!"}, Piece("content0", None, "its encoding cannot be read")),
        ({"contentType": "text/plain", "data": packed("é", "latin-1")}, Piece("content0", None, "its encoding cannot be read")),  # noqa: E501
        ({"contentType": "text/plain; charset=klingon", "data": packed("a")}, Piece("content0", None, "its encoding cannot be read")),  # noqa: E501
        ({"contentType": "text/plain", "data": packed("  ")}, Piece("content0", None, "the text is empty")),
        ({"url": "https://x"}, Piece("content0", None, "the record gives an address instead of a text")),
    ],
)  # fmt: skip
def test_an_attachment_is_read_or_withheld_with_its_reason(attachment: dict[str, object], found: Piece) -> None:
    assert texts_of(document(**attachment)) == [found]


def test_a_report_has_its_forms_and_its_conclusion() -> None:
    form = {"contentType": "text/plain", "data": packed("seen")}
    report = {"resourceType": "DiagnosticReport", "presentedForm": [form], "conclusion": "normal"}
    assert texts_of(report) == [Piece("presentedForm0", "seen"), Piece("conclusion", "normal")]


def obx(n: int, kind: str, *lines: str, code: str = "11506-3") -> dict[str, object]:
    return {"n": n, "f2": [{"c1": kind}], "f3": [{"c1": code}], "f5": [{"c1": line} for line in lines]}


def test_lines_of_one_text_are_one_piece_and_short_results_are_none() -> None:
    message = {"MSH": [{}], "OBX": [obx(1, "TX", "one"), obx(2, "TX", "two"), obx(3, "FT", "other", code="X"), obx(4, "ST", "positive"),  # noqa: E501
                                    obx(5, "NM", "80")], "NTE": [{"f3": [{"c1": "a note"}]}]}  # fmt: skip
    assert texts_of(message) == [Piece("OBX1", "one\ntwo"), Piece("OBX3", "other"), Piece("NTE", "a note")]


def test_an_enclosed_document_is_read() -> None:
    value = {"c2": "TEXT", "c3": "plain", "c4": "Base64", "c5": packed("hello")}
    assert texts_of({"MSH": [{}], "OBX": [{"n": 2, "f2": [{"c1": "ED"}], "f5": [value]}]}) == [Piece("OBX2.0", "hello")]


def test_a_text_of_a_message_about_several_people_is_withheld() -> None:
    message = {"MSH": [{}], "people": [{}, {}], "OBX": [obx(1, "TX", "one")]}
    assert texts_of(message) == [Piece("OBX1", None, "the message is about several people")]


def test_what_a_patient_resource_says_is_known() -> None:
    said = of_document({
        "resourceType": "Patient", "id": "abc-1234", "maritalStatus": {"coding": [{"display": "Married"}], "text": "M"},
        "name": [{"family": "Stone-Burns", "given": ["April", "May"]}], "identifier": [{"system": "x", "value": "MR-998877"}],  # noqa: E501
        "telecom": [{"value": "555 123 4567"}], "address": [{"line": ["12 Elm Street"], "city": "Oldham", "postalCode": "66801"}],  # noqa: E501
        "generalPractitioner": [{"reference": "Practitioner/1", "display": "Dr. Mehmet Yilmaz"}],
    })  # fmt: skip
    wanted = {
        "Stone",
        "Burns",
        "April",
        "May",
        "MR-998877",
        "MR998877",
        "5551234567",
        "12 Elm Street",
        "Oldham",
        "66801",
        "Mehmet",
    }
    assert wanted <= said
    assert "Married" not in said and "Street" not in said


def test_what_the_person_segments_of_a_message_say_is_known() -> None:
    said = of_document({"MSH": [{}], "PID": [{"f3": [{"c1": "MR-1234", "c4": "HOSP"}], "f5": [{"c1": "Stone", "c2": "April"}],  # noqa: E501
                                              "f11": [{"c1": "12 Elm St", "c3": "Oldham", "c4": "KS"}]}],
                        "PV1": [{"f7": [{"c1": "D-77123", "c2": "Yilmaz"}]}]})  # fmt: skip
    assert {"MR-1234", "Stone", "April", "Oldham", "Yilmaz", "D-77123"} <= said
    assert not {"HOSP", "KS"} & said


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["content", "attachment", "data", "contentType", "presentedForm", "OBX", "NTE", "PID", "f2", "f3", "f5", "c1", "n", "name", "family"]  # noqa: E501
    ), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(st.sampled_from(["DocumentReference", "DiagnosticReport", "MDM"]), st.dictionaries(st.sampled_from(
    ["MSH", "OBX", "NTE", "PID", "content", "presentedForm", "conclusion", "name", "people"]), json))  # fmt: skip
def test_no_record_of_any_shape_stops_the_queue(kind: str, members: dict[str, object]) -> None:
    texts_of({"resourceType": kind, **members})
    of_document({"resourceType": kind, **members})
