"""Feeds watched unattended: the checks `fresh_<site>` on `landing/<feed>`, and the asset `monitoring/semantic_drift`.

A sensor looks often and starts a run only when something changed, so that nothing runs while nothing is wrong. What
does not belong here: what is stale (steps/freshness), and what a change of meaning is (steps/reviews).
"""

import json
from collections.abc import Iterator
from datetime import date

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetSelection,
    Config,
    DefaultSensorStatus,
    MaterializeResult,
    MetadataValue,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    asset,
    define_asset_job,
    multi_asset_check,
    sensor,
)

from orchestration.defs.clock import Clock
from orchestration.defs.names import landing_key
from orchestration.defs.partitions import SITES
from orchestration.settings import load_settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.intake.freshness import (
    Freshness,
    Verdict,
    present_of,
    site_freshness,
    stale_now,
    tell,
    unattended_freshness,
)
from orchestration.steps.meanings.reviews import newest_arrivals, watch_meaning
from orchestration.steps.record.records import now

MEANING = AssetKey(["monitoring", "semantic_drift"])
FRESHNESS_EVERY_SECONDS, MEANING_EVERY_SECONDS = 900, 3600


def freshness_checks() -> AssetChecksDefinition:
    """Return one check for each site and feed that it lists; it never blocks, and what is stale is an incident."""
    specs = [
        AssetCheckSpec(
            _check_name(site), asset=landing_key(feed), description=f"Is {feed} of {site} as fresh as agreed?"
        )
        for site in list_sites()
        for feed in load_site(site).feeds
    ]

    @multi_asset_check(specs=specs, name="feed_freshness", can_subset=True)
    def check(context: AssetCheckExecutionContext, config: Clock) -> Iterator[AssetCheckResult]:
        settings, chosen = load_settings(), context.op_execution_context.selected_asset_check_keys
        for site in list_sites():
            at = config.moment or present_of(settings, site, now())
            judged = [one for one in site_freshness(settings, site, at) if _key(one) in chosen]
            tell(settings, judged)
            yield from (_result(one) for one in judged)

    return check


def _check_name(site: str) -> str:
    return f"fresh_{site.replace('-', '_')}"


def _key(one: Freshness) -> AssetCheckKey:
    return AssetCheckKey(landing_key(one.feed), _check_name(one.site))


def _result(one: Freshness) -> AssetCheckResult:
    told = {name: MetadataValue.text(str(value)) for name, value in one.to_json().items()}
    return AssetCheckResult(
        asset_key=landing_key(one.feed),
        check_name=_check_name(one.site),
        passed=one.verdict is Verdict.FRESH,
        severity=AssetCheckSeverity.ERROR if one.verdict is Verdict.STALE else AssetCheckSeverity.WARN,
        description=one.sentence,
        metadata=told,
    )


def freshness_sensor(checks: AssetChecksDefinition) -> SensorDefinition:
    """Return the sensor that has the checks run when a feed became stale, or flows again."""
    job = define_asset_job("judge_feed_freshness", AssetSelection.checks(checks))

    @sensor(
        name="feed_freshness_sensor",
        job=job,
        minimum_interval_seconds=FRESHNESS_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Every quarter of an hour: a feed that is late by its contract becomes an incident.",
    )
    def watch(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        stale = json.dumps(stale_now(unattended_freshness(load_settings(), now())))
        if stale == (context.cursor or "[]"):
            yield SkipReason("Every feed is as it was at the last look.")
            return
        yield RunRequest()
        context.update_cursor(stale)

    return watch


class Until(Config):
    """The last arrival day that is looked at: an ISO date; the newest where it is left out."""

    until: str | None = None


@asset(key=MEANING, partitions_def=SITES, group_name="monitoring")
def meaning_asset(context: AssetExecutionContext, config: Until) -> MaterializeResult:
    """What each feed means, held against the weeks before; a change opens a review for its named reviewer."""
    until = date.fromisoformat(config.until) if config.until else None
    watched = watch_meaning(load_settings(), context.partition_key, until)
    opened = [name for one in watched for name in one.opened]
    judged = {one.feed: MetadataValue.int(one.found) for one in watched if one.windows is not None}
    return MaterializeResult(metadata={"reviews_opened": MetadataValue.json(opened), **judged})


def meaning_sensor() -> SensorDefinition:
    """Return the sensor that looks at a site's feeds again when a new day has arrived there."""
    job = define_asset_job("semantic_drift", AssetSelection.assets(MEANING), partitions_def=SITES)

    @sensor(
        name="semantic_drift_sensor",
        job=job,
        minimum_interval_seconds=MEANING_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Hourly: a new day of a site is held against the weeks before it.",
    )
    def watch(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        newest = newest_arrivals(load_settings())
        seen: dict[str, str] = json.loads(context.cursor or "{}")
        new = [site for site, day in newest.items() if seen.get(site) != day]
        if not new:
            yield SkipReason("No new day has arrived since the last look.")
            return
        for site in new:
            yield RunRequest(run_key=f"{site}-{newest[site]}", partition_key=site)
        context.update_cursor(json.dumps(newest))

    return watch
