"""Notes are scrubbed and terms kept by schedule: a run per site where something is to be done, else none."""

from datetime import UTC, datetime

import pytest
from dagster import RunRequest, SkipReason, build_asset_context, build_schedule_context

from orchestration.defs.landing import notes, terms
from orchestration.steps.answer import Answer

NIGHT = datetime(2026, 11, 27, 3, 30, tzinfo=UTC)


def asked_of(made) -> list[RunRequest | SkipReason]:
    with build_schedule_context(scheduled_execution_time=NIGHT) as context:
        return list(made(context))


def test_a_site_with_waiting_notes_gets_one_run_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "waiting_notes", lambda settings, site: ["one"] if site == "city" else [])
    [run] = asked_of(notes.hourly_scrub)
    assert isinstance(run, RunRequest) and (run.partition_key, run.run_key) == ("city", "city-2026-11-27T03")
    monkeypatch.setattr(notes, "waiting_notes", lambda settings, site: [])
    [skipped] = asked_of(notes.hourly_scrub)
    assert isinstance(skipped, SkipReason)


def test_the_asset_scrubs_its_site_and_tells_what_was_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def scrub(settings, site, limit, progress) -> Answer:
        asked.append((site, limit))
        return Answer(
            {"sites": [{"site": site, "notes": 3, "scrubbed": 2, "withheld": {"the document is no text": 1}}]}
        )

    monkeypatch.setattr(notes, "scrub_notes", scrub)
    with build_asset_context(partition_key="city") as context:
        made = notes.note_text(context)
    assert asked == [("city", None)]
    assert made.metadata["scrubbed"].value == 2 and made.metadata["withheld"].value == {"the document is no text": 1}


def test_a_site_where_nothing_waits_is_materialised_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "scrub_notes", lambda *_: Answer({"sites": []}))
    with build_asset_context(partition_key="city") as context:
        assert notes.note_text(context).metadata["notes"].value == 0


def test_a_site_with_something_past_its_term_gets_one_run_a_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "sites_past_term", lambda settings, at: ["city"])
    [run] = asked_of(terms.daily_terms)
    assert isinstance(run, RunRequest) and run.run_key == "city-2026-11-27"
    assert run.run_config["ops"]["erase_past_term"]["config"] == {"site": "city"}
    monkeypatch.setattr(terms, "sites_past_term", lambda settings, at: [])
    [skipped] = asked_of(terms.daily_terms)
    assert isinstance(skipped, SkipReason)


@pytest.mark.parametrize("code", [0, 1])
def test_a_night_whose_tables_cannot_be_rebuilt_is_a_failed_run(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    asked = []

    def erase(settings, site, reason, actor, rebuild) -> Answer:
        asked.append((site, reason, actor.name))
        return Answer({"expired": []}, exit_code=code)

    monkeypatch.setattr(terms, "erase_expired", erase)
    config = {"ops": {"erase_past_term": {"config": {"site": "city"}}}}
    run = terms.end_of_term.execute_in_process(run_config=config, raise_on_error=False)
    assert run.success == (code == 0)
    assert asked == [("city", terms.REASON, "pilothouse")]
