"""The release manifest and the card layout: shape, binding, schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from serving_homes import CARD, Home, digest_of

import ml.registry
from ml.registry import ManifestError
from ml.registry.card import CardLayout
from ml.registry.layout import read_card
from ml.registry.manifest import SCHEMA, ReleaseManifest, Scope, parse_manifest

SCHEMA_FILE = Path(ml.registry.__file__).parent / "schemas" / "release-1.json"


@pytest.fixture
def fields(home: Home) -> dict[str, Any]:
    return home.fields(home.bundle())


def test_a_manifest_survives_its_own_bytes(fields: dict[str, Any]) -> None:
    manifest = parse_manifest(fields)
    again = parse_manifest(json.loads(manifest.canonical()))
    assert again == manifest
    assert again.digest == manifest.digest


def test_the_json_schema_on_disk_is_that_of_the_model(fields: dict[str, Any]) -> None:
    written = json.loads(SCHEMA_FILE.read_text())
    identity = {"$schema", "$id"}
    assert {key: value for key, value in written.items() if key not in identity} == ReleaseManifest.model_json_schema(
        by_alias=True
    )
    jsonschema_rs.validator_for(written).validate(parse_manifest(fields).to_json())


def test_a_release_from_before_intended_use_was_bound_keeps_its_bytes_and_a_newer_one_has_both(
    fields: dict[str, Any],
) -> None:
    older = parse_manifest(fields)
    assert set(older.to_json()["subject"]) == {"model", "data", "contracts", "policy", "card"}
    both = {"intended_use": digest_of("use"), "features": digest_of("features")}
    newer = parse_manifest({**fields, "subject": {**fields["subject"], **both}})
    assert newer.to_json()["subject"] == {**fields["subject"], **both} and newer.digest != older.digest


@pytest.mark.parametrize("schema", ["pilothouse.release/0", "pilothouse.release/2", None, 1])
def test_another_schema_is_refused_with_a_sentence(fields: dict[str, Any], schema: object) -> None:
    with pytest.raises(ManifestError, match=f"reads '{SCHEMA}' only. Release again"):
        parse_manifest({**fields, "schema": schema})


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ManifestError, match="no JSON object"):
        parse_manifest([])


def test_a_scope_that_is_bound_must_be_the_manifests_own(fields: dict[str, Any]) -> None:
    bound = {**fields["subject"], "scope": Scope.model_validate(fields["scope"]).digest}
    assert parse_manifest({**fields, "subject": bound}).subject.scope == bound["scope"]
    wider = {**fields["scope"], "units": [*fields["scope"]["units"], "ICU"]}
    with pytest.raises(ManifestError, match=r"subject\.scope is not the digest of the scope"):
        parse_manifest({**fields, "subject": bound, "scope": wider})


@pytest.mark.parametrize("part", ["model", "data", "contracts", "policy", "card"])
def test_a_subject_that_names_another_digest_is_refused(fields: dict[str, Any], part: str) -> None:
    subject = {**fields["subject"], part: digest_of("another")}
    with pytest.raises(ManifestError, match=f"subject.{part} is not the digest"):
        parse_manifest({**fields, "subject": subject})


def test_a_model_digest_that_is_not_of_its_files_is_refused(fields: dict[str, Any]) -> None:
    model = {**fields["model"], "files": {**fields["model"]["files"], "more.json": digest_of("more")}}
    with pytest.raises(ManifestError, match=r"model.digest is not the digest of model.files"):
        parse_manifest({**fields, "model": model})


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a\\b", "a b"])
def test_a_file_name_that_could_leave_the_folder_is_refused(fields: dict[str, Any], name: str) -> None:
    model = {**fields["model"], "files": {name: digest_of("x")}}
    with pytest.raises(ManifestError, match=r"breaks its schema at model\.files"):
        parse_manifest({**fields, "model": model})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("stage", "live"),
        ("created_at", "2026-03-01T00:00:00"),
        ("site", "../city"),
        ("unknown", 1),
        ("contracts", {}),
        ("fallback", {"fail": "open", "tiers": ["rule", "model"]}),
        ("fallback", {"fail": "open", "tiers": []}),
        ("fallback", {"fail": "maybe", "tiers": ["model"]}),
        ("previous", "abc"),
    ],
)
def test_a_broken_member_is_refused_by_name_and_without_its_value(
    fields: dict[str, Any], member: str, value: object
) -> None:
    with pytest.raises(ManifestError, match=f"breaks its schema at {member}"):
        parse_manifest({**fields, member: value})


def test_bands_hold_their_lower_bound() -> None:
    card = CardLayout.model_validate(CARD)
    named = {p: card.band_of(p) for p in (0.0, 0.0499, 0.05, 0.0999, 0.1, 1.0)}
    assert named == {0.0: "low", 0.0499: "low", 0.05: "raised", 0.0999: "raised", 0.1: "high", 1.0: "high"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warning_threshold": 0.05}, "must not be below display_threshold"),
        ({"bands": [{"name": "a", "below": 0.2}, {"name": "b", "below": 0.1}, {"name": "c"}]}, "bands must rise"),
        ({"bands": [{"name": "a"}, {"name": "b"}]}, "bands must rise"),
        ({"bands": [{"name": "a", "below": 0.2}]}, "bands must rise"),
        ({"display_threshold": 0.0}, "display_threshold"),
        ({"override_reasons": []}, "override_reasons"),
        ({"schema": "pilothouse.card/2"}, "has another schema"),
        ({"more": 1}, "more"),
    ],
)
def test_a_card_layout_that_breaks_a_rule_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump({**CARD, **change}))
    with pytest.raises(ManifestError, match=message):
        read_card(path)


@pytest.mark.parametrize(
    "content", ["{", "- a", "a: !!python/object:os.system x", "", "[" * 5000], ids=lambda text: text[:8]
)
def test_a_card_that_is_no_plain_yaml_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.yaml").write_text(content)
    with pytest.raises(ManifestError, match=r"card.yaml"):
        read_card(tmp_path / "card.yaml")


def test_a_card_with_what_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(yaml.safe_dump({**CARD, "display_threshold": 0.1}) + "\n? 2026-01-01\n: x\n")
    with pytest.raises(ManifestError):
        read_card(tmp_path / "card.yaml")
