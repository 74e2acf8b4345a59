"""DICOM headers: every encoding reads the same, nothing else is taken for one, and no bytes do harm."""

import json
import logging
import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from orchestration.contracts import load_contract
from orchestration.contracts.model import Classification
from orchestration.feeds import Limits
from orchestration.feeds.dicom import PROBLEMS, read, walk
from orchestration.feeds.dicom.record import WANTED, WANTED_OF_ITEMS
from orchestration.feeds.problems import Problem

LIMITS = Limits()
CT = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
PIXELS = bytes(range(256)) * 8
UNDEFINED = b"\xff\xff\xff\xff"


def scan(**more: object) -> Dataset:
    """A small CT image, with what must not leave beside what may."""
    made = Dataset()
    plain = {
        "SOPClassUID": CT, "SOPInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1",
        "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "StudyDate": "20260228", "StudyTime": "2315",
        "Manufacturer": "Acme", "StationName": "CT01", "PatientName": "Doe^Jane", "PatientID": "4711",
        "IssuerOfPatientID": "city", "PatientSex": "F", "PatientBirthDate": "19500203", "SliceThickness": "0.625",
        "Rows": 32, "Columns": 64, "NumberOfFrames": "1", "InstitutionName": "City Hospital",
        "PatientComments": "rings Mrs Roe", "KVP": "0", **more,
    }  # fmt: skip
    for name, value in plain.items():
        if value is not None:
            setattr(made, name, value)
    made.PixelData = PIXELS
    made["PixelData"].VR = "OW"
    return made


def coded(code: str, scheme: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code, scheme, "anything"
    return made


def written(made: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = CT
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def members(content: bytes) -> dict[str, object]:
    found = read(content, "x.dcm", LIMITS)
    assert not isinstance(found, Problem), found
    assert found.lines.count == 1
    return json.loads(found.lines.text[0].as_py())


def clause(content: bytes, limits: Limits = LIMITS) -> str | None:
    found = read(content, "x.dcm", limits)
    return found.clause if isinstance(found, Problem) else None


def meta_length(content: bytes) -> int:
    """Where the data set starts: preamble, mark, the group length element, and as many bytes as that says."""
    return 132 + 12 + struct.unpack_from("<L", content, 140)[0]


def element(tag: int, value: bytes, vr: bytes = b"LO", length: bytes | None = None) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in walk.LONG_VRS:
        return head + b"\0\0" + (length or struct.pack("<L", len(value))) + value
    return head + (length or struct.pack("<H", len(value))) + value


def raw(**elements: str) -> bytes:
    """An explicit little-endian data set of texts, whatever they are, without meta information."""
    tags = {tag_for_keyword(name): value for name, value in {"SOPInstanceUID": "1.2.3.4", **elements}.items()}
    assert None not in tags
    return b"".join(element(t, _even(v.encode()), dictionary_VR(t).encode()) for t, v in sorted(tags.items()) if t)


def with_uid(following: bytes) -> bytes:
    """A marked data set: the instance UID, then anything."""
    return b"\0" * 128 + b"DICM" + element(0x00080018, b"1.2.3.4\0", b"UI") + following


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


def test_a_header_becomes_one_record_named_by_keywords() -> None:
    found = members(written(scan()))
    assert found["resourceType"] == "Instance"
    assert found["id"] == found["SOPInstanceUID"] == "1.2.3.4"
    assert (found["Modality"], found["ImageType"]) == ("CT", ["ORIGINAL", "PRIMARY", "AXIAL"])
    assert (found["Rows"], found["Columns"], found["NumberOfFrames"], found["SliceThickness"]) == (32, 64, 1, 0.625)
    assert found["KVP"] == 0
    assert (found["StudyDate"], found["StudyDateTime"]) == ("2026-02-28", "20260228231500")
    assert found["TransferSyntaxUID"] == ExplicitVRLittleEndian


def test_names_comments_and_pixels_are_not_even_read() -> None:
    found = json.dumps(members(written(scan(OperatorsName="Roe", InstitutionAddress="1 Main St"))))
    assert not [s for s in ("Jane", "Doe", "Roe", "City Hospital", "Main", "PixelData") if s in found]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_transfer_syntax_reads_the_same(syntax: UID) -> None:
    requested = Dataset()
    requested.RequestedProcedureID = "R1"
    requested.ScheduledProtocolCodeSequence = Sequence([coded("P1", "L")])
    more = {"RequestAttributesSequence": Sequence([requested]), "ProcedureCodeSequence": Sequence([coded("C1", "L")])}
    found = members(written(scan(**more), syntax))
    assert found.pop("TransferSyntaxUID") == syntax
    expected = members(written(scan(**more)))
    expected.pop("TransferSyntaxUID")
    assert found == expected
    code = {"CodeValue": "P1", "CodingSchemeDesignator": "L"}
    assert found["RequestAttributesSequence"] == [
        {"RequestedProcedureID": "R1", "ScheduledProtocolCodeSequence": [code]}
    ]


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
@pytest.mark.parametrize("padding", [b"", b" ", b"\0"])
def test_a_data_set_without_meta_information_is_read_also_behind_one_byte_of_padding(
    syntax: UID, padding: bytes
) -> None:
    content = written(scan(), syntax)
    found = members(padding + content[meta_length(content) :])
    assert (found["id"], found["Rows"]) == ("1.2.3.4", 32)
    assert "TransferSyntaxUID" not in found


def test_meta_information_without_preamble_is_read() -> None:
    content = written(scan())
    assert members(content[132:]) == members(content[128:]) == members(content)


def test_an_object_without_its_instance_uid_has_no_id() -> None:
    assert members(written(scan(SOPInstanceUID=None)))["id"] is None
    assert members(b"\0" * 128 + b"DICM" + element(0x00104000, b"only this"))["id"] is None


@pytest.mark.parametrize(
    ("charset", "maker"),
    [("ISO_IR 100", "Müller"), ("ISO_IR 192", "東芝"), ("ISO_IR 144", "Люкceмбypг"), ("GB18030", "王")],
)
def test_texts_are_read_in_the_specific_character_set(charset: str, maker: str) -> None:
    assert members(written(scan(SpecificCharacterSet=charset, Manufacturer=maker)))["Manufacturer"] == maker


def test_an_unknown_character_set_is_read_as_the_default_one_and_no_value_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert members(raw(SpecificCharacterSet="NONSENSE", PatientID="4711"))["PatientID"] == "4711"
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        ({"StudyTime": "23"}, "20260228230000"),
        ({"StudyTime": "231501.25"}, "20260228231501.25"),
        ({"StudyTime": "23:15:01"}, "20260228231501"),
        ({"StudyTime": "231501", "TimezoneOffsetFromUTC": "-0500"}, "20260228231501-0500"),
        ({"StudyTime": "231501", "TimezoneOffsetFromUTC": "EST"}, "20260228231501"),
        ({}, None),
        ({"StudyTime": "late"}, "20260228late"),
        ({"StudyDate": "2026.02.28", "StudyTime": "2315"}, "20260228231500"),
    ],
)
def test_a_date_and_its_time_become_one_moment(sent: dict[str, str], moment: str | None) -> None:
    assert members(raw(**{"StudyDate": "20260228", **sent})).get("StudyDateTime") == moment


def test_a_moment_that_has_an_offset_keeps_it() -> None:
    own = members(raw(AcquisitionDateTime="20260228231501+0100", TimezoneOffsetFromUTC="-0500"))
    shared = members(raw(AcquisitionDateTime="20260228231501", TimezoneOffsetFromUTC="-0500"))
    found = (own["AcquisitionDateTime"], shared["AcquisitionDateTime"])
    assert found == ("20260228231501+0100", "20260228231501-0500")


@pytest.mark.parametrize(
    ("name", "sent", "found"),
    [
        ("NumberOfFrames", "12", 12),
        ("NumberOfFrames", "1A", "1A"),
        ("NumberOfFrames", "1\\2", "1\\2"),
        ("SliceThickness", "nan", "nan"),
        ("SliceThickness", "1e400", "1e400"),
        ("SliceThickness", "1e300", 1e300),
        ("SliceThickness", "1_0", "1_0"),
        ("PatientBirthDate", "19500203", "1950-02-03"),
        ("PatientBirthDate", "1950", "1950"),
        ("Modality", "C\x00T\x07", "CT"),
    ],
)
def test_what_cannot_be_read_stays_as_it_came_for_the_contract_to_judge(name: str, sent: str, found: object) -> None:
    assert members(raw(**{name: sent}))[name] == found


def test_a_binary_number_of_the_wrong_size_is_no_number() -> None:
    content = with_uid(element(0x00280010, b"\x20\x00\x40\x00", b"US"))
    assert members(content)["Rows"] == "20004000"


# -- structure


def nested(depth: int) -> bytes:
    """A private sequence of undefined length, and in its item another one, and so on."""
    item, item_end, end = (struct.pack("<HHL", 0xFFFE, n, 0) for n in (0xE000, 0xE00D, 0xE0DD))
    head = element(0x00090001, b"", b"SQ", UNDEFINED) + item[:4] + UNDEFINED
    return head * depth + (item_end + end) * depth


def test_sequences_are_stepped_over_whatever_they_hold() -> None:
    icon, private = Dataset(), Dataset()
    icon.add_new(0x7FE00010, "OW", PIXELS)
    private.add_new(0x00100020, "LO", "inner")
    made = scan(IconImageSequence=Sequence([icon]))
    made.add_new(0x00090010, "LO", "MAKER")
    made.add_new(0x00091001, "SQ", Sequence([private]))
    for is_undefined in (False, True):
        made[0x00091001].is_undefined_length = is_undefined
        private.is_undefined_length_sequence_item = is_undefined
        found = members(written(made))
        assert (found["PatientID"], found["Rows"]) == ("4711", 32)


def test_an_element_without_vr_among_explicit_ones_is_read() -> None:
    content = with_uid(struct.pack("<HHL", 0x0010, 0x0020, 4) + b"4711")
    assert members(content)["PatientID"] == "4711"


def test_zeros_after_the_last_element_are_padding() -> None:
    assert members(with_uid(b"\0" * 13))["id"] == "1.2.3.4"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "file.not_dicom"),
        (b"not an image", "file.not_dicom"),
        (b'{"resourceType": "Patient"}', "file.not_dicom"),
        (b"\x08\x00\x18\x00", "file.not_dicom"),
        (b"\x08\x00" * 400, "file.not_dicom"),
        (b"\0" * 128 + b"DICM", "file.truncated_header"),
        (b"\0" * 128 + b"DICM" + b"\x08\x00\x18\x00UI\x40\x001.2", "file.truncated_header"),
    ],
)
def test_what_is_no_dicom_object_is_told_from_a_damaged_one(content: bytes, expected: str) -> None:
    assert clause(content) == expected


def test_elements_out_of_order_are_damage() -> None:
    assert clause(with_uid(element(0x00080016, b"1.2 ", b"UI"))) == "file.damaged_header"


def test_a_sequence_that_holds_no_items_is_damage() -> None:
    assert clause(with_uid(element(0x00090001, b"", b"SQ", UNDEFINED) + b"x" * 64)) == "file.damaged_header"


@pytest.mark.parametrize(
    ("value", "vr"), [(b"no items", b"SQ"), (b"short", b"SQ"), (b"no items", b"LO"), (b"\xfe\xff\x00\xe0\x00", b"SQ")]
)
def test_a_wanted_sequence_that_pydicom_cannot_read_is_damage(value: bytes, vr: bytes) -> None:
    assert clause(with_uid(element(0x00081032, value, vr))) == "file.damaged_header"


def test_nesting_is_bounded() -> None:
    assert members(with_uid(nested(100)))["id"] == "1.2.3.4"
    assert clause(with_uid(nested(101))) == "file.header_nesting"
    assert clause(with_uid(nested(200_000))) == "file.header_nesting"


def test_the_number_of_elements_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_uid(b"".join(element(0x00090000 + n, b"") for n in range(1, 50)))
    monkeypatch.setattr(walk, "MOST_ELEMENTS", 50)
    assert members(content)["id"] == "1.2.3.4"
    monkeypatch.setattr(walk, "MOST_ELEMENTS", 49)
    assert clause(content) == "file.header_elements"


def test_a_wanted_value_of_a_megabyte_is_refused_and_one_that_nobody_wants_is_stepped_over() -> None:
    long = b"x" * 2**20
    assert clause(with_uid(element(0x00100020, long, b"UT"))) == "file.header_too_long"
    assert members(with_uid(element(0x00104000, long, b"UT")))["id"] == "1.2.3.4"


def test_a_deflated_bomb_is_refused_before_it_has_grown() -> None:
    content = written(scan(), DeflatedExplicitVRLittleEndian)
    start = meta_length(content)
    limits = Limits(line=100_000)
    assert clause(content, limits) is None
    header = zlib.decompress(content[start:], -15).partition(b"\xe0\x7f\x10\x00")[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(header + element(0x00420011, b"", b"OB", struct.pack("<L", 2**30)))
    bomb += b"".join(packer.compress(b"\0" * 2**20) for _ in range(64)) + packer.flush()
    assert clause(content[:start] + bomb, limits) == "file.header_too_long"
    assert clause(content[:start] + content[start : start + 40]) == "file.truncated_header"
    assert clause(content[:start] + b"\xff" * 40) == "file.damaged_header"


# -- any bytes


def test_a_file_cut_within_its_pixels_still_says_what_it_is() -> None:
    content = written(scan())
    assert members(content[:-1000]) == members(content)


def test_a_file_cut_within_its_header_never_says_anything_else_than_the_whole_one() -> None:
    content = written(scan())
    whole = members(content)
    seen = set()
    for end in range(content.index(b"\xe0\x7f\x10\x00")):
        found = read(content[:end], "x.dcm", LIMITS)
        seen.add(found.clause if isinstance(found, Problem) else None)
        if not isinstance(found, Problem):
            part = json.loads(found.lines.text[0].as_py())
            assert {k: v for k, v in part.items() if v is not None and k != "StudyDateTime"}.items() <= whole.items()
    assert seen == {None, "file.not_dicom", "file.truncated_header"}


@given(st.binary(max_size=400), st.sampled_from([b"", b"\0" * 128 + b"DICM", b"\x08\x00\x18\x00UI\x08\x001.2.3.4\0"]))
@example(b"\x08\x00\x05\x00SQ\0\0\xff\xff\xff\xff", b"\0" * 128 + b"DICM")
def test_any_bytes_are_a_record_or_a_problem(tail: bytes, head: bytes) -> None:
    found = read(head + tail, "x", LIMITS)
    assert found in PROBLEMS if isinstance(found, Problem) else found.lines.count == 1


@given(st.data())
def test_a_damaged_file_is_a_record_or_a_problem(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.binary(max_size=6))
        content[at : at + data.draw(st.integers(0, 8))] = patch
        content = content or bytearray(b"x")
    found = read(bytes(content), "x", LIMITS)
    assert found in PROBLEMS if isinstance(found, Problem) else found.lines.count == 1


WHOLE = [written(scan(ProcedureCodeSequence=Sequence([coded("C1", "L")])), syntax) for syntax in SYNTAXES]
WHOLE.append(with_uid(nested(3)))


# -- the contract


def test_the_contract_asks_for_what_the_reader_gives_and_for_nothing_that_names_a_person() -> None:
    (item,) = load_contract("dicom").objects
    given = {*WANTED, *WANTED_OF_ITEMS, "TransferSyntaxUID", "id", "resourceType"}
    given |= {f"{moment}DateTime" for moment in ("Study", "Series", "Acquisition", "Content")}
    read_paths = " | ".join(p for i in item.properties for p in (i.path, i.authority_path) if p)
    asked = {step.split("[")[0] for path in read_paths.split(" | ") for step in path.split(".")}
    assert asked <= given
    assert not [i.name for i in item.properties if i.classification is Classification.DIRECT and i.path]
