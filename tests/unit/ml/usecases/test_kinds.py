import pytest
import yaml

from ml.registry.canonical import document_digest
from ml.usecases import (
    FOLDER,
    ForecastUseCase,
    InvalidUseCase,
    OtherKind,
    UseCase,
    load_declaration,
    load_forecast,
    load_use_case,
    use_case_names,
)


@pytest.fixture
def document():
    return yaml.safe_load((FOLDER / "staffing.yaml").read_text(encoding="utf-8"))


def saved(document, folder, name="staffing"):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def test_every_declaration_loads_as_its_own_kind():
    kinds = {name: type(load_declaration(name)) for name in use_case_names(kinds=None)}
    assert kinds["triage"] is UseCase
    assert kinds["staffing"] is ForecastUseCase


def test_names_are_those_of_the_kinds_that_the_graph_handles_unless_all_are_asked_for():
    assert "triage" in use_case_names()
    assert "staffing" in use_case_names(kinds={"forecast"})
    assert "triage" not in use_case_names(kinds={"forecast"})


def test_a_file_whose_kind_cannot_be_read_is_named_so_that_loading_it_says_why(document, tmp_path):
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    document["kind"] = ["forecast"]
    saved(document, tmp_path)

    assert use_case_names(tmp_path) == ("broken", "staffing")
    with pytest.raises(InvalidUseCase, match="kind"):
        load_declaration("staffing", tmp_path)


def test_a_use_case_of_another_kind_is_refused_by_name_of_both_kinds():
    with pytest.raises(OtherKind, match="staffing is a forecast, not a classifier"):
        load_use_case("staffing")
    with pytest.raises(OtherKind, match="triage is a classifier, not a forecast"):
        load_forecast("triage")


def test_digests_cover_the_whole_declaration_and_the_words_of_the_board():
    staffing = load_forecast("staffing")
    assert staffing.digest == document_digest(staffing.document())
    assert staffing.card_digest == document_digest(staffing.board.model_dump(mode="json", by_alias=True))
    assert ForecastUseCase.model_validate(staffing.document()).digest == staffing.digest


def ward(document):
    return document["ratios"]["units"]["ward"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d.pop("owner"), "owner"),
        (lambda d: d.update(horizons_days=[2, 1]), "must rise"),
        (lambda d: d.update(coverage=1), "coverage"),
        (lambda d: d["targets"][1].update(sum_of=["md_hours"]), "md_hours is part of a sum and no target"),
        (lambda d: d["targets"][0].pop("column"), "either its column or what it is the sum of"),
        (lambda d: ward(d)[0]["hours_per_patient_day"].update(surgeon=1), "must name the same skills"),
        (lambda d: [one["hours_per_patient_day"].update(surgeon=1) for one in ward(d)], "unknown skill surgeon"),
        (lambda d: ward(d)[0]["hours_per_patient_day"].update(rn=-1), "greater than or equal to 0"),
        (lambda d: ward(d).pop(), "unknown acuity is missing"),
        (lambda d: d["ratios"].pop("rationale"), "rationale"),
        (lambda d: d["fallback"].update(history_hours=1), "at least as old"),
    ],
)
def test_a_forecast_that_breaks_its_shape_is_refused_with_the_field(document, tmp_path, change, fault):
    change(document)

    with pytest.raises(InvalidUseCase, match=fault):
        load_declaration("staffing", saved(document, tmp_path))
