"""The one pseudonym function: landing (in SQL, held to this by a parity test) and serving both use it.

What does not belong here: where keys live, or which fields are identifiers (contracts say that).
"""

import hmac

SEPARATOR = "\x1f"
PSEUDONYM_LENGTH = 32  # hex digits: 128 bits, collision-free in practice for any one hospital group


def pseudonym(key: bytes, authority: str, identifier: str) -> str:
    """Return the pseudonym of `identifier` as issued by `authority`, under one site's `key`.

    HMAC-SHA256 (RFC 2104) over `authority`, a unit separator and `identifier`, the first 128 bits as lower-case
    hex. The authority keeps equal numbers of two systems apart; the key keeps two sites unlinkable.
    """
    message = f"{authority}{SEPARATOR}{identifier}".encode()
    return hmac.digest(key, message, "sha256").hex()[:PSEUDONYM_LENGTH]
