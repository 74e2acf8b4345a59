"""Figures of the feeds, each beside its yardstick and its target. What does not belong here: measuring."""

import statistics
from collections.abc import Sequence

from tests.benchmarks.measuring import Cost
from tests.benchmarks.report import Figure

GROWTH, HL7, FHIR, INCREMENT = "one more day after", "HL7 v2 messages", "structured FHIR", "tables of one more day"
YARDSTICK = "DuckDB merely parsing it"
# Promised: issue 3, "Numbers".
RESOURCES_PER_SECOND, TIMES_PARSING, MEMORY_MB, LARGE_MB = 30_000, 4, 4000, 5000
MESSAGES_PER_SECOND, ROUND_TRIPS_PER_SECOND, TIMES_AT_TEN_TIMES_HISTORY = 2000, 500, 1.2
ANSWER_MS = 50  # a sender that waits for each answer holds up the ward behind it


def growth_figures(growth: Cost) -> list[Figure]:
    """A day after each history beside a day after the shortest, in time and in CPU; the ratio is to stay at 1."""
    subject = f"{GROWTH} ({growth.result['resources_a_day']:,} resources a day)"
    figures: list[Figure] = []
    for label, kind in (("seconds", "seconds"), ("CPU", "cpu_seconds")):
        took = {int(days): seconds for days, seconds in growth.result[kind].items()}
        shortest = min(took)
        for days in sorted(took):
            target = TIMES_AT_TEN_TIMES_HISTORY if days >= 10 * shortest else None
            what, beside = f"{label} after {days} days", (f"after {shortest} days", took[shortest])
            figures.append(Figure(subject, what, took[days], "s", *beside, target, is_at_most=True, is_of_ratio=True))
    return figures


def increment_figures(increment: Cost) -> list[Figure]:
    """dbt's work for one more day, after some days and after ten times as many."""
    found = increment.result
    short, long = (found[name] for name in ("short", "long"))
    beside = f"after {found['days']} days"
    bound = (TIMES_AT_TEN_TIMES_HISTORY, True, True)
    return [
        Figure(INCREMENT, f"{label} after {10 * found['days']} days", sum(long[k]), "s", beside, sum(short[k]), *bound)
        for label, k in (("seconds", "seconds"), ("CPU", "cpu_seconds"))
    ]


def hl7_figures(files: Cost) -> list[Figure]:
    """Messages a second through a file."""
    count = files.result["messages"]
    rate, split = count / files.result["landed"]["seconds"], count / files.result["split"]["seconds"]
    named = f"through a file of {count:,}"
    return [Figure(HL7, named, rate, "/s", "splitting them at their separators", split, MESSAGES_PER_SECOND)]


def mllp_figures(mllp: Cost) -> list[Figure]:
    """Round trips a second and milliseconds over MLLP; a single sender is bound by one group at a time."""
    found, echo = mllp.result, "MLLP answered after an fsync"
    senders = f"MLLP, {found['senders']} senders"
    labels = {"alone": "MLLP, one sender", "many": senders, "pipelined": f"{senders}, {found['ahead']} ahead"}
    figures: list[Figure] = []
    for part, label in labels.items():
        ours, theirs = found["listener"][part], found["durable_echo"][part]
        target = ROUND_TRIPS_PER_SECOND if part == "pipelined" else None
        figures.append(Figure(HL7, label, ours["per_second"], "/s", echo, theirs["per_second"], target))
        for p in ("p50_ms", "p99_ms"):
            most = ANSWER_MS if (part, p) == ("alone", "p50_ms") else None
            figures.append(Figure(HL7, f"  to the answer, {p}", ours[p], "ms", echo, theirs[p], most, is_at_most=True))
    return figures


def fhir_figures(sizes: Sequence[tuple[Cost, Cost, Cost, Cost]]) -> list[Figure]:
    """Bytes to lake and to OMOP at growing sizes: (corpus, parse, land, tables) of each; targets at the largest."""
    figures: list[Figure] = []
    for corpus, parsed, landed, tables in sizes:
        is_largest = corpus is sizes[-1][0]
        figures.extend(_of_one_size(corpus, parsed, landed, tables, is_largest=is_largest))
    return figures


def _of_one_size(corpus: Cost, parsed: Cost, landed: Cost, tables: Cost, *, is_largest: bool) -> list[Figure]:
    count, megabytes = corpus.result["resources"], corpus.result["megabytes"]
    subject = f"{FHIR}, {count:,} resources, {megabytes:,.0f} MB"
    parse, land, build = parsed.result, landed.result, tables.result
    rate = count / parse["seconds"]
    whole = land["seconds"] + build["seconds"]
    times = TIMES_PARSING if is_largest else None
    memory = MEMORY_MB if megabytes >= 0.9 * LARGE_MB else None
    return [
        Figure(subject, "bytes to lake", count / land["seconds"], "/s", YARDSTICK, rate),
        Figure(subject, "bytes to lake", land["seconds"], "s", YARDSTICK, parse["seconds"], times, True, True),
        Figure(subject, "CPU to lake", land["cpu_seconds"], "s", YARDSTICK, parse["cpu_seconds"], times, True, True),
        Figure(
            subject, "bytes to OMOP, all tests", count / whole, "/s", YARDSTICK, rate,
            RESOURCES_PER_SECOND if is_largest else None,
        ),
        Figure(subject, "  of it dbt", build["dbt_seconds"], "s", YARDSTICK, parse["seconds"]),
        Figure(subject, "peak memory to lake", landed.peak_mb, "MB", YARDSTICK, parsed.peak_mb, memory, True),
        Figure(subject, "peak memory to OMOP", tables.peak_mb, "MB", YARDSTICK, parsed.peak_mb, memory, True),
    ]  # fmt: skip


MEANING, FALSE_A_YEAR, SEEN_PERCENT, WITHIN_DAYS = "meaning of feeds", 1, 80, 7
SMALL = (
    "from one analyser",
    "a tenth",
    "5 %",
    "for half",
    "a quarter more",
    "half as many again",
    "alone",
)
"""Faults that are small on purpose: how often they are seen is told, and promised to nobody."""


def meaning_figures(watched: Cost) -> list[Figure]:
    """False reviews for a site and year, and of weeks with a fault the share in which it is found."""
    found = watched.result
    years = found["site_days"] / 365
    nothing = f"false reviews a site and year ({years:.1f} watched)"
    figures = [Figure(MEANING, nothing, len(found["reviews"]) / years, "", target=FALSE_A_YEAR, is_at_most=True)]
    for fault, after in found["found"].items():
        seen, tried = [days for days in after if days is not None], len(after)
        target = None if any(word in fault for word in SMALL) else SEEN_PERCENT
        soon = f"half of them by day {statistics.median_high(seen)}" if seen else "none"
        name = f"{fault}: found within {WITHIN_DAYS} days of {tried} begins, {soon}"
        figures.append(Figure(MEANING, name, 100 * len(seen) / tried, "%", target=target))
    return figures
