"""What bytes are that are not UTF-8 text: said in the reason, so that the sender knows what to change.

What does not belong here: decoding. Only UTF-8 is read; everything else is told and sent again.
"""

import codecs

from orchestration.feeds.problems import NOT_UTF8, Problem

HEAD = 4096
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
NAMES = {"utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
PLAIN_SHARE = 0.5  # JSON and tables are mostly ASCII; bytes that merely happen to decode are not
CONTROLS = bytes(n for n in range(32) if n not in b"\t\n\r\f")
BINARY_SHARE = 0.02


def wide_encoding(content: bytes) -> str | None:
    """Return `UTF-16` or `UTF-32` where bytes are text in it, with or without a mark at the beginning."""
    head = content[: HEAD - HEAD % 4]
    marked = [(mark, name) for mark, name in MARKS if head.startswith(mark)]
    if not marked and b"\0" not in head:
        return None
    candidates = marked or [(b"", name) for name in NAMES]
    return next((NAMES[name] for mark, name in candidates if _is_plain(head[len(mark) :], name)), None)


def _is_plain(head: bytes, encoding: str) -> bool:
    width = 4 if encoding.startswith("utf-32") else 2
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head[: len(head) - len(head) % width])
    except UnicodeDecodeError:
        return False
    plain = sum(1 for character in text if " " <= character <= "~" or character in "\t\r\n")
    return "\0" not in text and plain > PLAIN_SHARE * len(text)


def not_utf8(content: bytes) -> Problem:
    """Return the problem of a file that is not UTF-8 text, with what it is instead."""
    head = content[:HEAD]
    if wide := wide_encoding(content):
        found = f"is text in {wide}"
    elif b"\0" in head or len(head.translate(None, CONTROLS)) < (1 - BINARY_SHARE) * len(head):
        found = "is binary data"
    else:
        found = "looks like text in an older encoding such as Latin-1 or Windows-1252"
    return Problem(NOT_UTF8.clause, f"{NOT_UTF8.reason} It {found}. Have it sent as UTF-8 text.")
