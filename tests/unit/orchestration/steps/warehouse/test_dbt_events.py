"""dbt writes and tells the same through our manager of events; only what nobody hears is not made at all."""

from io import StringIO

import pytest
from dbt.tracking import track_behavior_change_warn
from dbt_common.events.base_types import EventLevel, EventMsg
from dbt_common.events.event_manager import EventManager
from dbt_common.events.logger import LineFormat, LoggerConfig
from dbt_common.events.types import Note

from orchestration.steps.warehouse.dbt_events import WrittenEvents

LEVELS = (EventLevel.DEBUG, EventLevel.INFO, EventLevel.WARN, EventLevel.ERROR)


def written(manager: EventManager, at: EventLevel) -> list[str]:
    """What a logger of a level writes of one event of each level."""
    stream = StringIO()
    manager.add_logger(LoggerConfig("test", line_format=LineFormat.PlainText, level=at, output_stream=stream))
    manager.add_callback(track_behavior_change_warn)
    for level in LEVELS:
        manager.fire_event(Note(msg=f"of {level.value}"), level=level)
    return [line.split("  ", 1)[1] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("at", LEVELS)
def test_what_is_written_is_what_dbt_writes(at: EventLevel) -> None:
    found = written(WrittenEvents(), at)
    assert found == written(EventManager(), at) == [f"of {one.value}" for one in LEVELS[LEVELS.index(at) :]]


def test_a_debug_event_is_made_only_for_who_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def message(event: Note) -> str:
        made.append(event.msg)
        return event.msg

    monkeypatch.setattr(Note, "message", message)
    manager, heard = WrittenEvents(), list[str]()
    written(manager, EventLevel.INFO)
    assert "of debug" not in made and "of info" in made

    def listen(event: EventMsg) -> None:
        heard.append(event.info.name)

    manager.add_callback(listen)
    manager.fire_event(Note(msg="told"), level=EventLevel.DEBUG)
    assert heard == ["Note"] and "told" in made
