import hashlib
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features import ColumnMissing, ColumnUnknown, SnapshotRefused, ValueUnreadable
from ml.features.encoding import Encoder, encoded
from ml.features.mart import design_matrix, read_snapshot, refuse_undeclared_groups
from ml.features.vocabulary import COLUMNS, Vocabulary
from ml.usecases import load_use_case

USE_CASE = load_use_case("triage")
FEATURES = {feature.name: feature for feature in USE_CASE.features}
HEART_RATE, SEX, AMBULANCE = FEATURES["heart_rate"], FEATURES["sex"], FEATURES["arrived_by_ambulance"]
COMPLAINTS = pa.Table.from_pylist(
    [
        {"group": "cough", "kind": "term", "system": None, "pattern": "cough"},
        {"group": "cough", "kind": "code", "system": "NHAMCS-RFV", "pattern": "1440"},
    ]
)
HISTORIES = pa.Table.from_pylist([{"group": "copd", "system": "ICD-10-CM", "pattern": "J44"}])
VOCABULARY = Vocabulary.from_tables(COMPLAINTS, HISTORIES)


def column(feature, values, kind=None):
    return design_matrix(pa.table({feature.name: pa.array(values, kind)}), (feature,))[:, 0]


def same(left, right) -> bool:
    return bool(np.array_equal(np.asarray(left, float), np.asarray(right, float), equal_nan=True))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([80, None, 0], pa.int32()),
        ([80, None, 0], pa.int64()),
        ([80.0, None, 0.0], pa.float64()),
        ([80.0, None, 0.0], pa.float32()),
        ([Decimal(80), None, Decimal(0)], pa.decimal128(10, 2)),
    ],
)
def test_a_number_of_any_type_is_read_and_an_implausible_or_missing_one_is_nan(values, kind):
    assert same(column(HEART_RATE, values, kind), [80, np.nan, np.nan])


def test_booleans_are_0_and_1_and_missing_stays_missing():
    assert same(column(AMBULANCE, [True, False, None]), [1, 0, np.nan])


def test_a_level_is_its_number_and_an_undeclared_one_is_missing():
    assert same(column(SEX, ["female", "male", None, "other"]), [1, 0, np.nan, np.nan])
    assert same(column(SEX, ["female", None], pa.large_string()), [1, np.nan])


def test_a_column_that_is_all_null_is_all_missing():
    assert same(column(HEART_RATE, [None, None], pa.null()), [np.nan, np.nan])


def test_a_column_of_another_type_is_refused_by_name():
    with pytest.raises(ValueUnreadable, match="heart_rate"):
        column(HEART_RATE, ["80"])


def test_a_missing_column_is_refused_by_name():
    with pytest.raises(ColumnMissing, match="heart_rate"):
        design_matrix(pa.table({"pulse": [80]}), (HEART_RATE,))


@given(st.lists(st.none() | st.floats(allow_nan=False, width=64), min_size=1, max_size=20))
def test_a_row_and_a_column_follow_one_rule_for_numbers(values):
    encoder = Encoder((HEART_RATE,))
    rows = [encoder.row({"heart_rate": value})[0, 0] for value in values]

    assert same(column(HEART_RATE, values, pa.float64()), rows)


@given(st.lists(st.sampled_from(["female", "male", "other", "", None]), min_size=1, max_size=10))
def test_a_row_and_a_column_follow_one_rule_for_levels(values):
    encoder = Encoder((SEX,))

    assert same(column(SEX, values, pa.string()), [encoder.row({"sex": value})[0, 0] for value in values])


def test_a_level_may_come_encoded_but_only_as_one_of_the_declared_numbers():
    assert encoded(SEX, 1) == 1.0
    with pytest.raises(ValueUnreadable, match="sex"):
        encoded(SEX, 7)


def mart_of(*names: str) -> pa.Table:
    return pa.table({name: [True] for name in names})


def test_grouped_columns_must_be_those_of_the_vocabulary():
    refuse_undeclared_groups(mart_of("complaint_cough", "history_copd", "history_count"), USE_CASE, VOCABULARY)

    with pytest.raises(ColumnUnknown, match="complaint_fever"):
        refuse_undeclared_groups(mart_of("complaint_cough", "history_copd", "complaint_fever"), USE_CASE, VOCABULARY)
    with pytest.raises(ColumnMissing, match="history_copd"):
        refuse_undeclared_groups(mart_of("complaint_cough"), USE_CASE, VOCABULARY)


def test_a_vocabulary_survives_json_and_does_not_depend_on_the_order_of_its_rows():
    again = Vocabulary.from_json(json.loads(json.dumps(VOCABULARY.to_json())))
    turned = Vocabulary.from_tables(COMPLAINTS.take([1, 0]), HISTORIES)

    assert again == VOCABULARY == turned
    assert VOCABULARY.groups() == {"complaint_groups": ("cough",), "history_groups": ("copd",)}


@pytest.mark.parametrize(
    "document",
    [None, {}, {"schema": "pilothouse.vocabulary/1"}, {"schema": "pilothouse.vocabulary/1", "complaint_groups": [1]}],
)
def test_a_document_that_is_no_vocabulary_is_refused(document):
    with pytest.raises(ValueUnreadable):
        Vocabulary.from_json(document)


def test_a_seed_without_its_columns_is_refused():
    with pytest.raises(ColumnMissing, match="pattern"):
        Vocabulary.from_tables(COMPLAINTS.drop_columns(["pattern"]), HISTORIES)


@pytest.fixture
def snapshots(tmp_path):
    folder = tmp_path / "abc"
    folder.mkdir()
    entries = {}
    for name, table in {
        "triage_mart": mart_of("is_injury"),
        "complaint_groups": COMPLAINTS,
        "history_groups": HISTORIES,
    }.items():
        pq.write_table(table, folder / f"{name}.parquet")
        digest = hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest()
        entries[name] = {"file": f"abc/{name}.parquet", "sha256": digest, "rows": table.num_rows}
    pointer = {"digest": "abc", "as_of": "2026-06-01T00:00:00+00:00", "tables": entries}
    (tmp_path / "current.json").write_text(json.dumps(pointer))
    return tmp_path


def test_a_snapshot_is_read_with_its_vocabulary_and_digests(snapshots):
    snapshot = read_snapshot(snapshots, USE_CASE)

    assert (snapshot.digest, snapshot.mart.num_rows, snapshot.vocabulary) == ("abc", 1, VOCABULARY)
    assert set(snapshot.files) == {"triage_mart", *COLUMNS}


def test_a_snapshot_with_one_changed_byte_is_refused(snapshots):
    path = snapshots / "abc" / "history_groups.parquet"
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotRefused, match="history_groups"):
        read_snapshot(snapshots, USE_CASE)


def test_a_snapshot_without_a_file_a_table_or_a_pointer_is_refused(snapshots):
    with pytest.raises(SnapshotRefused, match="appointments_mart"):
        read_snapshot(snapshots, load_use_case("appointments"))
    (snapshots / "abc" / "triage_mart.parquet").unlink()
    with pytest.raises(SnapshotRefused, match="triage_mart"):
        read_snapshot(snapshots, USE_CASE)
    (snapshots / "current.json").write_text("{}")
    with pytest.raises(SnapshotRefused, match="lacks"):
        read_snapshot(snapshots, USE_CASE)
    (snapshots / "current.json").write_text("{")
    with pytest.raises(SnapshotRefused, match="not JSON"):
        read_snapshot(snapshots, USE_CASE)
    (snapshots / "current.json").unlink()
    with pytest.raises(SnapshotRefused, match="no snapshot yet"):
        read_snapshot(snapshots, USE_CASE)
