"""Where free text stands in a record: in FHIR documents and reports, in HL7 v2 messages, in a table's column of notes.

What does not belong here: reading bytes (the feeds' readers) and scrubbing. A text that cannot be read is a piece
without a text and with the reason why it is withheld.
"""

import base64
import binascii
import codecs
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PLAIN = ("text/plain", "text/markdown", "")
MARKED_UP = ("text/html", "application/xhtml+xml", "application/xml", "text/xml", "application/hl7-sda+xml")
TEXT_VALUES = ("TX", "FT", "ST", "CF")
LONGEST_ATTACHMENT = 8 * 1024 * 1024  # characters of base64
NO_PROSE = 24  # an ST value up to this long is a result rather than a note
UNSEEN = re.compile(r"<(style|script)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
BLOCK = re.compile(r"</?(?:p|br|div|tr|li|h\d|table|section|paragraph|title|text|item|td|th)\b[^>]*>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]{0,2000}>")


@dataclass(frozen=True)
class Piece:
    """One text of a record: `part` tells it from the record's others. `text` is null where it is withheld."""

    part: str
    text: str | None
    withheld: str | None = None


def texts_of(document: Mapping[str, Any]) -> list[Piece]:
    """Return the texts of a FHIR resource, or of an HL7 v2 message as a document (feeds/hl7v2/document.py)."""
    kind = document.get("resourceType")
    if kind == "DocumentReference":
        contents = _dicts(document.get("content"))
        found = [_attachment(f"content{n}", content.get("attachment")) for n, content in enumerate(contents)]
        return [*found, *_said("description", document.get("description"))]
    if kind == "DiagnosticReport":
        forms = _dicts(document.get("presentedForm"))
        found = [_attachment(f"presentedForm{n}", form) for n, form in enumerate(forms)]
        return [*found, *_said("conclusion", document.get("conclusion"))]
    return list(_of_message(document)) if "MSH" in document else []


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _said(part: str, value: object) -> list[Piece]:
    return [Piece(part, value)] if isinstance(value, str) and value.strip() else []


# -- FHIR attachments


def _attachment(part: str, value: object) -> Piece:
    attachment: Mapping[str, Any] = value if isinstance(value, dict) else {}
    data, kind = attachment.get("data"), str(attachment.get("contentType") or "")
    if not isinstance(data, str):
        return Piece(part, None, "the record gives an address instead of a text")
    return _decoded(part, data, *_media(kind))


def _media(content_type: str) -> tuple[str, str]:
    """Return a media type without parameters, and its character set."""
    kind, *parameters = (one.strip() for one in content_type.lower().split(";"))
    named = (one.partition("=")[2].strip("\"' ") for one in parameters if one.startswith("charset"))
    return kind, next(named, "utf-8")


def _decoded(part: str, data: str, kind: str, charset: str) -> Piece:
    if kind not in PLAIN + MARKED_UP:
        return Piece(part, None, "the document is no text")
    if len(data) > LONGEST_ATTACHMENT:
        return Piece(part, None, "longer than a note is taken in")
    try:
        content = base64.b64decode(re.sub(r"\s+", "", data), validate=True)
        text = content.decode(codecs.lookup(charset).name)
    except (binascii.Error, ValueError, LookupError):
        return Piece(part, None, "its encoding cannot be read")
    if not text.strip():
        return Piece(part, None, "the text is empty")
    return Piece(part, _unmarked(text) if kind in MARKED_UP or text.lstrip()[:1] == "<" else text)


def _unmarked(text: str) -> str:
    """Return the words of a marked-up text; attributes (addresses, ids) go with their tags."""
    plain = TAG.sub("", BLOCK.sub("\n", UNSEEN.sub(" ", text)))
    return re.sub(r"[ \t]*\n\s*", "\n", html.unescape(plain)).strip()


# -- HL7 v2


def _of_message(message: Mapping[str, Any]) -> Iterator[Piece]:
    found = [*_observed(_dicts(message.get("OBX"))), *_notes(_dicts(message.get("NTE")))]
    if found and len(_dicts(message.get("people"))) > 1:
        found = [Piece(piece.part, None, "the message is about several people") for piece in found]
    yield from found


def _observed(segments: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    """Yield texts of OBX segments; lines of one text under one code, as senders cut them, are one piece."""
    lines: list[str] = []
    first, code = 0, ""
    for segment in segments:
        kind, number = _first(segment, "f2"), segment.get("n") if isinstance(segment.get("n"), int) else 0
        said = [str(rep.get("c1") or "") for rep in _dicts(segment.get("f5"))]
        is_note = kind in TEXT_VALUES and (kind != "ST" or len(" ".join(said)) > NO_PROSE)
        if lines and (not is_note or _first(segment, "f3") != code):
            yield Piece(f"OBX{first}", "\n".join(lines))
            lines = []
        if is_note and any(line.strip() for line in said):
            first, code = (number, _first(segment, "f3")) if not lines else (first, code)
            lines += said
        if kind == "ED":
            yield from (_enclosed(f"OBX{number}.{n}", rep) for n, rep in enumerate(_dicts(segment.get("f5"))))
        elif kind == "RP":
            yield Piece(f"OBX{number}", None, "the record gives an address instead of a text")
    if lines:
        yield Piece(f"OBX{first}", "\n".join(lines))


def _enclosed(part: str, value: Mapping[str, Any]) -> Piece:
    """Read an encapsulated document (ED): source, type, subtype, encoding, data."""
    kind = f"{value.get('c2') or 'text'}/{value.get('c3') or 'plain'}".lower().replace("application/text", "text/plain")
    data, encoding = str(value.get("c5") or ""), str(value.get("c4") or "A").lower()
    if encoding == "base64":
        return _decoded(part, data, kind, "utf-8")
    if encoding == "a" and kind in PLAIN + MARKED_UP and data.strip():
        return Piece(part, _unmarked(data) if kind in MARKED_UP else data)
    return Piece(part, None, "the document is no text")


def _notes(segments: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    lines = [str(rep.get("c1") or "") for segment in segments for rep in _dicts(segment.get("f3"))]
    if any(line.strip() for line in lines):
        yield Piece("NTE", "\n".join(lines))


def _first(segment: Mapping[str, Any], field: str) -> str:
    repetitions = _dicts(segment.get(field))
    return str(repetitions[0].get("c1") or "") if repetitions else ""
