"""dbt's events without those that nobody writes.

dbt makes a message of every event, and text or JSON for every logger, before the logger drops what is below its level:
twenty debug events for a node, none of which is written unless somebody asks for them. What does not belong here: which
levels are written (dbt's own flags).
"""

from typing import Any

from dbt.tracking import track_behavior_change_warn
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager

OF_WARNINGS = (track_behavior_change_warn,)
"""Listeners of dbt's own that look at warnings alone."""


class WrittenEvents(EventManager):
    """dbt's manager of events, which passes over a debug event where no logger writes any and nobody listens."""

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        is_debug = (level or e.level_tag()) == EventLevel.DEBUG and not force_warn_or_error_handling
        if not is_debug or self._is_debug_heard():
            super().fire_event(e, level, node, force_warn_or_error_handling)

    def _is_debug_heard(self) -> bool:
        written = any(logger.level == EventLevel.DEBUG for logger in self.loggers)
        return written or any(listener not in OF_WARNINGS for listener in self.callbacks)
