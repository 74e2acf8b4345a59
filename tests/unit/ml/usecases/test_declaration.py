from datetime import date

import pytest
import yaml

from ml.registry.canonical import document_digest
from ml.usecases import (
    FOLDER,
    Grain,
    InvalidUseCase,
    Person,
    PersonDates,
    Practice,
    UnknownUseCase,
    UseCase,
    load_declaration,
    load_use_case,
    use_case_names,
)
from ml.usecases.classifier import Learner
from ml.usecases.declaration import Declaration, Population, Upstream, Written

VOCABULARY = {"complaint_groups": ("injury", "chest_pain", "cardiac_arrest"), "history_groups": ("copd",)}


@pytest.fixture(scope="module")
def triage() -> UseCase:
    return load_use_case("triage")


@pytest.fixture
def document():
    return yaml.safe_load((FOLDER / "triage.yaml").read_text(encoding="utf-8"))


def saved(document, folder, name="triage"):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def test_every_shipped_use_case_loads_under_its_own_name():
    assert "triage" in use_case_names()
    for name in use_case_names():
        assert load_declaration(name).use_case == name


def test_an_unknown_use_case_is_refused_with_the_known_names():
    with pytest.raises(UnknownUseCase, match="triage"):
        load_use_case("sepsis")


def test_the_digest_is_a_document_digest_and_survives_json(triage):
    assert triage.digest == document_digest(triage.document())
    assert UseCase.model_validate(triage.document()).digest == triage.digest


def test_one_changed_word_changes_the_digest_and_only_card_words_change_the_card_digest(triage, document, tmp_path):
    document["intended_use"] += " Always."
    other = load_use_case("triage", saved(document, tmp_path))
    assert other.digest != triage.digest
    assert other.card_digest == triage.card_digest

    document["card"]["not_for"] += " Never."
    assert load_use_case("triage", saved(document, tmp_path)).card_digest != triage.card_digest


def test_a_card_is_shown_again_for_as_long_as_it_waits_for_an_answer_at_most(document, tmp_path):
    document["card"]["shown_again_minutes"] = 720
    assert load_use_case("triage", saved(document, tmp_path)).card.shown_again_minutes == 720
    assert "shown_again_minutes" not in load_use_case("appointments").document()["card"], (
        "nothing said, nothing changed"
    )


WHAT_A_CHANGE_VOIDS = {
    "intended_use": "intended_use",
    "users": "intended_use",
    "population": "intended_use",
    "contraindications": "intended_use",
    "non_goals": "intended_use",
    "features": "features",
    "outcomes": "features",
    "groups": "features",
    "left_out": "features",
    "grain": "features",
    "practice": "features",
    "learner": "features",
    "subgroups": "features",
    "upstream": "features",
    "kind": "features",
    "card": "card",
    "fallback": "features",
    "schema_": "",
    "use_case": "",
    "version": "",
    "date": "",
    "title": "",
    "owner": "",
    "accountable": "",
    "author": "",
    "reviewers": "",
    "person_dates": "",
}
"""Member of a declaration -> the digest of a release's subject that it is part of; empty for who, when and in what
name, which approvals do not rest on."""


@pytest.mark.parametrize(("member", "part"), WHAT_A_CHANGE_VOIDS.items())
def test_every_member_of_a_declaration_changes_the_digest_that_it_is_part_of_and_no_other(triage, member, part):
    assert not (set(UseCase.model_fields) - set(WHAT_A_CHANGE_VOIDS)) & set(Declaration.model_fields), "not decided yet"
    before = parts(triage)
    plain = getattr(triage, member)
    other = OTHER.get(member) or (f"{plain}x" if isinstance(plain, str) else plain[1:] or (*plain, "x"))
    after = parts(triage.model_copy(update={member: other}))
    assert [name for name in before if before[name] != after[name]] == ([part] if part else [])


def parts(declared):
    return {
        "intended_use": declared.intended_use_digest,
        "features": declared.features_digest,
        "card": declared.card_digest,
    }


@pytest.mark.parametrize("name", ["triage", "roster", "staffing"])
def test_whoever_stands_for_a_part_and_since_when_is_nothing_that_the_model_looks_at(name: str) -> None:
    declared = load_declaration(name)
    elsewhere = {"owner": "somebody_else", "date": date(2020, 1, 1)}
    written = {member: value for member, value in vars(declared).items() if isinstance(value, Written)}
    assert written
    for member, value in written.items():
        other = declared.model_copy(update={member: value.model_copy(update=elsewhere)})
        assert (other.digest != declared.digest, other.features_digest) == (True, declared.features_digest), member


def test_what_a_part_says_is_looked_at(triage: UseCase) -> None:
    other = triage.fallback.model_copy(update={"budget_ms": triage.fallback.budget_ms + 1})
    assert triage.model_copy(update={"fallback": other}).features_digest != triage.features_digest


OTHER = {
    "population": Population(text="Adults.", minimum_age_years=16),
    "grain": Grain(noun="stay"),
    "practice": Practice(acted_upon=3),
    "learner": Learner(rounds=9, num_leaves=3, min_child_samples=9, feature_fraction=1, reason="other"),
    "card": load_use_case("triage").card.model_copy(update={"window": "today"}),
    "fallback": load_use_case("appointments").fallback,
    "date": date(2020, 1, 1),
    "subgroups": ("sex",),
    "upstream": (Upstream(use_case="staffing", gives="beds", without="none"),),
    "person_dates": PersonDates(needs="none"),
    **dict.fromkeys(("owner", "accountable", "author"), Person(name="Somebody", role="other")),
}


def test_every_feature_says_why_it_is_known_at_triage_and_where_it_comes_from(triage):
    for feature in triage.expand(VOCABULARY):
        assert len(feature.reason) > 15
        assert set(feature.sources) == {"nhamcs_ed", "ehr_fhir"}


def test_outcomes_and_what_follows_triage_are_left_out_and_never_features(triage):
    left_out = " ".join(column for entry in triage.left_out for column in entry.columns)
    used = " ".join(feature.sources["nhamcs_ed"] for feature in triage.expand(VOCABULARY))

    for column in ("DIAG1", "WAITTIME", "LOS", "ADMIT", "HDSTAT", "INJURY72", "RACERETH", "PAYTYPER", "VITALSD"):
        assert column in left_out
        assert column not in used.split()


def test_groups_expand_sorted_after_the_single_features_without_the_excluded(triage):
    names = [feature.name for feature in triage.expand(VOCABULARY)]

    assert names[: len(triage.features)] == [feature.name for feature in triage.features]
    assert names[len(triage.features) :] == ["complaint_cardiac_arrest", "complaint_chest_pain", "history_copd"]


def test_a_group_passes_on_its_direction_label_and_phrase(triage):
    features = {feature.name: feature for feature in triage.expand(VOCABULARY)}

    assert features["complaint_cardiac_arrest"].monotone == "increasing"
    assert features["complaint_chest_pain"].monotone == "none"
    assert features["history_copd"].phrase == "history of COPD"


def test_expanding_without_a_seed_is_refused(triage):
    with pytest.raises(KeyError, match="history_groups"):
        triage.expand({"complaint_groups": ()})


def test_every_numeric_phrase_can_be_said(triage):
    for feature in triage.features:
        if feature.phrase and feature.kind == "numeric":
            assert feature.phrase.format(value=1.0, label=feature.label)
            assert feature.usual is not None
            assert feature.usual.format(baseline=1.0, label=feature.label)


def numeric(document):
    return next(feature for feature in document["features"] if feature["name"] == "heart_rate")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d.pop("intended_use"), "intended_use"),
        (lambda d: d.pop("kind"), "kind: None; expected one of classifier, demand, forecast"),
        (lambda d: d.update(kind="oracle"), "kind: 'oracle'"),
        (lambda d: d["population"].pop("minimum_age_years"), "minimum_age_years is missing"),
        (lambda d: d.update(surprise=1), "surprise"),
        (lambda d: d.update(reviewers=[]), "reviewers"),
        (lambda d: d.update(version="1"), "version"),
        (lambda d: numeric(d).pop("unit"), "heart_rate"),
        (lambda d: numeric(d).update(minimum=300), "minimum must lie below"),
        (lambda d: numeric(d).update(levels={"low": 0}), "levels"),
        (lambda d: numeric(d).pop("usual"), "usual"),
        (lambda d: numeric(d).update(phrase="{name} of the patient"), "phrase"),
        (lambda d: numeric(d).pop("reason"), "reason"),
        (lambda d: d["features"].append(numeric(d)), "declared twice"),
        (lambda d: numeric(d).update(name="critical_care"), "cannot be a feature"),
        (lambda d: d["card"].update(outcome="sepsis"), "not one of the outcomes"),
        (lambda d: d["card"].update(shown_again_minutes=0), "shown_again_minutes"),
        (lambda d: d["card"].update(shown_again_minutes=721), "counts as ignored is not shown again"),
        (lambda d: d["left_out"].clear(), "left_out"),
    ],
)
def test_a_declaration_that_breaks_its_shape_is_refused_with_the_field(document, tmp_path, change, fault):
    change(document)

    with pytest.raises(InvalidUseCase, match=fault):
        load_use_case("triage", saved(document, tmp_path))


def test_a_file_that_is_not_yaml_or_declares_another_name_is_refused(document, tmp_path):
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "word.yaml").write_text("triage", encoding="utf-8")
    saved(document, tmp_path, "renamed")

    with pytest.raises(InvalidUseCase, match="not YAML"):
        load_use_case("broken", tmp_path)
    with pytest.raises(InvalidUseCase, match="no mapping"):
        load_use_case("word", tmp_path)
    with pytest.raises(InvalidUseCase, match="expected 'renamed'"):
        load_use_case("renamed", tmp_path)


def test_a_use_case_cannot_be_changed_in_place(triage):
    with pytest.raises(ValueError, match="frozen"):
        triage.intended_use = "anything"
