"""What one command's Dagster runs came to, as a document and as lines for people.

What does not belong here: starting runs (`launch.py`).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from dagster import ExecuteInProcessResult, JsonMetadataValue

from orchestration.defs.names import REASONS
from orchestration.steps.answer import DONE, FAILED, FEED_STOPPED, Answer


@dataclass
class RunSummary:
    """What one command's Dagster runs did: ids in order, assets materialised, checks failed, errors in words."""

    run_ids: list[str] = field(default_factory=list[str])
    succeeded: bool = True
    assets: list[str] = field(default_factory=list[str])
    failed_checks: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    feed_stopped: bool = False
    untrained: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    reasons: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def add(self, result: ExecuteInProcessResult) -> None:
        self.run_ids.append(result.run_id)
        self.succeeded = self.succeeded and result.success
        for event in result.get_asset_materialization_events():
            name = event.asset_key.to_user_string() if event.asset_key else ""
            if name and name not in self.assets:
                self.assets.append(name)
        for evaluation in result.get_asset_check_evaluations():
            if not evaluation.passed:
                self.failed_checks.append(f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}")
        for event in result.get_step_failure_events():
            self._add_error(event.step_failure_data.error)
            self._add_reasons(event.step_failure_data.user_failure_data)

    def _add_error(self, error: Any) -> None:
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            self.errors.append(error.message.strip())
            self.feed_stopped = self.feed_stopped or error.cls_name == "FeedStopped"

    def _add_reasons(self, failure: Any) -> None:
        """Keep what the gate said to a release that it refused."""
        said = failure.metadata.get(REASONS) if failure is not None else None
        if isinstance(said, JsonMetadataValue) and isinstance(said.data, dict):
            self.reasons = said.data["reasons"]

    def answer(self) -> Answer:
        document = {
            "run_id": self.run_ids[-1] if self.run_ids else None,
            "run_ids": self.run_ids,
            "succeeded": self.succeeded,
            "assets": self.assets,
            "failed_checks": self.failed_checks,
            "errors": self.errors,
            "untrained": self.untrained,
        }
        code = DONE if self.succeeded else FEED_STOPPED if self.feed_stopped else FAILED
        return Answer(document, self._text(), code)

    def _text(self) -> str:
        """The run for people: how much was made at each stage, and whatever did not go as it should, in full."""
        stages = Counter(name.partition("/")[0] for name in self.assets)
        made = ", ".join(f"{stage} {count}" for stage, count in stages.items()) or "nothing to make"
        lines = [
            f"{'Done' if self.succeeded else 'FAILED'}: {len(self.assets)} assets in {len(self.run_ids)} runs: {made}.",
            *(f"{one['use_case']} at {one['site']}: not trained. {one['why']}" for one in self.untrained),
            *(f"check failed  {name}" for name in self.failed_checks),
            *(f"error  {sentence}" for sentence in self.errors),
        ]
        return "\n".join([*lines, *(f"Dagster run {one}; --json names every asset" for one in self.run_ids[-1:])])
