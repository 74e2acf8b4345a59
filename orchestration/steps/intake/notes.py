"""`scrub`: the notes of a site that wait, taken through the scrubber into the lake.

What does not belong here: what is a note and how it is scrubbed (orchestration/feeds/notes).
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from orchestration.feeds import Drop, land_drops
from orchestration.feeds.erasure import Reader
from orchestration.feeds.notes.queue import Done, Waiting, waiting
from orchestration.feeds.notes.scrubber import VERSION, Scrubber
from orchestration.feeds.notes.scrubbing import FEED, Tally, scrub_waiting
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.answer import Answer
from orchestration.steps.intake.erasure import reader_of
from orchestration.steps.intake.landing import site_terms
from orchestration.steps.locks import exclusive

TOLD_EVERY_SECONDS = 5.0

Progress = Callable[[str], None]


def scrub_notes(settings: Settings, site: str | None, limit: int | None, progress: Progress) -> Answer:
    """Scrub what waits at a site, or at all of them; at most about `limit` records each.

    Raises `UnknownSite`, `LandingBusy`, and `ScrubberMissing` where presidio or its model cannot be loaded: then
    nothing is scrubbed, and everything stays withheld.
    """
    sites = [load_site(site).id] if site else list_sites()
    queues = {name: queue for name in sites if (queue := waiting_notes(settings, name))}
    scrubber = Scrubber.load() if queues else None
    done = [_scrub(settings, name, queue, scrubber, limit, progress) for name, queue in queues.items() if scrubber]
    lines = [_line(one) for one in done] or ["No note waits to be scrubbed."]
    return Answer({"scrubber": VERSION, "sites": done}, text="\n".join(lines))


def waiting_notes(settings: Settings, site: str) -> list[Waiting]:
    """Return the lake files of a site whose records may hold notes and were not looked at by this scrubber."""
    reader = reader_of(settings, site)
    return waiting(reader.store, reader.site, Done.of(settings.home, reader.site, VERSION))


def _scrub(
    settings: Settings,
    site: str,
    queue: Sequence[Waiting],
    scrubber: Scrubber,
    limit: int | None,
    progress: Progress,
) -> dict[str, Any]:
    reader, done = reader_of(settings, site), Done.of(settings.home, site, VERSION)
    taken = _within(queue, limit)
    told = _telling(site, len(taken), progress)
    with exclusive(settings.home, f"scrub-{site}"):
        tally = scrub_waiting(scrubber, reader, taken, done, lambda drops: _land(settings, reader, drops), told)
    return _document(site, tally, scrubber, len(queue) - len(taken))


def _within(queue: Sequence[Waiting], limit: int | None) -> Sequence[Waiting]:
    """Return so many files that their records reach the limit; a file is taken whole."""
    if limit is None:
        return queue
    from pyarrow.parquet import read_metadata

    records = 0
    for n, one in enumerate(queue):
        if records >= limit:
            return queue[:n]
        records += sum(read_metadata(path).num_rows for path in one.tables.values())
    return queue


def _land(settings: Settings, reader: Reader, drops: Sequence[Drop]) -> None:
    terms = site_terms(settings, reader.site)
    terms["feeds"], terms["mappings"] = (FEED,), {}
    land_drops(drops, feed=FEED, **terms)


def _telling(site: str, files: int, progress: Progress) -> Callable[[Tally], None]:
    last = monotonic()

    def tell(tally: Tally) -> None:
        nonlocal last
        if monotonic() - last >= TOLD_EVERY_SECONDS:
            last = monotonic()
            speed = tally.notes / tally.seconds if tally.seconds else 0.0
            progress(
                f"notes     {site}: {tally.notes} of {tally.records} records in {files} files, {speed:.0f} a second"
            )

    progress(f"notes     {site}: {files} files")
    return tell


def _document(site: str, tally: Tally, scrubber: Scrubber, left: int) -> dict[str, Any]:
    return {
        "site": site,
        "records": tally.records,
        "notes": tally.notes,
        "scrubbed": tally.scrubbed,
        "withheld": dict(sorted(tally.withheld.items())),
        "marks": tally.marks,
        "sentences": scrubber.sentences,
        "analysed": scrubber.analysed,
        "seconds": round(tally.seconds, 2),
        "notes_per_second": round(tally.notes / tally.seconds, 1) if tally.seconds else None,
        "files_waiting": left,
    }


def _line(one: dict[str, Any]) -> str:
    held = "; ".join(f"{count} {reason}" for reason, count in one["withheld"].items()) or "none"
    return (
        f"{one['site']}: {one['scrubbed']} of {one['notes']} notes scrubbed, {one['marks']} marks, "
        f"{one['notes_per_second'] or 0} a second; withheld: {held}; {one['files_waiting']} files still wait"
    )
