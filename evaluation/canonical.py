"""Canonical JSON and the digest of a document.

Here belongs the one way a document becomes bytes, so that two rooms that never import each other agree
on its digest (``ml/registry/canonical.py`` behaves alike; a parity test holds them together). What a
document means does not belong here.
"""

import hashlib
import json
from collections.abc import Mapping

UNSIGNED_MEMBERS = frozenset({"digest", "signature"})
"""Members of a document that speak about it and so cannot be part of what is digested."""


def canonical_json(obj: object) -> bytes:
    """Encode ``obj`` as UTF-8 JSON with sorted keys, no spaces and no escapes beyond what JSON needs.

    Raises ``ValueError`` on NaN or an infinity and ``TypeError`` on what JSON cannot hold.
    """
    text = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def document_digest(obj: Mapping[str, object]) -> str:
    """SHA-256 (64 lower-case hex digits) of the document without its ``digest`` and ``signature``."""
    content = {key: value for key, value in obj.items() if key not in UNSIGNED_MEMBERS}
    return hashlib.sha256(canonical_json(content)).hexdigest()
