"""A selection becomes as few runs as Dagster can make of it, each after what it stands on."""

from collections.abc import Sequence

import pytest
from dagster import AssetKey, AssetsDefinition, AssetSelection, Definitions, asset

from orchestration.defs.partitions import SITE_AND_DAY, SITES
from orchestration.defs.selecting import Batch, Cut, batches, feeds_of


def made(name: str, partitions: object, after: Sequence[str] = ()) -> AssetsDefinition:
    @asset(key=name.split("/"), partitions_def=partitions, deps=[AssetKey(one.split("/")) for one in after])  # pyright: ignore
    def one() -> None: ...

    return one


GRAPH = Definitions(
    assets=[
        made("landing/census", SITE_AND_DAY),
        made("landing/ehr", SITE_AND_DAY),
        made("landing/note_text", SITES, ["landing/ehr"]),
        made("tables/stay", None, ["landing/census"]),
        made("tables/visit", None, ["landing/ehr", "landing/note_text"]),
        made("tables/snapshot", None, ["tables/stay", "tables/visit"]),
        made("triage/candidate", SITES, ["tables/snapshot"]),
        made("triage/decision", SITES, ["triage/candidate"]),
        made("monitoring/report", None, ["triage/decision"]),
    ]
).resolve_asset_graph()


def cut(text: str) -> list[tuple[Cut, set[str]]]:
    found = batches(GRAPH, AssetSelection.from_string(text).resolve(GRAPH))
    return [(one.cut, {"/".join(key.path) for key in one.keys}) for one in found]


def test_the_whole_graph_is_made_once_in_as_few_runs_as_there_are_changes_of_partition() -> None:
    assert cut("*") == [
        (Cut.SITE_AND_DAY, {"landing/census", "landing/ehr"}),
        (Cut.WHOLE, {"tables/stay"}),
        (Cut.SITE, {"landing/note_text"}),
        (Cut.WHOLE, {"tables/visit", "tables/snapshot"}),
        (Cut.SITE, {"triage/candidate", "triage/decision"}),
        (Cut.WHOLE, {"monitoring/report"}),
    ]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("tables/visit", [(Cut.WHOLE, {"tables/visit"})]),
        ("landing/census", [(Cut.SITE_AND_DAY, {"landing/census"})]),
        ("triage/decision", [(Cut.SITE, {"triage/decision"})]),
        ('key:"landing/ehr" or key:"tables/stay"', [(Cut.SITE_AND_DAY, {"landing/ehr"}), (Cut.WHOLE, {"tables/stay"})]),
        # the report stands on the stay through what was not selected, and still comes after it
        ('key:"monitoring/report" or key:"tables/stay"', [(Cut.WHOLE, {"monitoring/report", "tables/stay"})]),
        (
            'key:"triage/candidate" or key:"tables/stay"',
            [(Cut.WHOLE, {"tables/stay"}), (Cut.SITE, {"triage/candidate"})],
        ),
    ],
)
def test_what_was_selected_is_cut_by_its_partitions(text: str, runs: list[tuple[Cut, set[str]]]) -> None:
    assert cut(text) == runs


def test_nothing_is_made_before_what_it_stands_on_whichever_assets_are_left_out() -> None:
    everything = sorted(GRAPH.materializable_asset_keys)
    for left_out in everything:
        order: list[AssetKey] = []
        found: list[Batch] = batches(GRAPH, [key for key in everything if key != left_out])
        for batch in found:
            for key in batch.keys:
                assert GRAPH.get_ancestor_asset_keys(key) - {left_out} <= {*order, *batch.keys}
            order += batch.keys
        assert sorted([*order, left_out]) == everything


def test_feeds_are_read_from_the_keys_of_what_lands() -> None:
    assert feeds_of([AssetKey(["landing", "census"]), AssetKey(["landing", "ehr_fhir"])]) == ("census", "ehr_fhir")
