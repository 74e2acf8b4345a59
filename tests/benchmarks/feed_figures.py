"""Figures of the feeds, each beside its yardstick. What does not belong here: measuring (`bench_feeds.py`)."""

from tests.benchmarks.measuring import Cost
from tests.benchmarks.report import Figure

GROWTH, HL7, LARGE = "one more day after", "HL7 v2 messages", "one large NDJSON file"


def growth_figures(growth: Cost) -> list[Figure]:
    """A day after each history beside a day after the shortest; the ratio is to stay at 1."""
    seconds = {int(days): took for days, took in growth.result["seconds"].items()}
    shortest = min(seconds)
    subject = f"{GROWTH} ({growth.result['resources_a_day']:,} resources a day)"
    return [
        Figure(subject, f"{days} days", took, "s", f"after {shortest} days", seconds[shortest])
        for days, took in sorted(seconds.items())
    ]


def hl7_figures(files: Cost, mllp: Cost) -> list[Figure]:
    """Messages a second through a file and over MLLP."""
    count, found = files.result["messages"], mllp.result
    rate, split = count / files.result["landed"]["seconds"], count / files.result["split"]["seconds"]
    echo = "MLLP answered after an fsync"
    return [
        Figure(HL7, f"through a file of {count:,}", rate, "/s", "splitting them at their separators", split),
        Figure(HL7, "MLLP, one in flight", found["listener"]["alone"], "/s", echo, found["durable_echo"]["alone"]),
        Figure(
            HL7,
            f"MLLP, {found['senders']} senders",
            found["listener"]["many"],
            "/s",
            echo,
            found["durable_echo"]["many"],
        ),
    ]


def large_figures(written: Cost, parsed: Cost, landed: Cost) -> list[Figure]:
    """Time and peak memory of one large file."""
    subject = f"{LARGE}: {written.result['resources']:,} resources, {written.result['megabytes']:,.0f} MB"
    yardstick = "DuckDB merely parsing it"
    return [
        Figure(subject, "to lake", landed.result["seconds"], "s", yardstick, parsed.result["seconds"]),
        Figure(subject, "CPU to lake", landed.result["cpu_seconds"], "s", yardstick, parsed.result["cpu_seconds"]),
        Figure(subject, "peak memory", landed.peak_mb, "MB", yardstick, parsed.peak_mb),
    ]
