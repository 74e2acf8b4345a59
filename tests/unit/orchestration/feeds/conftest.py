"""A landing zone in a temporary home, and small FHIR resources."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.feeds import Limits, Receipt, land

KEY = b"k" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Zone:
    """One site's landing zone; `land` takes file names with their bytes."""

    noon = NOON

    def __init__(self, root: Path, site: str = "city") -> None:
        self.inbox, self.home, self.site = root / "inbox", root / "home", site
        self.count = 0

    def put(self, files: dict[str, bytes]) -> list[Path]:
        self.count += 1
        folder = self.inbox / str(self.count)
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return [folder / name for name in files]

    def land(
        self,
        files: dict[str, bytes],
        feed: str | None = None,
        at: datetime = NOON,
        limits: Limits | None = None,
    ) -> list[Receipt]:
        return land(self.put(files), site=self.site, feed=feed, home=self.home, key=KEY, arrived_at=at, limits=limits)

    def land_paths(self, paths: list[Path], feed: str | None = None) -> list[Receipt]:
        return land(paths, site=self.site, feed=feed, home=self.home, key=KEY, arrived_at=NOON)

    def one(self, name: str, content: bytes, feed: str | None = None, limits: Limits | None = None) -> Receipt:
        (receipt,) = self.land({name: content}, feed, limits=limits)
        return receipt

    def rows(self, table: str, columns: str = "*", where: str = "true") -> list[tuple[object, ...]]:
        pattern = f"{self.home}/lake/{table}/*/*/*.parquet"
        with duckdb.connect() as db:
            db.execute("set TimeZone = 'UTC'")
            query = f"select {columns} from read_parquet('{pattern}', union_by_name = true) where {where} order by all"
            return db.execute(query).fetchall()

    def quarantine(self) -> list[tuple[object, ...]]:
        pattern = f"{self.home}/quarantine/*/*/*/*.parquet"
        if not list(self.home.glob("quarantine/*/*/*/*.parquet")):
            return []
        with duckdb.connect() as db:
            return db.execute(f"select _line, clause, reason from '{pattern}' order by all").fetchall()

    def files(self) -> dict[str, bytes]:
        """Everything that landing keeps, by path."""
        return {
            str(p.relative_to(self.home)): p.read_bytes()
            for p in sorted(self.home.rglob("*"))
            if p.is_file() and "locks" not in p.parts
        }


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path)


@pytest.fixture
def make_zone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Zone]:
    return lambda: Zone(tmp_path_factory.mktemp("zone"))


@pytest.fixture
def known_as() -> Callable[[str, str], str]:
    return lambda authority, identifier: pseudonym(KEY, authority, identifier)


def _lines(*records: object) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


@pytest.fixture
def ndjson() -> Callable[..., bytes]:
    return _lines


def _patient(ident: str = "p1", **more: object) -> dict[str, object]:
    return {"resourceType": "Patient", "id": ident, "gender": "female", "birthDate": "1950-02-03", **more}


def _observation(ident: str = "o1", **more: object) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": ident,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-02-28T10:00:00Z",
        "valueQuantity": {"value": 80, "unit": "beats", "code": "/min"},
        **more,
    }


@pytest.fixture
def patient() -> Callable[..., dict[str, object]]:
    return _patient


@pytest.fixture
def observation() -> Callable[..., dict[str, object]]:
    return _observation
