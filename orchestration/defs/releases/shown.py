"""The sensor that shows in the graph what happened to releases outside it: rollbacks, tiers, refusals, approvals.

What moved a release is a materialisation of it; what moved nothing is an observation, with every reason of a refusal.
"""

from dagster import (
    AssetMaterialization,
    AssetObservation,
    DefaultSensorStatus,
    MetadataValue,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    TableRecord,
    sensor,
)

from orchestration.defs.names import LEDGER_ENTRY, REASONS, release_key
from orchestration.settings import load_settings
from orchestration.steps.watching.release_events import LedgerNotBelieved, ReleaseEvent, release_events

SHOWN_EVERY_SECONDS = 60


def ledger_sensor() -> SensorDefinition:
    """Return the sensor; its cursor is the number of the last entry that was shown."""

    @sensor(
        name="ledger_sensor",
        minimum_interval_seconds=SHOWN_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Every minute: what the ledger holds about releases is shown on them, with who, why and reasons.",
    )
    def show(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        try:
            found = release_events(load_settings(), int(context.cursor or 0))
        except LedgerNotBelieved as error:
            return SkipReason(str(error))
        if not found:
            return SkipReason("Nothing happened to a release since the last look.")
        return SensorResult(asset_events=[_shown(one) for one in found], cursor=str(found[-1].seq))

    return show


def _shown(one: ReleaseEvent) -> AssetMaterialization | AssetObservation:
    metadata: dict[str, MetadataValue] = {name: MetadataValue.text(value) for name, value in one.stands.items()}
    metadata[LEDGER_ENTRY] = MetadataValue.json(dict(one.document))
    if one.reasons:
        metadata[REASONS] = MetadataValue.table([TableRecord(dict(reason)) for reason in one.reasons])
    kind = AssetMaterialization if one.is_change else AssetObservation
    return kind(asset_key=release_key(one.use_case), partition=one.site, description=one.sentence, metadata=metadata)
