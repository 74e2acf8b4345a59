"""FHIR bulk export from a server (HL7 Bulk Data Access IG 2.0), as a client: kick-off, polling, files on disk.

What does not belong here: landing what came (orchestration/steps) and reading it (fhir.py). The public face is
`Exporter`, `Asked`, `Pace`, `Bounds` and the exceptions.

Errors::

    ExportError (a FeedError)
    ├── ExportRefused     the server says no, or its answer is none that the standard knows
    ├── ExportUnreachable the server does not answer, or keeps failing; what was begun is kept, and is resumed
    ├── ExportUnsafe      going on would send a secret, or take bytes, where that is not allowed
    └── ExportOther       another export than the one asked for has been begun and not finished
"""

from orchestration.feeds.bulk_export.bounds import Bounds, Pace
from orchestration.feeds.bulk_export.errors import (
    ExportError,
    ExportOther,
    ExportRefused,
    ExportUnreachable,
    ExportUnsafe,
)
from orchestration.feeds.bulk_export.exporter import Asked, Exporter

__all__ = [
    "Asked",
    "Bounds",
    "ExportError",
    "ExportOther",
    "ExportRefused",
    "ExportUnreachable",
    "ExportUnsafe",
    "Exporter",
    "Pace",
]
