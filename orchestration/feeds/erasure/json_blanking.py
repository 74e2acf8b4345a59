"""JSON with some records taken out, every other under the number that it had: the lines, or the entries of bundles.

Which entry holds a bundle, and which is a record by itself, says `bundles.bundle_in`, as when it was landed. What
is kept stays as it was written, numbers and members that are named twice too: a record that was held back for them
would else pass when it is taken again. What does not belong here: other formats (blanking.py).
"""

from collections.abc import Collection, Iterator
from itertools import count
from typing import cast

import orjson

from orchestration.contracts import lenient_json
from orchestration.feeds.bundles import Repeating, bundle_in, object_of
from orchestration.feeds.limits import Limits
from orchestration.feeds.sniff import BOM

NO_BUNDLE = b'{"resourceType":"Bundle"}'  # one record, which is rejected; without a bundle, numbers would be of lines


def blank_json(content: bytes, lines: Collection[int]) -> bytes | None:
    """Return what is left of a file; null for one document over many lines that is no bundle."""
    texts = content.removeprefix(BOM).split(b"\n")
    documents = [_document(text) for text in texts]
    if not any(_is_bundle(document) for document in documents):
        whole = _document(content.removeprefix(BOM)) if sum(1 for text in texts if text.strip()) > 1 else None
        if isinstance(whole, dict):
            return _blank_text(content, whole, lines, count(1)) if _is_bundle(whole) else None
        return b"\n".join(b"" if n in lines else text for n, text in enumerate(texts, start=1))
    numbers = count(1)
    return b"\n".join(_blank_text(t, d, lines, numbers) for t, d in zip(texts, documents, strict=True))


def _document(text: bytes) -> object:
    """Return a document whose numbers stay as they were written; null for what is none, or cannot be written again."""
    try:
        document = lenient_json.loads(text.decode(), object_of, _as_written)
        _written(document)
    except (ValueError, RecursionError, TypeError):  # the last of orjson's, for half a surrogate pair
        return None
    return document


def _as_written(number: str) -> orjson.Fragment:
    return orjson.Fragment(number.encode())


def _written(document: object) -> bytes:
    return orjson.dumps(document, _with_repeats, orjson.OPT_PASSTHROUGH_SUBCLASS)


def _with_repeats(part: object) -> orjson.Fragment:
    if not isinstance(part, Repeating):
        raise TypeError
    return orjson.Fragment(b"{" + b",".join(_written(n) + b":" + _written(value) for n, value in part.members) + b"}")


def _is_bundle(document: object) -> bool:
    return isinstance(document, dict) and cast("dict[str, object]", document).get("resourceType") == "Bundle"


def _blank_text(text: bytes, document: object, lines: Collection[int], numbers: Iterator[int]) -> bytes:
    if not text.strip():
        return text
    if not _is_bundle(document) or isinstance(document, Repeating):
        return text if next(numbers) not in lines else NO_BUNDLE if _is_bundle(document) else b"{}"
    bundle = cast("dict[str, object]", document)
    _blank_entries(bundle, lines, numbers)
    return _written(bundle)


def _blank_entries(bundle: dict[str, object], lines: Collection[int], numbers: Iterator[int], depth: int = 1) -> None:
    """Empty entries by the number that `bundles.unfold` gives them: depth first, a bundle for its entries."""
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        next(numbers)
        return
    listed = cast("list[object]", entries)
    for at, entry in enumerate(listed):
        inner = bundle_in(entry) if depth <= Limits().bundles else None
        if inner is not None and isinstance(inner.get("entry"), list) and inner["entry"]:
            _blank_entries(inner, lines, numbers, depth + 1)
        elif next(numbers) in lines:
            listed[at] = {}
