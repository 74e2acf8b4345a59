"""The recipe of a candidate: one JSON document from which the same model can be trained again.

Here belong what it records and the retraining. Where recipes are kept is `tracking.py`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ml.features.mart import Snapshot, read_snapshot_tables
from ml.training import RebuildRefused
from ml.training.adapt import Source
from ml.training.bundle import model_digest
from ml.training.candidate import Candidate, model_by
from ml.training.fit import Parameters
from ml.training.model import Model
from ml.training.rows import rows_of
from ml.usecases import UseCase

SCHEMA = "pilothouse.recipe/1"


@dataclass(frozen=True)
class Provenance:
    """What went into a candidate besides its parameters and seed. Digests are lower-case SHA-256.

    `contracts`: feed -> {"version", "sha256"}; `dbt_manifest`: the digest of dbt's manifest;
    `code_version`: a git commit, or the package's version outside a repository.
    """

    snapshot: Snapshot
    contracts: Mapping[str, Mapping[str, str]]
    dbt_manifest: str
    code_version: str


@dataclass(frozen=True)
class Rebuilt:
    """A model trained again from its recipe; its digest is the recorded one."""

    model: Model
    digest: str
    recorded_digest: str


def recipe_of(candidate: Candidate, provenance: Provenance, test_from: datetime) -> dict[str, object]:
    """Everything that `retrain` needs, as plain JSON values, and the digest that must come out."""
    return {
        "schema": SCHEMA,
        "use_case": candidate.use_case.document(),
        "site": candidate.model.site,
        "train_until": candidate.train_until.isoformat(),
        "test_from": test_from.isoformat(),
        "known_by": candidate.known_by.isoformat() if candidate.known_by else None,
        "seed": candidate.model.seed,
        "parameters": asdict(candidate.parameters),
        "model": candidate.digest,
        "lightgbm": candidate.model.trained["lightgbm"],
        "snapshot": provenance.snapshot.digest,
        "snapshot_files": dict(provenance.snapshot.files),
        "as_of": provenance.snapshot.as_of,
        "contracts": {feed: dict(entry) for feed, entry in provenance.contracts.items()},
        "dbt_manifest": provenance.dbt_manifest,
        "code_version": provenance.code_version,
        **({"adapted_from": candidate.adapted_from} if candidate.adapted_from else {}),
    }


def retrain(recipe: Mapping[str, Any], snapshots: Path, source: Source | None = None) -> Rebuilt:
    """Train again from the recorded snapshot, use case, parameters and seed alone; and from the other site's model, as
    `source`, where it was made from one.

    `snapshots` is the folder of snapshots (`<digest>/<table>.parquet`). Raises `RebuildRefused` when it is
    no recipe or another model comes out, and `SnapshotRefused` when the data are not there as recorded.
    """
    if recipe.get("schema") != SCHEMA:
        raise RebuildRefused(f"This is no recipe of schema {SCHEMA!r}; only a candidate's run can be rebuilt.")
    use_case = UseCase.model_validate(recipe["use_case"])
    snapshot = _snapshot(recipe, snapshots, use_case)
    adapted = recipe.get("adapted_from")
    if adapted is not None and (source is None or source.digest != adapted["model"]):
        raise RebuildRefused(
            f"The recipe starts from the model {adapted['model'][:12]}, which its run no longer holds."
        )
    rows = rows_of(
        use_case,
        snapshot.mart,
        snapshot.vocabulary,
        site=str(recipe["site"]),
        until=datetime.fromisoformat(recipe["train_until"]),
        known_by=datetime.fromisoformat(recipe["known_by"]) if recipe["known_by"] else None,
    )
    way, parameters = adapted["way"] if adapted else "from_scratch", Parameters(**recipe["parameters"])
    model = model_by(way, use_case, rows, source, int(recipe["seed"]), parameters)
    rebuilt = Rebuilt(model, model_digest(model), str(recipe["model"]))
    if rebuilt.digest != rebuilt.recorded_digest:
        raise RebuildRefused(
            f"The recipe gives model {rebuilt.digest[:12]}, not the recorded {rebuilt.recorded_digest[:12]}; "
            f"compare LightGBM's version ({recipe['lightgbm']} then) and the code ({recipe['code_version']} then)."
        )
    return rebuilt


def _snapshot(recipe: Mapping[str, Any], snapshots: Path, use_case: UseCase) -> Snapshot:
    files: Mapping[str, str] = recipe["snapshot_files"]
    tables = {name: {"file": f"{name}.parquet", "sha256": digest} for name, digest in files.items()}
    pointer: dict[str, object] = {"digest": recipe["snapshot"], "as_of": recipe["as_of"], "tables": tables}
    return read_snapshot_tables(snapshots, pointer, use_case)
