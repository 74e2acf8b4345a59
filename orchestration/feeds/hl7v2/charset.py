"""A message's bytes as text, by the character set that MSH-18 declares (HL7 table 0211).

What does not belong here: escape sequences within the text (splitting.py).
"""

from orchestration.feeds.hl7v2.problems import CHARSET, UNKNOWN_CHARSET
from orchestration.feeds.problems import Problem

# UTF-16 text is turned into UTF-8 before messages are cut, so that every Unicode name here means UTF-8.
UNICODE = ("", "ASCII", "ISOIR6", "UNICODE", "UNICODEUTF8", "UNICODEUTF16", "UNICODEUTF32", "UTF8", "UTF16")
CODECS = {
    **dict.fromkeys(UNICODE, "utf-8"),
    **{f"{prefix}8859{n}": f"iso8859-{n}" for prefix in ("", "ISO") for n in (*range(1, 12), 13, 14, 15, 16)},
    **dict.fromkeys(("WINDOWS1252", "CP1252"), "cp1252"),
    **{f"ISOIR{n}": "iso2022_jp_2" for n in (14, 87, 159)},
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    "KSX1001": "euc_kr",
    "BIG5": "big5",
}


def codec_of(declared: str, repetition: str) -> str | None:
    """Return the codec of a declaration, or null for an unknown one; of several sets the first that is not ASCII."""
    found = [CODECS.get(_plain(name)) for name in (declared.split(repetition) if repetition else [declared])]
    return next((codec for codec in found if codec != "utf-8"), "utf-8")


def _plain(name: str) -> str:
    return "".join(c for c in name.upper() if c.isalnum())


def decode(content: bytes, codec: str | None) -> str | Problem:
    """Return the text of a message; a declaration cannot be wrong about bytes that are all ASCII."""
    if codec is None:
        return content.decode("ascii") if content.isascii() else UNKNOWN_CHARSET
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return CHARSET
