"""Landing's speed from bytes to lake, beside DuckDB merely parsing the same bytes. Prints one JSON document.

`python -m tests.benchmarks.bench_landing [--repeat N]` measures landing alone.
"""

import argparse
import json
import os
import re
import resource
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.feeds import land

SHARED = Path(
    os.environ.get("PILOTHOUSE_SHARED_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data"
)
KEY = b"k" * 32
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TYPES = ("Patient", "Encounter", "Observation", "Condition")


def write_bulk(folder: Path, repeat: int) -> int:
    """Write the resources of the real bundles as NDJSON, `repeat` times under other ids; return how many."""
    resources = [
        entry["resource"]
        for path in sorted((SHARED / "synthea_fhir_bundles").glob("*.json"))
        for entry in json.loads(path.read_bytes())["entry"]
    ]
    count = 0
    for kind in TYPES:
        mine = [json.dumps(r, separators=(",", ":")) for r in resources if r["resourceType"] == kind]
        with (folder / f"{kind}.ndjson").open("w") as stream:
            for n in range(repeat):
                stream.writelines(text.replace('"id":"', f'"id":"{n:04d}-', 1) + "\n" for text in mine)
        count += repeat * len(mine)
    return count


OWN_ID = re.compile(rb'"id":"')
REFERENCE = re.compile(rb'"(Patient|Encounter|Coverage)/')
FIRST_DAY, DAYS = date(2026, 1, 5), 20


def write_simulated(folder: Path, megabytes: int, seed: int) -> int:
    """Write a simulated site's resources as NDJSON, again under other ids until they are so many; return how many."""
    from orchestration.simulator import simulate_group

    with tempfile.TemporaryDirectory() as home:
        simulate_group(Path(home), sites=("city",), start=FIRST_DAY, days=DAYS, seed=seed, feeds=["ehr_fhir"])
        kinds: dict[str, list[bytes]] = {}
        for path in sorted(Path(home).glob("drops/*/*/*.ndjson")):
            kinds.setdefault(path.name, []).extend(line + b"\n" for line in path.read_bytes().split(b"\n") if line)
    size = sum(len(line) for lines in kinds.values() for line in lines)
    again = max(1, round(megabytes * 1_000_000 / size))
    for name, lines in kinds.items():
        text = b"".join(lines)
        with (folder / name).open("wb") as stream:
            for n in range(again):
                other = OWN_ID.sub(b'"id":"%05d' % n, text)
                stream.write(REFERENCE.sub(rb'"\1/%05d' % n, other))
    return again * sum(map(len, kinds.values()))


def timed(action) -> dict[str, float]:
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    action()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(time.perf_counter() - start, 3), "cpu_seconds": round(cpu, 3)}


PATHS = (
    "$.resourceType",
    "$.id",
    "$.meta.lastUpdated",
    "$.status",
    "$.subject.reference",
    "$.encounter.reference",
    "$.code.coding[0].system",
    "$.code.coding[0].code",
    "$.valueQuantity.value",
    "$.valueQuantity.unit",
    "$.effectiveDateTime",
    "$.period.start",
)


def parse(folder: Path) -> None:
    """The yardstick: DuckDB parses every line and takes a dozen texts out of it, nothing else; no line is judged."""
    found = ", ".join(f"count(json->>'{path}')" for path in PATHS)
    with duckdb.connect(config={"threads": 2}) as db:
        db.execute(f"select {found} from read_ndjson_objects('{folder}/*.ndjson', ignore_errors = true)").fetchall()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--repeat", type=int, default=60)
    repeat = options.parse_args().repeat
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        bulk = root / "bulk"
        bulk.mkdir()
        count = write_bulk(bulk, repeat)
        size = sum(p.stat().st_size for p in bulk.iterdir())
        parse(bulk)
        yardstick = timed(lambda: parse(bulk))
        landing = timed(lambda: ingest(root / "home", "bench", bulk))
        again = timed(lambda: ingest(root / "home", "bench", bulk))
        bundles = timed(lambda: ingest(root / "home", "bundles", SHARED / "synthea_fhir_bundles"))
        survey = timed(lambda: ingest(root / "home", "survey", *sorted((SHARED / "nhamcs_ed").glob("*.zip"))))
    print(
        json.dumps(
            {
                "resources": count,
                "megabytes": round(size / 1e6, 1),
                "land_bulk": {**landing, "resources_per_second": round(count / landing["seconds"])},
                "duckdb_parse": {**yardstick, "resources_per_second": round(count / yardstick["seconds"])},
                "ratio_wall": round(landing["seconds"] / yardstick["seconds"], 1),
                "ratio_cpu": round(landing["cpu_seconds"] / yardstick["cpu_seconds"], 1),
                "land_bulk_again": again,
                "land_25_bundles": bundles,
                "land_survey_54632_visits": survey,
                "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "load_average": os.getloadavg()[0],
            },
            indent=1,
        )
    )


def ingest(home: Path, site: str, *paths: Path) -> None:
    land(paths, site=site, feed=None, home=home, key=KEY, arrived_at=NOW)


if __name__ == "__main__":
    main()
