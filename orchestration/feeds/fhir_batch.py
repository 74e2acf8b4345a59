"""A batch of FHIR files: staged, settled by object, every line and entry accounted for.

What does not belong here: cutting files into records (fhir.py, bundles.py), fates and writing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.contracts import Contract, ContractObject, Reader, sql
from orchestration.contracts.compiler import Compiled, compile_fhir
from orchestration.feeds import fhir, problems
from orchestration.feeds.batches import Batch, Judged, Tally, as_text
from orchestration.feeds.bundles import count_records
from orchestration.feeds.errors import FeedError
from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.framing import is_cut_off
from orchestration.feeds.keys import Keys
from orchestration.feeds.limits import Limits
from orchestration.feeds.outcome import Outcome, Prepared, Reject, whole
from orchestration.feeds.problems import REASONS, REPEATED, WHOLE, Problem
from orchestration.feeds.relation import rows
from orchestration.feeds.repeats import naming, told


def land_fhir(
    db: duckdb.DuckDBPyConnection,
    prepared: Sequence[Prepared],
    files: Sequence[FhirFile],
    contents: Sequence[bytes],
    index: Keys,
    limits: Limits,
) -> list[Outcome]:
    """Settle a batch of FHIR files of one contract."""
    batch = Batch.of(db, prepared, index)
    fhir.stage(db, list(files), batch.contract, limits)
    judged = judge_staged(batch, files, limits)
    settle_judged(batch, judged)
    wholes = {
        n: problem
        for n, content in enumerate(contents)
        if n not in judged.readable
        and prepared[n].arrival.lines is None
        and (problem := whole_file(batch.tallies[n], content, lambda c=content: is_cut_off(c)))
    }
    outcomes = batch.outcomes()
    return [whole(prepared[n], wholes[n]) if n in wholes else outcome for n, outcome in enumerate(outcomes)]


@dataclass(frozen=True)
class JudgedFiles:
    """Staged files, judged: their records by object, how many came of each, and which hold more than lines that no
    contract needs to see."""

    objects: Sequence[Judged]
    expected: Sequence[int]
    readable: set[int]


def judge_staged(batch: Batch, files: Sequence[FhirFile], limits: Limits) -> JudgedFiles:
    """Judge what was staged by the contract alone."""
    expected = _expected(batch.db, files, limits)
    came = rows(batch.db, "select distinct _file_no, _type, _problem is null from judged_record")
    readable = {int(str(n)) for n, _, is_sound in came if is_sound}
    if not all(is_sound for *_, is_sound in came):
        readable |= _reject_problems(batch)
    _reject_bad_lines(batch, files)
    types = sorted({str(t) for _, t, is_sound in came if is_sound})
    judged = [
        batch.judge(item, _compiled(batch, item, of_type), _records_of(of_type))
        for item, of_type in objects_of(batch.contract, types)
    ]
    return JudgedFiles(judged, expected, readable)


def _compiled(batch: Batch, item: ContractObject, types: Sequence[str]) -> Compiled:
    if batch.contract.reader is not Reader.FHIR:
        return compile_fhir(item)
    return compile_fhir(item, is_foreign=True, naming=naming(batch.db, item, types))


def _records_of(types: Sequence[str]) -> str:
    listed = ", ".join(sql.text(t) for t in types)
    return f"(select * from judged_record where _problem is null and _type in ({listed}))"


def settle_judged(batch: Batch, judged: JudgedFiles) -> None:
    """Settle what was judged. Raises `FeedError` where a record that came is not accounted for."""
    for one in judged.objects:
        batch.settle(one)
    for prepared, tally, came in zip(batch.files, batch.tallies, judged.expected, strict=True):
        if tally.received != came:
            raise FeedError(
                f"{prepared.arrival.sha256[:12]}: {came} records came and {tally.received} are "
                "accounted for. Nothing was written; this is a defect of landing, please report it."
            )


def objects_of(contract: Contract, types: Sequence[str]) -> list[tuple[ContractObject, list[str]]]:
    """Return the objects of a contract that take some types, each with its types."""
    grouped: dict[str, list[str]] = {}
    for resource_type in types:
        grouped.setdefault(contract.object_for(resource_type).name, []).append(resource_type)
    return [(item, grouped[item.name]) for item in contract.objects if item.name in grouped]


def _expected(db: duckdb.DuckDBPyConnection, files: Sequence[FhirFile], limits: Limits) -> list[int]:
    """Count what came apart from what is settled: lines, and instead of a bundle its entries (an empty one is 1)."""
    has_others = "_type = 'Bundle' and strlen(doc) - strlen(replace(doc, 'Bundle', '')) > strlen('Bundle')"
    query = f"""select _file_no, sum(case when _problem is not null then 1
        when _type is distinct from 'Bundle' then 1 when {has_others} then 0
        else greatest(coalesce(json_array_length(doc, '$.entry'), 0), 1) end) from head group by _file_no"""
    counted = {int(str(n)): int(str(count)) for n, count in rows(db, query)}
    for file_no, doc in rows(db, f"select _file_no, doc from head where _problem is null and {has_others}"):
        counted[int(str(file_no))] += count_records(str(doc), limits)
    return [counted.get(n, 0) + len(f.lines.bad) for n, f in enumerate(files)]


def _reject_problems(batch: Batch) -> set[int]:
    """Add records that no contract needs to see; return the files of which such a one is an entry that holds one."""
    query = f"""select _file_no, _line, _problem, _content, _is_entry, _type,
        case when _problem = '{REPEATED.clause}' then doc end from judged_record where _problem is not null"""
    entries: set[int] = set()
    for file_no, line, clause, content, is_entry, of_type, doc in rows(batch.db, query):
        n = int(str(file_no))
        if _was_taken(batch.files[n], int(str(line))):
            batch.tallies[n].add("duplicate")
            continue
        reason = REASONS[str(clause)] if doc is None else told(str(doc), batch.contract)
        reason += _asked_of(str(clause), str(of_type), batch.contract)
        reject = Reject(int(str(line)), str(clause), reason, None, as_text(content))
        batch.tallies[n].rejects.append(reject)
        if is_entry and clause != problems.EMPTY_BUNDLE.clause:
            entries.add(n)
    return entries


def _reject_bad_lines(batch: Batch, files: Sequence[FhirFile]) -> None:
    """Add lines that are no text that may be read."""
    for n, file in enumerate(files):
        bad = [(line, p) for line, p in file.lines.bad if not _was_taken(batch.files[n], line)]
        batch.tallies[n].add("duplicate", len(file.lines.bad) - len(bad))
        batch.tallies[n].rejects.extend(Reject(line, p.clause, p.reason) for line, p in bad)


def _asked_of(clause: str, of_type: str, contract: Contract) -> str:
    """Return which type of resources a request is about that cannot be applied, where the contract knows the type."""
    is_told = clause in problems.REQUESTS and of_type in fhir.resource_types(contract)
    return f" It is about a resource of type {of_type}." if is_told else ""


def _was_taken(file: Prepared, line: int) -> bool:
    """Whether a replayed file holds a record that is not asked for: taken before, or blanked by an erasure since."""
    return file.arrival.lines is not None and line not in file.arrival.lines


def whole_file(tally: Tally, content: bytes, is_cut_off: Callable[[], bool]) -> Problem | None:
    """Return what a file is called of which no line is readable, where that is one thing for all of them."""
    clauses = {reject.clause for reject in tally.rejects}
    if len(clauses) != 1:
        return None
    clause = clauses.pop()
    if clause == problems.EMPTY_BUNDLE.clause:
        return problems.EMPTY_BUNDLE if len(tally.rejects) == 1 else None
    return fhir.whole_problem(content, clause, is_cut_off=is_cut_off()) if clause in WHOLE else None
