import json
from pathlib import Path

import pytest

from ml.training import BundleRefused
from ml.training.bundle import MAX_FILE_BYTES, bundle_digest, bundle_files, load_bundle, model_digest, write_bundle

FILES = ["bundle.json", "vocabulary.json", "critical_care.lgb.txt", "admission.lgb.txt", "reduced_admission.lgb.txt"]


@pytest.fixture
def folder(candidate, tmp_path) -> Path:
    write_bundle(candidate.model, tmp_path / "model")
    return tmp_path / "model"


def edited(folder: Path, change) -> Path:
    document = json.loads((folder / "bundle.json").read_bytes())
    change(document)
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


def test_a_model_comes_back_from_its_folder_with_the_same_digest_and_scores(candidate, folder, mart):
    loaded = load_bundle(folder, candidate.digest)

    assert model_digest(loaded) == bundle_digest(folder) == candidate.digest
    before, after = candidate.model.predict(mart), loaded.predict(mart)
    assert all((before[name] == after[name]).all() for name in before)
    assert loaded.vocabulary == candidate.model.vocabulary
    assert loaded.features == candidate.model.features


def test_the_files_are_text_and_hold_no_row(candidate, folder):
    assert {path.name for path in folder.iterdir()} == {
        "bundle.json",
        "vocabulary.json",
        "critical_care.lgb.txt",
        "admission.lgb.txt",
        "reduced_critical_care.lgb.txt",
        "reduced_admission.lgb.txt",
    }
    for path in folder.iterdir():
        path.read_text(encoding="utf-8")
    assert b"visit_key" not in (folder / "bundle.json").read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_in_any_file_is_refused(candidate, folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(BundleRefused):
        load_bundle(folder, candidate.digest)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_even_without_a_digest(folder, name):
    (folder / name).unlink()

    with pytest.raises(BundleRefused):
        load_bundle(folder)


def test_a_file_that_was_added_is_refused(folder):
    (folder / "extra.json").write_text("{}")

    with pytest.raises(BundleRefused, match="extra"):
        load_bundle(folder)


def test_a_pickle_has_no_place_in_a_model_folder(folder):
    (folder / "model.pkl").write_bytes(b"\x80\x04.")

    with pytest.raises(BundleRefused, match=r"model\.pkl"):
        load_bundle(folder)


def test_a_link_is_refused(folder, tmp_path):
    (folder / "admission.lgb.txt").rename(tmp_path / "elsewhere.txt")
    (folder / "admission.lgb.txt").symlink_to(tmp_path / "elsewhere.txt")

    with pytest.raises(BundleRefused, match="admission"):
        load_bundle(folder)


def test_a_file_above_the_bound_is_refused_before_it_is_read(folder):
    with (folder / "admission.lgb.txt").open("r+b") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    with pytest.raises(BundleRefused, match="larger"):
        load_bundle(folder)


def test_a_booster_that_was_cut_short_is_refused(folder):
    path = folder / "critical_care.lgb.txt"
    path.write_text(path.read_text()[:5000])

    with pytest.raises(BundleRefused, match="cut short"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(schema="pilothouse.model/2"),
        lambda document: document.pop("seed"),
        lambda document: document["features"].reverse(),
        lambda document: (document["features"].pop(), document["declaration"].pop()),
        lambda document: document["outcomes"].pop("admission"),
        lambda document: document["outcomes"]["admission"].update(file="../admission.lgb.txt"),
        lambda document: document["outcomes"]["admission"].update(file="critical_care.lgb.txt"),
        lambda document: document["outcomes"]["admission"].update(trees=3),
        lambda document: document["outcomes"]["admission"].update(calibration={"kind": "platt"}),
        lambda document: document["declaration"][0].update(minimum="low"),
        lambda document: document.update(baselines=[1, 2]),
        lambda document: document.update(outcomes={}),
    ],
)
def test_a_bundle_that_contradicts_itself_is_refused(folder, change):
    with pytest.raises(BundleRefused):
        load_bundle(edited(folder, change))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_bundle_that_is_not_a_json_object_is_refused(folder, content):
    (folder / "bundle.json").write_bytes(content)

    with pytest.raises(BundleRefused):
        load_bundle(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BundleRefused, match="no model folder"):
        load_bundle(tmp_path / "nowhere")


def test_a_bundle_is_written_once(candidate, folder):
    with pytest.raises(BundleRefused, match="not empty"):
        write_bundle(candidate.model, folder)


def test_equal_models_give_equal_bytes(candidate, folder):
    assert bundle_files(load_bundle(folder)) == bundle_files(candidate.model)


def test_the_reduced_model_comes_back_with_the_full_one(candidate, folder, mart):
    loaded = load_bundle(folder, candidate.digest)

    assert loaded.reduced is not None and candidate.model.reduced is not None
    assert loaded.reduced.features == candidate.model.reduced.features
    before, after = candidate.model.reduced.predict(mart), loaded.reduced.predict(mart)
    assert all((before[name] == after[name]).all() for name in before)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["reduced"]["features"].append("oxygen_saturation"),
        lambda document: document["reduced"]["features"].reverse(),
        lambda document: document["reduced"].update(outcomes={}),
        lambda document: document["reduced"].update(more=1),
        lambda document: document["reduced"]["outcomes"]["admission"].update(file="admission.lgb.txt"),
        lambda document: document.pop("reduced"),
    ],
)
def test_a_reduced_model_that_is_not_what_its_bundle_says_is_refused(folder, change):
    with pytest.raises(BundleRefused):
        load_bundle(edited(folder, change))
