"""The real HL7 v2 messages, as published: every one accounted for by a count that shares no code with the reader."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def station():
    spec = importlib.util.spec_from_file_location("hl7_station", Path(__file__).parent / "hl7_station.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def messages(shared_data: Path) -> Path:
    return shared_data / "hl7v2_simhospital" / "messages.out"


@pytest.fixture(scope="module")
def landed(station, messages: Path, tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("home")
    return home, station.land_messages(home, messages)


def query(home: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        return db.execute(
            re.sub(r"hl7v2_\w+", lambda t: f"read_parquet('{home}/lake/{t[0]}/*/*/*.parquet')", sql)
        ).fetchall()


def test_every_message_is_landed_by_its_type(landed, messages: Path) -> None:
    home, (receipt,) = landed
    lines = re.split(rb"[\r\n]+", messages.read_bytes())
    kinds = Counter(line.split(b"|")[8].decode() for line in lines if line.startswith(b"MSH|"))
    assert kinds == {"ORU^R01": 610, "ADT^A01": 400, "MDM^T02": 2, "ADT^A34": 1}
    assert (receipt.received, receipt.landed, receipt.quarantined) == (1013, 1013, 0)
    found = query(
        home,
        """select 'ADT^' || event_code, count(*) from hl7v2_adt group by all
        union all select 'ORU^' || event_code, count(*) from hl7v2_oru group by all
        union all select type_code || '^' || event_code, count(*) from hl7v2_message group by all""",
    )
    assert dict(found) == dict(kinds)


def test_every_observation_of_a_result_is_landed_with_its_value_and_its_order(landed, messages: Path) -> None:
    home, _ = landed
    numbers, flags, kinds, orders = [], Counter(), Counter(), Counter()
    kind = order = b""
    for line in re.split(rb"[\r\n]+", messages.read_bytes()):
        fields = line.split(b"|")
        if fields[0] == b"MSH":
            kind = fields[8]
        elif fields[0] == b"OBR":
            order = fields[4].split(b"^")[0]
        elif fields[0] == b"OBX" and kind == b"ORU^R01":
            kinds[fields[2].decode() or None] += 1
            flags[fields[8].decode() or None] += 1
            orders[order.decode() or None] += 1
            if fields[5] and (fields[2] == b"NM" or (not fields[2] and fields[6])):
                numbers.append((fields[5][:1] in b"<>", float(fields[5].lstrip(b"<>"))))
    results = "(select unnest(results) as r from hl7v2_oru)"
    assert dict(query(home, f"select r.value_type, count(*) from {results} group by all")) == kinds
    assert dict(query(home, f"select r.abnormal_code, count(*) from {results} group by all")) == flags
    assert dict(query(home, f"select r.order_code, count(*) from {results} group by all")) == orders
    landed_numbers = (
        f"select r.value_comparator is not null, r.value_number from {results} where r.value_number is not null"
    )
    assert sorted(query(home, landed_numbers)) == sorted(numbers)
    assert query(home, f"select count(*) from {results} where r.patient_key is null or r.observed_at is null") == [(0,)]


def test_the_merge_names_the_record_that_ends_and_the_one_that_stays(landed, station, messages: Path) -> None:
    from ml.features.pseudonym import pseudonym

    home, _ = landed
    ((prior, kept, patient),) = query(
        home,
        "select m.prior_patient_key, m.patient_key, patient_key from (select *, merges[1] as m from hl7v2_adt)"
        " where event_code = 'A34'",
    )
    (mrg,) = [line for line in re.split(rb"[\r\n]+", messages.read_bytes()) if line.startswith(b"MRG|")]
    number = mrg.split(b"|")[1].split(b"^")[0].decode()
    assert prior == pseudonym(station.KEY, "SIMULATOR MRN", number)
    assert kept == patient
    assert query(home, f"select count(*) > 0 from hl7v2_adt where patient_key = '{prior}'") == [(True,)]


def test_no_identifier_and_no_text_leaves_the_landing_zone(landed, messages: Path) -> None:
    home, _ = landed
    secrets: set[bytes] = set()
    for line in re.split(rb"[\r\n]+", messages.read_bytes()):
        fields = line.split(b"|")
        if fields[0] == b"PID":
            name, street = fields[5].split(b"^"), fields[11].split(b"^")
            secrets |= {name[0], street[0], street[4], fields[13].split(b"^")[0]}
            secrets |= {repetition.split(b"^")[0] for repetition in fields[3].split(b"~")}
        elif fields[0] == b"NTE":
            secrets.add(fields[3])
        elif fields[0] == b"OBX" and fields[2] in (b"TX", b"FT"):
            secrets.add(fields[5])
    long_enough = {s for s in secrets if len(s) > 6}
    assert len(long_enough) > 2000
    with duckdb.connect() as db:
        for path in home.glob("lake/*/*/*/*.parquet"):
            text = "\n".join(
                str(row) for row in db.execute(f"select columns(*)::varchar from '{path}'").fetchall()
            ).encode()
            assert not [s for s in long_enough if s in text]


def test_a_second_time_every_message_is_a_duplicate_whatever_parts_them(
    landed, station, messages: Path, tmp_path: Path
) -> None:
    home, _ = landed
    again = [m.strip() for m in messages.read_bytes().split(b"\n\n") if m.strip()]
    framed = tmp_path / "framed.hl7"
    framed.write_bytes(b"".join(b"\x0b" + m + b"\r\x1c\r" for m in again))
    batch = tmp_path / "batch.hl7"
    lines = b"\r\n".join(m.replace(b"\r", b"\r\n") for m in again)
    batch.write_bytes(b"FHS|^~\\&\r\nBHS|^~\\&\r\n" + lines + b"\r\nBTS|1013\r\nFTS|1\r\n")
    receipts = station.land_messages(home, framed, batch)
    assert [(r.received, r.duplicate) for r in receipts] == [(1013, 1013)] * 2
