"""The elements of a DICOM header that the contract reads, as JSON members named by their keywords (PS3.6).

What does not belong here: which of them may leave the landing zone (the contract says that), and anything that no
contract needs: names, addresses and comments are not even read. Single-valued members are texts or numbers; sequences
and `ImageType` are always lists. Dates are ISO 8601; times stand beside them as one DICOM date time (`StudyDateTime`),
with the object's own offset from UTC where it gives one.
"""

import logging
import math
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from struct import Struct

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import TEXT_VR_DELIMS

from orchestration.feeds.dicom.opening import DataSet
from orchestration.feeds.dicom.problems import DAMAGED, TOO_LONG, Unreadable

WANTED = (
    "SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber",
    "Modality", "ImageType", "BodyPartExamined", "Laterality", "ImageLaterality", "ViewPosition",
    "StudyDate", "StudyTime", "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime",
    "ContentDate", "ContentTime", "TimezoneOffsetFromUTC",
    "Manufacturer", "ManufacturerModelName", "StationName", "DeviceSerialNumber",
    "PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "PatientBirthDate", "PatientSex",
    "PatientAge", "AccessionNumber", "IssuerOfAccessionNumberSequence", "AdmissionID", "IssuerOfAdmissionIDSequence",
    "StudyDescription", "SeriesDescription", "ProcedureCodeSequence", "RequestedProcedureCodeSequence",
    "RequestAttributesSequence", "Rows", "Columns", "NumberOfFrames", "SliceThickness", "KVP",
    "ContrastBolusAgent", "ContrastBolusAgentSequence", "BurnedInAnnotation", "PatientIdentityRemoved",
    "LossyImageCompression",
)  # fmt: skip
WANTED_OF_ITEMS = (
    "CodeValue", "LongCodeValue", "CodingSchemeDesignator", "LocalNamespaceEntityID", "UniversalEntityID",
    "RequestedProcedureID", "ScheduledProcedureStepID", "AccessionNumber", "RequestedProcedureCodeSequence",
    "ScheduledProtocolCodeSequence",
)  # fmt: skip
LISTS = ("ImageType",)
MOMENTS = ("Study", "Series", "Acquisition", "Content")
LONGEST_VALUE = 1024 * 1024
EXACT = 2**53  # from here on a float does not tell whole numbers apart
CHARACTER_SET = 0x00080005
ITEM, ITEM_BIG = b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"  # the tag of an item, in either order of bytes
TAGS = frozenset({tag for name in WANTED if (tag := tag_for_keyword(name))} | {CHARACTER_SET})
BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}
NUMBERS = ("IS", "DS")
CHARACTER_SETS = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")  # the VRs that the specific character set governs
DATE = re.compile(r"(\d{4})[-.]?(\d\d)[-.]?(\d\d)")
TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(\.\d{1,6})?)?)?")
OFFSET = re.compile(r"[+-]\d{4}")
HAS_OFFSET = re.compile(r".*[+-]\d{4}")


def members(header: DataSet) -> dict[str, object]:
    """Return the wanted elements of a header as JSON values. Raises `Unreadable`."""
    found: dict[str, object] | None = None
    with _quiet():
        try:
            found = _read(_selected(header), WANTED, ["iso8859"])
        except Unreadable:
            raise
        except Exception:  # noqa: BLE001 - pydicom raises nearly anything for damaged bytes
            found = None
    if found is None:
        raise Unreadable(DAMAGED)
    if header.transfer_syntax:
        found["TransferSyntaxUID"] = header.transfer_syntax
    return _with_moments(found)


def _selected(header: DataSet) -> Dataset:
    """Let pydicom read the wanted elements, and only those."""
    spans = [header.spans[tag] for tag in sorted(header.spans)]
    if any(span.end - span.start > LONGEST_VALUE for span in spans):
        raise Unreadable(TOO_LONG)
    wanted = b"".join(header.data[span.start : span.end] for span in spans)
    return read_dataset(BytesIO(wanted), header.encoding.is_implicit, header.encoding.is_little)


@contextmanager
def _quiet() -> Generator[None]:
    """Keep pydicom from warning and logging: it quotes values."""
    log = logging.getLogger("pydicom")
    before = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _read(dataset: Dataset, wanted: tuple[str, ...], encodings: list[str]) -> dict[str, object]:
    encodings = _encodings(dataset, encodings)
    found: dict[str, object] = {}
    for name in wanted:
        tag = tag_for_keyword(name)
        value = _value(dataset, tag, name, encodings) if tag is not None and tag in dataset else None
        if value is not None:
            found[name] = value
    return found


def _encodings(dataset: Dataset, inherited: list[str]) -> list[str]:
    """Return the Python codecs of the specific character set; an unknown one is read as the default repertoire."""
    raw = _raw(dataset, CHARACTER_SET) if CHARACTER_SET in dataset else None
    if raw is None:
        return inherited
    terms = [term.strip(" \0") for term in raw.decode("ascii", "replace").split("\\")]
    return convert_encodings(terms)


def _raw(dataset: Dataset, tag: int) -> bytes | None:
    """Return the bytes of a value as sent, or null for an empty one."""
    element = dataset.get_item(tag)
    value = element.value if isinstance(element, RawDataElement) else None
    return value if isinstance(value, bytes) and value else None


def _value(dataset: Dataset, tag: int, name: str, encodings: list[str]) -> object:
    vr = dictionary_VR(tag)
    raw = _raw(dataset, tag)
    if vr == "SQ":
        return _items(dataset, tag, raw, encodings)
    if raw is None:
        return None
    if vr in BINARY:
        return _binary(raw, BINARY[vr], bool(dataset.original_encoding[1]))
    text = _text(raw, encodings if vr in CHARACTER_SETS else ["iso8859"])
    if name in LISTS:
        return [part.strip() for part in text.split("\\")]
    if vr in NUMBERS:
        return _number(text) if text else None
    return (_date(text) if vr == "DA" else text) or None


def _items(dataset: Dataset, tag: int, raw: bytes | None, encodings: list[str]) -> list[dict[str, object]]:
    """Return the items of a sequence; pydicom takes whatever stands there for one."""
    items = dataset[tag].value
    if not isinstance(items, Sequence) or (raw and raw[: len(ITEM)] not in (ITEM, ITEM_BIG)):
        raise Unreadable(DAMAGED)
    return [_read(item, WANTED_OF_ITEMS, encodings) for item in items]


def _binary(raw: bytes, kind: str, is_little: bool) -> object:
    """Return a binary number; bytes that are not exactly one stay a text, which the contract refuses."""
    number = Struct(("<" if is_little else ">") + kind)
    return number.unpack(raw)[0] if len(raw) == number.size else raw.hex()


def _text(raw: bytes, encodings: list[str]) -> str:
    text = decode_bytes(raw, encodings, TEXT_VR_DELIMS)
    printable = "".join(c for c in text if c.isprintable())
    return printable.strip()


def _number(text: str) -> object:
    """Return a decimal string as a number; what is none, or several, stays a text, which the contract refuses."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number) or "_" in text:
        return text
    return int(number) if abs(number) < EXACT and number.is_integer() else number


def _date(text: str) -> str:
    found = DATE.fullmatch(text)
    return "-".join(found.groups()) if found else text


def _with_moments(found: dict[str, object]) -> dict[str, object]:
    """Put each date and its time together; what is no time is left in, for the contract to refuse."""
    offset = str(found.get("TimezoneOffsetFromUTC", ""))
    offset = offset if OFFSET.fullmatch(offset) else ""
    for name in MOMENTS:
        date, time = found.get(f"{name}Date"), found.pop(f"{name}Time", None)
        if date and time and f"{name}DateTime" not in found:
            found[f"{name}DateTime"] = str(date).replace("-", "") + _time(str(time))
        if (moment := found.get(f"{name}DateTime")) and not HAS_OFFSET.fullmatch(str(moment)):
            found[f"{name}DateTime"] = f"{moment}{offset}"
    return found


def _time(text: str) -> str:
    found = TIME.fullmatch(text)
    if not found:
        return text
    hour, minute, second, fraction = found.groups()
    return f"{hour}{minute or '00'}{second or '00'}{fraction or ''}"
