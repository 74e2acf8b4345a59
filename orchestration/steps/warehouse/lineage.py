"""The way back: from a card or a release to the model, the run, the snapshot, the landed files and the contracts.

What does not belong here: the way forward (the Dagster graph draws it).
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from ml.registry.manifest import ReleaseManifest
from ml.registry.signing import load_public_key
from ml.registry.store import VerifiedRelease, load_release
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.learning.stores import read_candidate
from orchestration.steps.warehouse.tables import current_snapshot

DIGITS = re.compile(r"[0-9a-f]{1,64}")
FEWEST_DIGITS = 8
"""Fewer would soon name several releases, and a typing error one that was not meant."""
CARD = "select release_digest, visit_key, events.at, site from '{events}' as events where card_uuid = $card"


class NotOnRecord(StepError):
    """No card and no release of that name is known here."""


def trace(settings: Settings, identifier: str) -> dict[str, Any]:
    """Return the chain from a card's uuid or a release digest (or its first digits) back to files and contracts."""
    release = _find_release(settings, identifier)
    if release is not None:
        return release_chain(settings, release)
    card = _find_card(settings, identifier)
    if card is None:
        raise NotOnRecord(
            f"{identifier!r} is neither a release digest nor a card that has landed; "
            "bring events back with: pilothouse run"
        )
    chain = release_chain(settings, _load(settings, card["release"]))
    return {"card": {"uuid": identifier, **card}, **chain, "visit": _visit_files(settings, card)}


def _find_release(settings: Settings, identifier: str) -> VerifiedRelease | None:
    """Return the one release that begins with these digits, None when they cannot be a release's."""
    if not DIGITS.fullmatch(identifier):
        return None
    if len(identifier) < FEWEST_DIGITS:
        raise NotOnRecord(f"{identifier!r} is too short to name a release: give at least {FEWEST_DIGITS} digits of it.")
    matches = sorted((settings.home / "releases").glob(f"{identifier}*"))
    if len(matches) > 1:
        raise NotOnRecord(f"{len(matches)} releases begin with {identifier!r}; give more digits.")
    return _load(settings, matches[0].name) if matches else None


def _load(settings: Settings, digest: str) -> VerifiedRelease:
    return load_release(settings.home, digest, load_public_key(settings.keys / "release.pub.pem"))


def _find_card(settings: Settings, identifier: str) -> dict[str, Any] | None:
    with duckdb.connect() as connection:
        query = CARD.format(events=_quoted(current_snapshot(settings).table("serving_event")))
        found = connection.execute(query, {"card": identifier}).fetchone()
    if found is None:
        return None
    return {"release": found[0], "visit_key": found[1], "at": found[2].isoformat(), "site": found[3]}


def release_chain(settings: Settings, release: VerifiedRelease) -> dict[str, Any]:
    """Return what a release stands on: evidence, approvals, model, run, snapshot, files, contracts."""
    manifest = release.manifest
    record = read_candidate(settings, manifest.use_case, manifest.site, manifest.model.digest)
    return {
        "release": {"digest": release.digest, "stage": manifest.stage.value, "site": manifest.site},
        "approvals": [approval.model_dump() for approval in manifest.approvals],
        "decision": manifest.decision.digest,
        "evidence": [one.model_dump() for one in manifest.evidence],
        "model": {"digest": manifest.model.digest, "version": manifest.model.version},
        "run": {"mlflow_run": manifest.model.run_id, "seed": record.seed, "train_until": record.train_until},
        "snapshot": {"digest": manifest.data.snapshot, "as_of": manifest.data.as_of.isoformat()},
        "tables": {"dbt_manifest": record.manifest},
        "files": landed_files(settings, manifest),
        "contracts": {feed: one.model_dump() for feed, one in manifest.contracts.items()},
    }


def landed_files(settings: Settings, manifest: ReleaseManifest) -> dict[str, Any]:
    """Return, per feed of the site, how many files landed and how many records, from their receipts."""
    counts: dict[str, Counter[str]] = {}
    for path in (settings.home / "receipts" / manifest.site).rglob("*.json"):
        receipt = json.loads(path.read_bytes())
        feed = counts.setdefault(str(receipt["feed"]), Counter())
        feed.update(files=1, received=int(receipt["received"]), landed=int(receipt["landed"]))
    return {feed: dict(count) for feed, count in sorted(counts.items())}


def _visit_files(settings: Settings, card: dict[str, Any]) -> list[dict[str, Any]]:
    tables = {"fhir_encounter": "encounter_key", "fhir_observation": "encounter_key"}
    found: list[dict[str, Any]] = []
    with duckdb.connect() as connection:
        for table, column in tables.items():
            files = settings.lake / table / f"site={card['site']}"
            if not files.exists():
                continue
            rows = connection.execute(
                f"select _file, _line, _contract, _arrived_at from read_parquet('{_quoted(files)}/*/*.parquet') "
                f"where {column} = $visit order by _arrived_at, _line",
                {"visit": card["visit_key"]},
            ).fetchall()
            found += [
                {
                    "table": table,
                    "file": row[0],
                    "line": row[1],
                    "contract": row[2],
                    "arrived_at": str(row[3]),
                }
                for row in rows
            ]
    return found


def _quoted(path: Path) -> str:
    """A path inside the quotes of an SQL literal."""
    return str(path).replace("'", "''")
