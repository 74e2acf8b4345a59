"""A file's name as it may be told: names of people and numbers of records are sent in names of files too.

What does not belong here: reading what the name says of its content. A word stays where it is listed, a number where it
is short or a year or a day of this century and nothing else in the name had to go; the rest becomes a mark. The digest
beside it in a receipt says which file it was.
"""

import re
from functools import cache
from pathlib import Path

import yaml

from orchestration.contracts import list_contracts, load_contracts
from orchestration.contracts.free_text import clinical_words

WORDS_FILE = Path(__file__).parent / "file_words.yaml"
PIECE = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]+")
CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
PLAIN = re.compile(r"[-_. ()/+,=#~]+")
SMALL = re.compile(r"[0-9]+|[A-Za-z]")
ENDING = re.compile(
    r"(?:\.(?:ndjson|jsonl|json|csv|tsv|txt|parquet|dta|hl7|dcm|x12|edi|837|zip|gz|md|bin|out))+$", re.IGNORECASE
)
SHORT = 3
DATE = re.compile(r"20\d{2}(?:(?:0[1-9]|1[0-2])(?:[0-3]\d)?)?|[0-3]\d")
MARK = "~"
MARKS = re.compile(r"~(?:[-_. ]*~)+")


def told_name(name: str) -> str:
    """Return a file's name (with the folders and archive it came in) without what may be anybody's."""
    ending = ENDING.search(name)
    pieces = PIECE.findall(name[: ending.start()] if ending else name)
    known = [_is_listed(piece) for piece in pieces]
    is_clean = all(known)
    kept = [p if ok and (is_clean or not SMALL.fullmatch(p)) else MARK for p, ok in zip(pieces, known, strict=True)]
    return MARKS.sub(MARK, "".join(kept)) + (ending[0] if ending else "") or MARK


def _is_listed(piece: str) -> bool:
    if piece.isdigit():
        return len(piece) <= SHORT or DATE.fullmatch(piece) is not None
    if not piece[0].isascii() or not piece[0].isalpha():
        return PLAIN.fullmatch(piece) is not None
    parts = CAMEL.findall(piece)
    return piece.lower() in words() or all(part.lower() in words() for part in parts)


@cache
def words() -> frozenset[str]:
    """Return what may stand in a name: file words, clinical words, and what contracts call their records."""
    contracts = load_contracts()
    named = [*list_contracts(), *(o.table for c in contracts.values() for o in c.objects)]
    types = [code for c in contracts.values() for o in c.objects for p in o.properties for code in p.codes]
    listed = yaml.load(WORDS_FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)["words"].split()
    parts = [part.lower() for name in (*named, *types) for part in CAMEL.findall(name)]
    return frozenset({*listed, *parts, *clinical_words().words, *"abcdefghijklmnopqrstuvwxyz"})
