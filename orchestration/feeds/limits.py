"""How much of a file landing is willing to take in. What only an engineer cares about, as named constants."""

from dataclasses import dataclass, replace

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds against bombs and runaway memory. Sizes in bytes.

    DuckDB 2.0 parses 3,000,000 nested brackets without harm (measured), so `nesting` is a rule about data rather
    than a defence: no FHIR resource comes near 100 levels. `bundles` is how many may lie within one another below the
    outermost: a batch of searches nests once. A file of lines that is larger than `piece` is landed in pieces, up to
    `stream` bytes; any other may have `document` bytes.
    `drift_from` is how many records of an object a file must have before their share says that its form changed: a file
    of three may hold three bad ones.
    """

    line: int = 16 * MEBIBYTE
    nesting: int = 100
    bundles: int = 8
    document: int = 1024 * MEBIBYTE
    unpacked: int = 4096 * MEBIBYTE
    members: int = 10_000
    ratio: int = 200
    ratio_from: int = 64 * MEBIBYTE
    piece: int = 64 * MEBIBYTE
    stream: int = 64 * 1024 * MEBIBYTE
    batch: int = 128 * MEBIBYTE
    batch_files: int = 500
    drift_from: int = 20


def whole_files(limits: Limits) -> Limits:
    """Return limits under which a file is read in one piece, however long it is: for erasures, which look at all of
    it."""
    return replace(limits, piece=limits.stream, document=limits.stream)
