"""A batch of tables that have the same columns: put under each other and settled by object.

What does not belong here: reading tables (tabular.py), fates and writing.
"""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from orchestration.contracts import ContractObject, sql
from orchestration.contracts.compiler import compile_tabular
from orchestration.contracts.table_reading import cells
from orchestration.feeds.batches import FILE_NO, Batch
from orchestration.feeds.keys import Keys
from orchestration.feeds.outcome import Outcome, Prepared, Reject
from orchestration.feeds.relation import table_from
from orchestration.feeds.tabular import ROW, Table


def land_tabular(
    db: duckdb.DuckDBPyConnection, prepared: Sequence[Prepared], tables: Sequence[Table], index: Keys
) -> list[Outcome]:
    """Settle a batch of tables of one contract that have the same columns."""
    batch = Batch.of(db, prepared, index)
    for file, tally, table in zip(prepared, batch.tallies, tables, strict=True):
        asked = file.arrival.lines
        bad = [(line, p) for line, p in table.rejects if asked is None or line in asked]
        tally.add("duplicate", len(table.rejects) - len(bad))
        tally.rejects.extend(Reject(line, p.clause, p.reason) for line, p in bad)
    data = [t.data.append_column(FILE_NO, pa.array([n] * t.data.num_rows, pa.int32())) for n, t in enumerate(tables)]
    columns = {name.lower(): name for name in tables[0].data.column_names}
    table_from(db, "came", pa.concat_tables(data, promote_options="permissive"))
    for item in batch.contract.objects:
        compiled = compile_tabular(item, columns, prepared[0].arrival.name)
        batch.add(item, compiled, tabular_source(item, columns))
    return batch.outcomes()


def tabular_source(item: ContractObject, columns: Mapping[str, str]) -> str:
    """Return a relation over `came` that an object can be compiled over."""
    said = {name: cell for p in item.properties for name, cell in cells(p, columns).items()}
    members = ", ".join(f"{sql.text(name)}: {said[name]}" for name in sorted(said))
    content = f"content_of(cast(to_json({{{members}}}) as varchar))"
    return f"(select *, {ROW} as _line, {content} as _content, false as _is_deleted from came)"
