"""Text tables in a site's own encoding and with its own delimiter, as UTF-8 under the contract that its mapping fits.

The raw bytes stay as they came; lines stay lines, so that a row's number is that of the file as sent. What does not
belong here: what the columns mean (orchestration/contracts/mapping.py).
"""

from collections.abc import Mapping

from orchestration.contracts import Contract
from orchestration.feeds.encoding import NEVER_UTF8
from orchestration.feeds.problems import Problem
from orchestration.feeds.sniff import BOM, header, missing, narrowed

WIDE = ("utf-16", "utf-32")  # more than one byte a character: a line feed is no line feed before it is decoded


def recoded(
    name: str, content: bytes, asked: Contract | None, contracts: Mapping[str, Contract]
) -> tuple[Contract | None, bytes]:
    """Return the contract whose mapping says how a text table is written, and the table in UTF-8.

    Where no mapping fits, what was asked for and the bytes as they came.
    """
    for contract in [asked] if asked else contracts.values():
        if contract.layout is None:
            continue
        text = _as_utf8(content, contract.layout.encoding)
        found = header(text, contract.layout.delimiter) if text is not None else None
        if text is None or found is None or isinstance(found, Problem):
            continue
        if asked or not missing(narrowed(contract, found.columns, name), found.columns, name):
            return contract, text
    return asked, content


def _as_utf8(content: bytes, encoding: str) -> bytes | None:
    """Return text in UTF-8, null where it is none in this encoding; a single line that is none is marked."""
    if encoding == "utf-8" or content.startswith(BOM):  # the mark that came, or that marked UTF-16 was given
        return content
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeError:
        if encoding.startswith(WIDE):
            return None
    return b"\n".join(_line(line, encoding) for line in content.split(b"\n"))


def _line(line: bytes, encoding: str) -> bytes:
    try:
        return line.decode(encoding).encode()
    except UnicodeError:
        return NEVER_UTF8 + line
