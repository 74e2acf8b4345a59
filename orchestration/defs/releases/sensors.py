"""The sensors that have a release step down by itself: approvals that end, and triggers that are breached."""

import json

from dagster import (
    AssetObservation,
    DefaultSensorStatus,
    Failure,
    MetadataValue,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from evaluation.ledger import WITHDRAWN
from orchestration.defs.names import LEDGER_ENTRY, release_key
from orchestration.settings import load_settings
from orchestration.steps.record.records import now
from orchestration.steps.watching.approval_watch import Watch, watch_approvals
from orchestration.steps.watching.trigger_watch import TriggerWatch, watch_triggers

WATCH_EVERY_SECONDS = 3600
TRIGGERS_EVERY_SECONDS = 60


def approvals_sensor() -> SensorDefinition:
    """Return the sensor. What is due is an observation on the release, told once for each change.

    A failed tick keeps no observation: what is new is told first, with any problem as the tick's words; the next tick
    fails for as long as the problem stands.
    """

    @sensor(
        name="approvals_sensor",
        minimum_interval_seconds=WATCH_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Hourly: approvals that end soon are told; over, a release steps down and a challenger leaves.",
    )
    def watch(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        found = watch_approvals(load_settings(), now())
        problem = " ".join(found.problems)
        due = json.dumps([one.sentences for one in found.watched if one.due])
        if found.stepped_down or due != (context.cursor or "[]"):
            return SensorResult(asset_events=_observations(found), cursor=due, skip_reason=problem or None)
        if problem:
            raise Failure(problem)
        return SkipReason("No approval came due, was renewed or ended since the last look.")

    return watch


def _observations(found: Watch) -> list[AssetObservation]:
    """Tell of every served release and challenger what is due, and of one that went its ledger entry."""
    entries = {
        (one["payload"]["use_case"], one["payload"]["site"], one["kind"] == WITHDRAWN): one
        for one in found.stepped_down
    }
    observed: list[AssetObservation] = []
    for one in found.watched:
        metadata = {"approvals_due": MetadataValue.json(one.to_json())}
        place = (one.use_case, one.site, one.is_challenger)
        if place in entries:
            metadata[LEDGER_ENTRY] = MetadataValue.json(entries[place])
        whose = " of the challenger" if one.is_challenger else ""
        words = " ".join(one.sentences) or f"Every approval{whose} stands."
        key = release_key(one.use_case)
        observed.append(AssetObservation(asset_key=key, partition=one.site, description=words, metadata=metadata))
    return observed


def triggers_sensor() -> SensorDefinition:
    """Return the sensor. It says nothing while nothing is wrong; a step down is an observation on the release."""

    @sensor(
        name="triggers_sensor",
        minimum_interval_seconds=TRIGGERS_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Every minute: a release that breaches a trigger of its policy steps down, and an incident opens.",
    )
    def watch(_: SensorEvaluationContext) -> SensorResult | SkipReason:
        found = watch_triggers(load_settings(), now())
        problem = " ".join(found.problems)
        if found.stepped_down or found.incidents:
            return SensorResult(asset_events=_stepped_down(found), skip_reason=problem or None)
        if problem:
            raise Failure(problem)
        return SkipReason("No trigger is breached.")

    return watch


def _stepped_down(found: TriggerWatch) -> list[AssetObservation]:
    return [
        AssetObservation(
            asset_key=release_key(str(one["payload"]["use_case"])),
            partition=str(one["payload"]["site"]),
            description=str(one["payload"].get("reason") or one["payload"].get("what")),
            metadata={LEDGER_ENTRY: MetadataValue.json(one)},
        )
        for one in (*found.stepped_down, *found.incidents)
    ]
