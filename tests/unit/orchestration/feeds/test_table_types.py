"""Tables of one feed that come in formats with other types are settled one after the other, and agree."""

import io

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

CENSUS = b"unit_code,at,occupied,staffed_beds,closed_beds\nICU,2026-02-01T06:00:00Z,3,12,0\n"


def test_the_same_rows_as_csv_and_as_parquet_are_duplicates_of_each_other(zone) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pyarrow.csv.read_csv(io.BytesIO(CENSUS)), sink)
    receipts = zone.land({"a.csv": CENSUS, "b.parquet": sink.getvalue().to_pybytes(), "c.csv": CENSUS + b"\n"})
    assert [receipt.received for receipt in receipts] == [1, 1, 1]
    assert receipts[0].landed == 1
    assert sum(receipt.quarantined for receipt in receipts) == 0
