"""The words of a PDF as Chromium prints it: text is glyphs in compressed streams, and cannot be searched as it lies.

Each font says with a CMap which glyph is which character (ISO 32000-1, 9.10.3). What does not belong here: PDF
of other makers.
"""

import re
import zlib
from collections.abc import Iterator

OBJECT = re.compile(rb"(?<=\n)(\d+) 0 obj\n(.*?)(?:stream\r?\n|endobj)", re.DOTALL)
SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>(?=[^<>]*?T[jJ])|(ET)")


def words_of(pdf: bytes) -> str:
    """All the text, a space between pieces."""
    objects = {
        int(one[1]): (one[2], _stream(pdf, one.end()) if b"stream" in one[0] else b"") for one in OBJECT.finditer(pdf)
    }
    fonts = {name: int(number) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", pdf)}
    glyphs = {name: _glyphs(objects, number) for name, number in fonts.items()}
    return "".join(text for _, content in objects.values() if b" Tf" in content for text in _texts(content, glyphs))


def _stream(pdf: bytes, begin: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(pdf[begin:])
    except zlib.error:
        return b""  # a picture or a font in a form of its own


def _glyphs(objects: dict[int, tuple[bytes, bytes]], font: int) -> dict[int, str]:
    named = re.search(rb"/ToUnicode (\d+) 0 R", objects[font][0])
    if named is None:
        return {}
    cmap = objects[int(named[1])][1]
    found: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for glyph, text in re.findall(rb"<(\w+)> <(\w+)>", block):
            found[int(glyph, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, text in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", block):
            for step in range(int(last, 16) - int(first, 16) + 1):
                found[int(first, 16) + step] = chr(int(text, 16) + step)
    return found


def _texts(content: bytes, glyphs: dict[bytes, dict[int, str]]) -> Iterator[str]:
    font: dict[int, str] = {}
    for name, shown, end in SHOWN.findall(content):
        if name:
            font = glyphs.get(name, {})
        elif end:
            yield " "
        else:
            yield "".join(font.get(int(shown[at : at + 4], 16), "?") for at in range(0, len(shown), 4))
