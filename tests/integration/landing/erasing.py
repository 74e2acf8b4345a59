"""A process that lands two people and erases one of them, run by the tests so that it can be killed.

`python erasing.py HOME` prints `landed`, erases, and prints `erased`; `finish(home)` does what a later call does first.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ml.features.pseudonym import pseudonym
from orchestration.contracts import load_contracts
from orchestration.feeds import NothingToErase, land
from orchestration.feeds.erasure import Reader, carry_out, close_journal, plan_erasure, read_journals
from orchestration.feeds.landing import site_lock

KEY, SITE, MARY, JOHN = b"k" * 32, "city", "mary-0815", "john-4711"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def people(n: int) -> bytes:
    """Lines of one file: both people, and visits of both."""
    records = [{"resourceType": "Patient", "id": one, "language": str(n)} for one in (MARY, JOHN)]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def land_people(home: Path) -> None:
    """Land several files, so that there is something to be killed between."""
    folder = home.parent / "came"
    folder.mkdir(exist_ok=True)
    for n in range(12):
        (folder / f"Patient.{n}.ndjson").write_bytes(people(n))
    land([folder], site=SITE, feed=None, home=home, key=KEY, arrived_at=NOON)


def finish(home: Path) -> None:
    """Finish what was stopped, then erase what is left to erase."""
    reader = Reader(home, SITE, KEY, "UTC", {}, load_contracts())
    with site_lock(home, SITE):
        for plan in read_journals(reader):
            close_journal(reader, carry_out(reader, plan, NOON))
        try:
            plan = plan_erasure(reader, pseudonym(KEY, "Patient", MARY), MARY)
        except NothingToErase:
            return
        close_journal(reader, carry_out(reader, plan, NOON))


if __name__ == "__main__":
    land_people(Path(sys.argv[1]))
    print("landed", flush=True)
    finish(Path(sys.argv[1]))
    print("erased", flush=True)
