"""What must be mended before scaling, as sentences that the audit's own figures say; nothing is added to them.

The order is by weight: what is missing altogether, then by the share of records that it costs.
"""

from collections.abc import Iterable, Iterator, Sequence

from evaluation.reports.audit import CheckFacts, CodingFacts, FeedFacts, Finding, LinkFacts, QualityFacts
from evaluation.reports.words import percent

NEVER_CAME, STOPS, LATE, HELD, UNLINKED, UNMAPPED, SHOWN, EMPTY = 100.0, 90.0, 80.0, 60.0, 50.0, 40.0, 20.0, 10.0
FEW = 0.01
"""Below one in a hundred, records that are held, unlinked or unmapped are no finding of their own."""
NAMED = 5


def findings(
    feeds: Sequence[FeedFacts],
    coding: Sequence[CodingFacts],
    links: Iterable[LinkFacts],
    quality: QualityFacts | None,
) -> tuple[Finding, ...]:
    """Return what to mend, most pressing first; the tables of all sites are no finding where this one sent nothing."""
    every = sum(codes.records for codes in coding)
    came = [feed for feed in feeds if feed.files]
    found = [
        *(one for feed in feeds for one in _of_feed(feed)),
        *(one for codes in coding for one in _of_codes(codes, every)),
        *(one for link in links for one in _of_link(link)),
        *(_of_quality(quality) if quality and came else ()),
        *(_not_built() if came and quality is None else ()),
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.says)))


def _of_feed(feed: FeedFacts) -> Iterator[Finding]:
    if not feed.files:
        yield Finding(NEVER_CAME, f"{feed.feed} is agreed, and no file of it has ever arrived.")
        return
    received, held = feed.records["received"], feed.records["quarantined"]
    if held > FEW * received:
        clause, count = max(feed.reasons.items(), key=lambda one: (one[1], one[0]))
        share = percent(held / received)
        yield Finding(
            HELD + 20 * held / received,
            f"{feed.feed}: {held:,} of {received:,} records ({share}) are held in quarantine; {count:,} of them break "
            f"{clause}.",
        )
    if feed.is_late and feed.age_hours is not None and feed.due_hours is not None:
        yield Finding(
            LATE,
            f"{feed.feed}: the last file is {_hours(feed.age_hours)} old, and one is due every "
            f"{_hours(feed.due_hours)}.",
        )
    yield from _of_fields(feed)


def _hours(hours: float) -> str:
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"


def _of_fields(feed: FeedFacts) -> Iterator[Finding]:
    filled = [table for table in feed.tables if table.live_keys]
    never = {table.table: [one.name for one in table.fields if one.empty == 1.0] for table in filled}
    count, fields = sum(map(len, never.values())), sum(len(table.fields) for table in filled)
    if count:
        table, names = max(never.items(), key=lambda one: (len(one[1]), one[0]))
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield Finding(
            EMPTY * count / fields,
            f"{feed.feed}: {count} of {fields} fields are never filled, most of them in {table} "
            f"({', '.join(names[:NAMED])}{more}).",
        )


def _of_codes(codes: CodingFacts, every: int) -> Iterator[Finding]:
    """Codes without a concept weigh by how many of all coded records they are."""
    if codes.mapped is None or 1 - codes.mapped <= FEW or not codes.unmapped:
        return
    code, times = codes.unmapped[0]
    yield Finding(
        UNMAPPED + 10 * (1 - codes.mapped) * codes.records / every,
        f"{codes.table}: {percent(1 - codes.mapped)} of {codes.records:,} records coded in {codes.system} have no "
        f"standard concept; the most frequent such code is {code} ({_times(times)}).",
    )


def _times(records: int) -> str:
    return "1 record" if records == 1 else f"{records:,} records"


def _of_link(link: LinkFacts) -> Iterator[Finding]:
    if link.unknown > FEW * link.records:
        yield Finding(
            UNLINKED + 10 * link.unknown / link.records,
            f"{link.table}: {link.unknown:,} of {link.records:,} records ({percent(link.unknown / link.records)}) name "
            f"a {link.names} that the record system has not sent.",
        )


def _of_quality(quality: QualityFacts) -> Iterator[Finding]:
    for one in quality.missed:
        weight = STOPS if one.severity == "error" else SHOWN
        yield Finding(
            weight + one.violated / max(one.rows, 1), f"{_check(one)}{'' if one.is_of_site else ' (all sites)'}."
        )


def _check(one: CheckFacts) -> str:
    where = f"{one.table}.{one.field}" if one.field else one.table
    share = percent(one.violated / max(one.rows, 1))
    found = f"{one.violated:,} of {one.rows:,} ({share})"
    return f"{where} misses {one.check}: {found}, at most {one.threshold_pct:g} % allowed"


def _not_built() -> Iterator[Finding]:
    yield Finding(SHOWN, "The tables are not built: coding and data quality cannot be judged. Run: pilothouse run")
