"""Where the homes of the rollout machine keep their ledgers: each in a file of its own, or in a schema of PostgreSQL.

What does not belong here: what a home holds (rollout), and the database's own tests (evaluation/ledger).
"""

import itertools
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from evaluation.ledger import load_private_key, take_in_export
from orchestration.settings import Settings
from orchestration.steps.record.records import CHECKPOINT, LEDGER_KEY, open_records
from tests.unit.orchestration.steps.conftest import settings_of


class InFiles:
    """SQLite: the ledger lies in the home, and is copied and removed with it."""

    def settings(self, home: Path) -> Settings:
        return settings_of(home)

    def copy(self, home: Path, to: Path) -> Settings:
        """Another home just like one that nobody uses meanwhile."""
        shutil.copytree(home, to)
        return self.settings(to)

    def remove(self, home: Path) -> None:
        shutil.rmtree(home)

    def close(self) -> None:
        """Nothing is left outside the homes."""


class InPostgres(InFiles):
    """PostgreSQL: a schema for each home. A copy is the ledger exported and taken in again, as a restore does."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url).set(drivername="postgresql+psycopg")
        self._admin = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._run = f"rollout_{secrets.token_hex(6)}"
        self._numbers = itertools.count()
        self._schemas: dict[Path, str] = {}

    def settings(self, home: Path) -> Settings:
        if home not in self._schemas:
            self._schemas[home] = f"{self._run}_{next(self._numbers)}"
            self._tell(f"create schema {self._schemas[home]}")
        options = f"-csearch_path={self._schemas[home]} -csynchronous_commit=off"
        url = self._url.update_query_dict({"options": options})
        return replace(settings_of(home), ledger_url=url.render_as_string(hide_password=False))

    def copy(self, home: Path, to: Path) -> Settings:
        shutil.copytree(home, to, ignore=shutil.ignore_patterns(CHECKPOINT))
        settings, exported = self.settings(to), to / "exported.jsonl"
        open_records(self.settings(home)).export(exported)
        take_in_export(exported, settings.ledger_url, load_private_key(settings.keys / LEDGER_KEY), to / CHECKPOINT)
        exported.unlink()
        return settings

    def remove(self, home: Path) -> None:
        super().remove(home)
        self._tell(f"drop schema {self._schemas.pop(home)} cascade")

    def close(self) -> None:
        for schema in self._schemas.values():
            self._tell(f"drop schema {schema} cascade")
        self._admin.dispose()

    def _tell(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(sa.text(statement))
