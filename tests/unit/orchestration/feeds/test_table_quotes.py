"""Quotes in text tables: every line sent is landed or quarantined, wherever a quote stands."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.feeds.limits import Limits
from orchestration.feeds.quoting import QUOTED_LINES, Quoting
from orchestration.feeds.sniff import Header
from orchestration.feeds.tabular import Table, _read_csv  # pyright: ignore[reportPrivateUsage]
from tests.unit.orchestration.feeds.conftest import Zone

HEAD = "appointment_id,mrn,clinic_code,starts_at,ends_at,booked_at,status,updated_at,comment"
TIMES = "2026-02-01T09:00:00-04:00,2026-02-01T09:30:00-04:00,2026-01-01T09:00:00-05:00,booked,2026-01-01T09:00:00-05:00"


def appointments(*comments: str) -> bytes:
    return "\n".join([HEAD, *(f"A{n},M1,CARD,{TIMES},{c}" for n, c in enumerate(comments, start=1))]).encode()


@pytest.mark.parametrize(
    ("comments", "landed", "stray"),
    [
        (["is 6'2\" tall", "is 5'4\" tall", "ok"], 1, 2),
        (["ok", "6'2\" tall", "ok", "ok", "5'4\" tall", "ok"], 4, 2),
        (["6'2\" tall", "ok", "ok", '"said wait', "ok", "ok"], 4, 2),
        (["6'2\" tall", '"two\nlines"', '"x', "ok"], 2, 2),
        (["from 5'4\" to 5'6\""], 0, 1),
        (['"a" b', '"said ""wait"""', 'b "a"', '""', '"x,y"'], 3, 2),
        (['"opens', '"is well"'], 1, 1),
        (['"one\r\ntwo\n\nfour"', "ok"], 2, 0),
    ],
)
def test_a_row_with_a_stray_quote_is_quarantined_and_takes_no_other_with_it(zone, comments, landed, stray) -> None:
    receipt = zone.one("appointments.csv", appointments(*comments))
    assert (receipt.received, receipt.landed) == (len(comments), landed)
    assert dict(receipt.reasons) == ({"row.quotes": stray} if stray else {})


def test_a_quote_that_nothing_closes_costs_its_own_line(zone) -> None:
    receipt = zone.one("appointments.csv", appointments('"open', *["ok"] * (QUOTED_LINES + 5)))
    assert (receipt.received, receipt.landed) == (QUOTED_LINES + 6, QUOTED_LINES + 5)


# -- against an oracle that reads one character after the other

CELLS = st.one_of(
    st.text("ab'1 ", max_size=4),
    st.text('ab"\n, ', max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.text('a" ', max_size=4),
    st.sampled_from(['"a', 'a"', '"a"b', ' "a"', '""', '"']),
)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), min_size=1, max_size=8)


def end_of_record(text: str, start: int) -> int | None:
    """Return where the well-formed record ends that starts there; null where RFC 4180 allows none."""
    state, at = "start", start
    while at < len(text):
        character = text[at]
        if state == "quoted":
            state = "closed?" if character == '"' else "quoted"
        elif state == "closed?" and character == '"':
            state = "quoted"
        elif character == "\n":
            return at
        elif character == ",":
            state = "start"
        elif state == "start" and character == '"':
            state = "quoted"
        elif character == '"' or state == "closed?":
            if not (character == "\r" and text[at + 1 : at + 2] in ("\n", "")):
                return None
        else:
            state = "plain"
        at += 1
    return None if state == "quoted" else at


def oracle(text: str) -> list[str | None]:
    """Return the records of a text that are not blank: their text, null for a line that breaks the rule."""
    found: list[str | None] = []
    at = 0
    while at < len(text):
        end = end_of_record(text, at)
        line = text.find("\n", at) if end is None else end
        line = len(text) if line < 0 else line
        if text[at:line].strip():
            found.append(None if end is None else text[at:line])
        at = line + 1
    return found


@settings(max_examples=300, deadline=None)
@given(records=TABLES, ending=st.sampled_from(["\n", "\r\n"]))
def test_records_are_those_of_a_state_machine_over_characters(records: list[str], ending: str) -> None:
    text = ending.join(["a,b", *records])
    read = _read_csv(text.encode(), Header(",", ("a", "b")), {"a", "b"}, Limits())
    expected = oracle(text)[1:]
    broken = [n for n, record in enumerate(expected, start=1) if record is None]
    if isinstance(read, Table):
        assert read.data.num_rows + len(read.rejects) == len(expected)
        assert [n for n, problem in read.rejects if problem.clause == "row.quotes"] == broken
    else:
        assert expected == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    comments=st.lists(CELLS.filter(lambda cell: "," not in cell or cell.startswith('"')), min_size=1, max_size=6),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_received_is_landed_or_quarantined(comments: list[str], ending: str) -> None:
    content = appointments(*comments).replace(b"\n", ending.encode())
    expected = oracle(content.decode())[1:]
    with TemporaryDirectory() as folder:
        receipt = Zone(Path(folder)).one("appointments.csv", content)
    assert receipt.received == len(expected)
    assert receipt.received == receipt.landed + receipt.duplicate + receipt.superseded + receipt.quarantined
    assert receipt.reasons.get("row.quotes", 0) == sum(1 for record in expected if record is None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_the_delimiter_decides_where_a_quote_may_open(delimiter: str) -> None:
    quoting = Quoting.of(delimiter)
    lines = [f'a{delimiter}"b'.encode(), f'c"{delimiter}d'.encode(), b'a#"b"']
    assert (quoting.record_length(lines, 0), quoting.record_length(lines, 1), quoting.record_length(lines, 2)) == (
        2,
        0,
        0,
    )
