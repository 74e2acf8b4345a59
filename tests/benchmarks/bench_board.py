"""The huddle board with 50 viewers at once: p50 and p95 of the page, beside `/healthz` in the same run.

`python -m tests.benchmarks.bench_board [pages]` prints one JSON document. The service has a
process of its own, as `serve` has, and the viewers another. The plan is a week of shifts of 40 units with five figures
each; the viewers look at four units, all asking in the same instant, every second (a board reloads every minute).
"""

import http.client
import json
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_serving import Child, _homes

VIEWERS, WATCHED, EVERY_SECONDS = 50, 4, 1.0
UNITS, DAYS, TARGETS = 40, 7, ("census", "rn", "lpn", "aide", "hca")
PROMISED_MS = 100.0


def prepare(path: Path) -> None:
    """Make a home with a signed plan of a large hospital."""
    homes = _homes()
    home = homes.Home.at(path)
    board = {
        **homes.BOARD,
        "targets": [
            {"target": name, "label": name, "measure": "nurses", "is_adjustable": name != "census"} for name in TARGETS
        ],
    }
    release = home.release(board, use_case="staffing")
    home.point(release, use_case="staffing")
    shifts = {"day": 7, "evening": 15, "night": 23}
    midnight = homes.NOW.replace(hour=5)
    lines = [
        homes.line(
            target,
            12.3,
            starts=midnight + timedelta(days=day, hours=hour),
            shift=shift,
            unit=f"U{unit}",
            planned=11.0,
            reason="Admissions in the last 4 hours are 18 % above the 30-day weekday baseline.",
        )
        for unit in range(UNITS)
        for day in range(DAYS)
        for shift, hour in shifts.items()
        for target in TARGETS
    ]
    home.plan(release, lines)


def viewed(port: int, paths: list[str], pages: int) -> list[float]:
    """Milliseconds of every page, asked for by `VIEWERS` viewers side by side."""
    found: list[float] = []

    def look(path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        due = time.perf_counter()
        for _ in range(pages // VIEWERS):
            due += EVERY_SECONDS
            time.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            found.append(1000 * (time.perf_counter() - began))

    viewers = [threading.Thread(target=look, args=(paths[n % len(paths)],)) for n in range(VIEWERS)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    return sorted(found)


def measure(pages: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="pilothouse-board-") as folder:
        prepare(Path(folder))
        with Child("pilothouse", folder) as service:
            boards = [f"/board/city/U{unit}" for unit in range(WATCHED)]
            viewed(service.port, boards, VIEWERS)
            board, bare = viewed(service.port, boards, pages), viewed(service.port, ["/healthz"], pages)
    p95 = board[int(0.95 * len(board))]
    return {
        "viewers": VIEWERS,
        "pages": len(board),
        "p50_ms": round(board[len(board) // 2], 1),
        "p95_ms": round(p95, 1),
        "promised_p95_ms": PROMISED_MS,
        "met": p95 <= PROMISED_MS,
        "healthz_p95_ms": round(bare[int(0.95 * len(bare))], 1),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1000), indent=2))
