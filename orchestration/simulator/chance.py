"""Where chance comes from: one independent stream per seed, site, purpose and day or visit; identifiers from hashes.

Streams are keyed and never shared, so a longer simulation draws the same earlier days, and leaving out one purpose
(writing records) changes no other. What does not belong here: distributions.
"""

import hashlib
import uuid
from datetime import date
from zlib import crc32

import numpy as np


def stream(seed: int, site: str, purpose: str, day: date | None = None) -> np.random.Generator:
    """Return the generator of one purpose at one site, on one day where the purpose is daily."""
    ordinal = day.toordinal() if day else 0
    return np.random.default_rng([seed, crc32(site.encode()), crc32(purpose.encode()), ordinal])


def stream_of(seed: int, site: str, purpose: str, number: int) -> np.random.Generator:
    """Return the generator of one purpose for one visit, appointment or claim, whichever day it is asked on."""
    return np.random.default_rng([seed, crc32(site.encode()), crc32(purpose.encode()), number])


def opaque_id(seed: int, site: str, kind: str, number: int) -> str:
    """Return 20 hex digits that say nothing about what they name: a FHIR id (at most 64 characters)."""
    text = f"{seed}/{site}/{kind}/{number}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def stable_uuid(seed: int, site: str, kind: str, number: int) -> str:
    """Return a UUID (version 4 in form) made from a hash."""
    digest = hashlib.blake2b(f"{seed}/{site}/{kind}/{number}".encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))
