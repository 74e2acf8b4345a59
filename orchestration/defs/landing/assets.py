"""The assets `landing/<feed>`, partitioned by site and arrival day. One pass lands a drop with all its feeds."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from orchestration.contracts import list_contracts, load_contract
from orchestration.defs.landing.notes import NOTES
from orchestration.defs.names import landing_key
from orchestration.defs.partitions import SITE_AND_DAY, days_by_site
from orchestration.settings import load_settings
from orchestration.steps.intake.landing import Landed, land_days

CHECK = "receipts_add_up"


def landing_assets() -> AssetsDefinition:
    """Return one asset per contracted feed, each with a blocking check that its receipts add up."""
    feeds = {landing_key(feed): feed for feed in list_contracts() if feed != NOTES}

    @multi_asset(
        name="landing",
        specs=[_spec(feed) for feed in feeds.values()],
        check_specs=[AssetCheckSpec(CHECK, asset=key, blocking=True) for key in feeds],
        partitions_def=SITE_AND_DAY,
        backfill_policy=BackfillPolicy.single_run(),
        can_subset=True,
    )
    def landing(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
        settings = load_settings()
        landed: dict[str, Landed] = {}
        for site, days in days_by_site(context).items():
            for feed, found in land_days(settings, site, days).items():
                landed.setdefault(feed, Landed()).merge(found)
        for key in sorted(context.selected_asset_keys):
            yield _result(key, landed.get(feeds[key], Landed()))

    return landing


def _spec(feed: str) -> AssetSpec:
    contract = load_contract(feed, environment=load_settings().environment)
    return AssetSpec(
        landing_key(feed),
        group_name="landing",
        kinds={"parquet"},
        description=f"Rows, rejects and receipts of {feed} under contract {contract.label}.",
        metadata={"contract": contract.label, "contract_sha256": contract.digest, "owner": contract.owner},
    )


def _result(key: AssetKey, landed: Landed) -> MaterializeResult:
    counts = {name: MetadataValue.int(count) for name, count in landed.counts.items()}
    check = AssetCheckResult(check_name=CHECK, asset_key=key, passed=landed.adds_up, metadata=counts)
    metadata = {
        **counts,
        "files": MetadataValue.int(landed.files),
        "reasons": MetadataValue.json(landed.reasons),
    }
    return MaterializeResult(asset_key=key, metadata=metadata, check_results=[check])
