"""A run of many assets is told to people by stage, and what went wrong in full."""

from orchestration.defs.run_summary import RunSummary
from orchestration.steps.answer import DONE, FAILED, FEED_STOPPED


def summary(**changes: object) -> RunSummary:
    made = [f"tables/omop/t{number}" for number in range(180)]
    found = RunSummary(["1f", "2e"], assets=["landing/ehr_fhir", *made, "triage/candidate", "triage/decision"])
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def test_assets_are_counted_by_stage_and_named_in_the_document_alone() -> None:
    answer = summary().answer()
    assert answer.text == (
        "Done: 183 assets in 2 runs: landing 1, tables 180, triage 2.\nDagster run 2e; --json names every asset"
    )
    assert len(answer.document["assets"]) == 183 and answer.exit_code == DONE


def test_whatever_did_not_go_as_it_should_is_told_in_full() -> None:
    lacking = {"use_case": "triage", "site": "riverside", "why": "riverside has 6 eligible visits."}
    answer = summary(
        succeeded=False,
        untrained=[lacking],
        failed_checks=["tables/omop/person:unique"],
        errors=["The feed stopped.", "No space."],
    ).answer()
    said = (answer.text or "").splitlines()
    assert said[0].startswith("FAILED: 183 assets")
    assert said[1:5] == [
        "triage at riverside: not trained. riverside has 6 eligible visits.",
        "check failed  tables/omop/person:unique",
        "error  The feed stopped.",
        "error  No space.",
    ]
    assert answer.exit_code == FAILED
    assert summary(succeeded=False, feed_stopped=True).answer().exit_code == FEED_STOPPED


def test_where_nothing_was_to_be_done_it_says_so() -> None:
    assert RunSummary().answer().text == "Done: 0 assets in 0 runs: nothing to make."
