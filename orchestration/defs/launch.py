"""The command line's door to Dagster, imported when a run is wanted: what to materialise, in which partitions.

What does not belong here: what an asset does.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    DagsterError,
    DagsterInstance,
    Definitions,
    materialize,
)
from sqlalchemy.exc import SQLAlchemyError

from orchestration.defs import build_definitions
from orchestration.defs.links import shown_of
from orchestration.defs.names import (
    DRIFT,
    EVENTS,
    OPERATIONS,
    REPORT,
    adjustments_key,
    plan_key,
    release_key,
)
from orchestration.defs.run_summary import RunSummary
from orchestration.defs.selecting import Batch, Cut, batches, feeds_of
from orchestration.settings import Settings, load_settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import NothingSelected
from orchestration.steps.intake.landing import PendingDrops, landed_sites, mark_landed, pending_drops
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.candidate import list_use_cases
from orchestration.steps.planning.plans import plan_order
from orchestration.steps.releases.proposal import served_sites
from orchestration.steps.warehouse.tables import (
    last_build,
    mark_tables_built,
    prepare_lake,
    table_inputs,
    tables_are_fresh,
)

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}

Progress = Callable[[str], None]


def _measured_again(use_case: str) -> tuple[str, ...]:
    """The kinds of evidence that what has arrived since may change: of what was served, of drift and of other sites."""
    kind = kind_of(use_case)
    return (*kind.served, "drift", *(["cross_site"] if kind.is_cross_site else []))


class Launcher:
    """Loads the definitions once and materialises selections in this process, recorded in the home's instance."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings, self._progress = settings, progress
        self._definitions: Definitions = build_definitions()
        self._instance = DagsterInstance.get()
        self.summary = RunSummary()

    def materialise(
        self,
        selection: AssetSelection,
        *,
        partition: str | None = None,
        tags: dict[str, str] | None = None,
        config: dict[str, Any] | None = None,
    ) -> bool:
        """Run one selection; returns whether it succeeded. Errors are kept in the summary, in words."""
        with redirect_stdout(sys.stderr):  # dbt's own lines; standard output belongs to the command's answer
            result = materialize(
                list(self._definitions.assets or []),  # pyright: ignore[reportArgumentType]
                selection=selection,
                instance=self._instance,
                resources=self._definitions.resources,
                partition_key=partition,
                tags=tags,
                run_config={**QUIET, **(config or {})},
                raise_on_error=False,
            )
        self.summary.add(result)
        return result.success

    def selected(self, text: str) -> list[Batch]:
        """Read a selection of assets. Raises `NothingSelected` for one that cannot be read, or names nothing."""
        graph = self._definitions.resolve_asset_graph()
        try:
            keys = AssetSelection.from_string(text).resolve(graph) & graph.materializable_asset_keys
        except DagsterError as error:
            raise NothingSelected(f"--select {text!r} cannot be read, or names an asset that there is not.") from error
        if not keys:
            raise NothingSelected(f"--select {text!r} names no asset: nothing was run; `make ui` shows what there is.")
        return batches(graph, keys)

    def run_selected(self, selected: Sequence[Batch], site: str | None) -> None:
        """Make what was selected, at one site or at every one that has landed something, until a run fails."""
        for batch in selected:
            done = True
            if batch.cut is Cut.WHOLE:
                if any(key.path[0] == "tables" for key in batch.keys):
                    prepare_lake(self._settings)
                done = self.materialise(AssetSelection.assets(*batch.keys))
            elif batch.cut is Cut.SITE_AND_DAY:
                waiting = pending_drops(self._settings, site)
                landed = [
                    self.land_only(drops, feeds_of(batch.keys)) for drops in waiting
                ]  # every site, whatever fails
                done = all(landed)
            else:
                for place in [site] if site else landed_sites(self._settings):
                    done = self.make_at(place, batch.keys) and done
            if not done:
                return

    def land_only(self, drops: PendingDrops, feeds: Sequence[str]) -> bool:
        """Land some of the feeds of one site's waiting drops; the drops go on waiting for the others."""
        chosen = tuple(feed for feed in drops.feeds if feed in feeds)
        if chosen == drops.feeds:
            return self.land(drops)
        return not chosen or self._land(replace(drops, feeds=chosen))

    def make_at(self, site: str, keys: Sequence[AssetKey]) -> bool:
        """Make assets of one site, but those of a use case that has too little to train on there; these are told."""
        made = set(keys)
        for use_case in list_use_cases():
            candidate = AssetKey([use_case, "candidate"])
            lacking = candidate in made and kind_of(use_case).why_not_trainable(self._settings, use_case, site)
            if lacking:
                self.summary.untrained.append({"use_case": use_case, "site": site, "why": lacking})
                self._progress(f"candidate {use_case} at {site}: none. {lacking}")
                made = {key for key in made if key.path[0] != use_case}
        return not made or self.materialise(AssetSelection.assets(*made), partition=site)

    def land(self, drops: PendingDrops) -> bool:
        """Land one site's waiting drops, all its feeds and days in one run."""
        done = self._land(drops)
        if done:
            mark_landed(self._settings, drops)
        return done

    def _land(self, drops: PendingDrops) -> bool:
        self._progress(f"landing   {drops.site}: {len(drops.days)} days, {', '.join(drops.feeds)}")
        keys = AssetSelection.assets(*[AssetKey(["landing", feed]) for feed in drops.feeds])
        first, last = drops.days[0].isoformat(), drops.days[-1].isoformat()
        return self.materialise(keys, tags={RANGE_START: f"{first}|{drops.site}", RANGE_END: f"{last}|{drops.site}"})

    def build_tables(self) -> bool:
        """Build and test every table and publish the snapshot, unless nothing has arrived since."""
        if tables_are_fresh(self._settings):
            self._progress("tables    nothing new since they were built")
            return True
        prepare_lake(self._settings)
        inputs = table_inputs(self._settings)
        self._progress("tables    dbt: staging, OMOP, marts and their tests")
        done = self.materialise(AssetSelection.groups("tables"))
        if done:
            mark_tables_built(self._settings, inputs)
            self._progress(f"tables    {last_build(self._settings)}")
        return done

    def train_and_judge(self, use_case: str, site: str) -> bool:
        """Train a candidate, gather its evidence, ask the gate."""
        self._progress(f"candidate {use_case} at {site}: train, judge, decide")
        upstream = AssetSelection.assets(AssetKey([use_case, "decision"])).upstream()
        return self.materialise(upstream & AssetSelection.groups("candidates", "evidence"), partition=site)

    def train_if_enough(self, use_case: str, site: str) -> None:
        """Train and judge where there is enough to; where there is not, say what is lacking."""
        lacking = kind_of(use_case).why_not_trainable(self._settings, use_case, site)
        if lacking:
            self.summary.untrained.append({"use_case": use_case, "site": site, "why": lacking})
            self._progress(f"candidate {use_case} at {site}: none. {lacking}")
        else:
            self.train_and_judge(use_case, site)

    def watch(self, site: str, use_cases: Sequence[str]) -> bool:
        """Judge what was served at a site, and its drift in every segment, from the snapshot as it is now."""
        for use_case in use_cases:
            self._progress(f"monitor   {use_case} at {site}: {', '.join(kind_of(use_case).served)}, drift")
        keys = [AssetKey([one, "evidence", kind]) for one in use_cases for kind in _measured_again(one)]
        return self.materialise(AssetSelection.assets(*keys, DRIFT), partition=site)

    def watch_drift(self, site: str) -> bool:
        """Look for drift at a site, in what is served there, from the snapshot as it is now."""
        self._progress(f"monitor   {site}: drift of every segment")
        return self.materialise(AssetSelection.assets(DRIFT), partition=site)

    def plan(self, use_case: str, site: str, at: datetime | None = None) -> bool:
        """Make and publish the plan of a use case at a site, at a time or at the site's present."""
        self._progress(f"plan      {use_case} at {site}{f': {at:%Y-%m-%d %H:%M}' if at else ''}")
        key = plan_key(use_case)
        config = {"ops": {key.to_python_identifier(): {"config": {"clock": at.isoformat() if at else None}}}}
        return self.materialise(AssetSelection.assets(key).without_checks(), partition=site, config=config)

    def adjustments(self, use_case: str, site: str) -> bool:
        """Write to the ledger what people changed beside the plans of a use case."""
        return self.materialise(AssetSelection.assets(adjustments_key(use_case)), partition=site)

    def release(self, use_case: str, site: str, stage: str) -> bool:
        """Ask for a release in `stage`; where the gate refuses, its reasons are the summary's."""
        self._progress(f"release   {use_case} at {site}: gate, {stage}")
        key = release_key(use_case)
        config = {"ops": {key.to_python_identifier(): {"config": {"to": stage}}}}
        return self.materialise(AssetSelection.assets(key), partition=site, config=config)

    def collect_events(self, day: date) -> bool:
        """Bring serving's new events and feedback into the drops of a day."""
        config = {"ops": {EVENTS.to_python_identifier(): {"config": {"day": day.isoformat()}}}}
        return self.materialise(AssetSelection.assets(EVENTS), config=config)

    def write_reports(self) -> bool:
        """Write the page of operations and the static pages from what is on record."""
        return self.materialise(AssetSelection.assets(OPERATIONS, REPORT))


def announce_release(use_case: str, site: str, entry: Mapping[str, Any]) -> str | None:
    """Show a release that was made outside a run in the graph, with its ledger entry; return what went wrong, if so.

    The release stands either way: ledger and pointer were written before.
    """
    shown = shown_of(load_settings(), entry)
    event = AssetMaterialization(release_key(use_case), partition=site, metadata=shown)
    try:
        DagsterInstance.get().report_runless_asset_event(event)
    except (DagsterError, OSError, SQLAlchemyError) as error:
        return f"The release stands, but Dagster's graph does not show it ({type(error).__name__})."
    return None


def rebuild_tables(settings: Settings, progress: Progress) -> bool:
    """Build and test every table and publish the snapshot; returns whether that succeeded."""
    return Launcher(settings, progress).build_tables()


def run_graph(settings: Settings, *, site: str | None, select: str | None, progress: Progress) -> Answer:
    """Materialise the graph up to the gate's decision, or just `select`; never a release."""
    if site is not None:
        load_site(site)
    launcher = Launcher(settings, progress)
    if select is not None:
        launcher.run_selected(launcher.selected(select), site)
        return launcher.summary.answer()
    landed = [launcher.land(drops) for drops in pending_drops(settings, site)]
    if all(landed) and launcher.build_tables():
        for use_case in list_use_cases():
            for place in [site] if site else landed_sites(settings):
                launcher.train_if_enough(use_case, place)
        for place in [site] if site else list_sites():
            if served := [one for one in list_use_cases() if place in served_sites(settings, one)]:
                launcher.watch(place, served)
        for use_case in plan_order():
            for place in served_sites(settings, use_case):
                if site in (None, place):
                    launcher.adjustments(use_case, place)
                    launcher.plan(use_case, place)
        launcher.write_reports()
    return launcher.summary.answer()
