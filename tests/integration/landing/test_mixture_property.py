"""Receipts add up over any mixture of records, files and drops; an oracle that knows no SQL says to what."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.feeds import Drop, Limits, land_drops

KEY = b"k" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FATES = ("landed", "duplicate", "superseded", "deleted", "quarantined")
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BEDS = ("unit_code", "at", "occupied", "staffed_beds", "closed_beds")


@dataclass(frozen=True)
class Said:
    """One record of a feed: of which key, what it says (null deletes), when its version was made, whether it is bad."""

    feed: str
    key: int
    says: int | None
    version: int | None = None
    is_bad: bool = False


def records(feed: str, *, versions: bool, deletions: bool) -> st.SearchStrategy[Said]:
    says = st.none() | st.integers(0, 2) if deletions else st.integers(0, 2)
    at = st.none() | st.integers(1, 5) if versions else st.none()
    bad = st.integers(0, 5).map(lambda n: n == 0)
    return st.builds(
        lambda key, what, when, is_bad: Said(
            feed, key, what, None if what is None else when, is_bad and what is not None
        ),
        st.integers(0, 3),
        says,
        at,
        bad,
    )


patients = records("ehr_fhir", versions=True, deletions=True)
beds = records("census", versions=False, deletions=False)
messages = records("hl7v2", versions=False, deletions=False)
files = st.one_of(*(st.lists(kind, min_size=1, max_size=7) for kind in (patients, beds, messages)))
drops = st.lists(st.lists(files, min_size=1, max_size=3), min_size=1, max_size=3)


# -- as files


def as_file(n: int, said: Sequence[Said]) -> tuple[str, bytes]:
    if said[0].feed == "ehr_fhir":
        return f"{n}.ndjson", b"\n".join(json.dumps(resource(one)).encode() for one in said)
    if said[0].feed == "hl7v2":
        return f"{n}.hl7", b"\r\n".join(map(message, said))
    stream = io.StringIO()
    csv.writer(stream).writerows([BEDS, *map(row, said)])
    return f"{n}.csv", stream.getvalue().encode()


def resource(one: Said) -> dict[str, object]:
    if one.says is None:
        return {
            "resourceType": "Bundle",
            "type": "batch",
            "entry": [{"request": {"method": "DELETE", "url": f"Patient/{one.key}"}}],
        }
    gender = "?" if one.is_bad else ("male", "female", "other")[one.says]
    meta = {} if one.version is None else {"meta": {"lastUpdated": f"2026-02-28T00:00:0{one.version}Z"}}
    return {"resourceType": "Patient", "id": str(one.key), "gender": gender, **meta}


def message(one: Said) -> bytes:
    event = "a-b" if one.is_bad else "A08"
    text = f"MSH|^~\\&|EHR|CITY|||20260228||ADT^{event}|{one.key}|P|2.5\rPID|1||7^^^CITY^MR\rPV1|1|I|WARD{one.says}\r"
    return text.encode()


def row(one: Said) -> list[object]:
    return ["ICU", f"2026-02-0{1 + one.key}T00:00:00Z", -1 if one.is_bad else one.says, 10, 0]


# -- the oracle


@dataclass
class Oracle:
    """What became of every record that came, one after another."""

    came: list[Said]

    def fate(self, one: Said) -> str:
        """Say what becomes of the next record: the rules of the interface, told over a list."""
        if one.is_bad:
            return "quarantined"
        before = [other for other in self.came if (other.feed, other.key) == (one.feed, one.key)]
        of_version = [other.says for other in before if other.version == one.version]
        is_ordered = one.version is not None or all(other.version is None for other in before)
        self.came.append(one)
        if of_version and of_version[-1] == one.says and is_ordered:
            return "duplicate"
        if one.says is None:
            return "deleted"
        return "superseded" if before else "landed"


@FEW
@given(drops=drops, piece=st.sampled_from([64 * 1024 * 1024, 90]), at_once=st.booleans())
def test_receipts_add_up_and_say_what_an_oracle_says(tmp_path_factory, drops, piece, at_once) -> None:
    root = tmp_path_factory.mktemp("mixture")
    oracle, expected, waiting = Oracle([]), list[dict[str, int]](), list[Drop]()
    numbers = iter(range(1000))
    for day, made in enumerate(drops):
        paths = []
        for said in made:
            n = next(numbers)
            name, content = as_file(n, said)
            path = root / str(day) / f"{n:03d}-{name}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            paths.append(path)
            expected.append(Counter(oracle.fate(one) for one in said))
        waiting.append(Drop(tuple(paths), NOON + timedelta(days=day)))
    calls = [waiting] if at_once else [[drop] for drop in waiting]
    receipts = [
        receipt
        for call in calls
        for group in land_drops(
            call, site="city", feed=None, home=root / "home", key=KEY, limits=Limits(piece=piece, batch_files=2)
        )
        for receipt in group
    ]
    seen = set[str]()
    for receipt, fates, said in zip(receipts, expected, [f for made in drops for f in made], strict=True):
        assert receipt.received == len(said)
        if receipt.sha256 not in seen:  # the same bytes again are told by their digest
            assert {fate: getattr(receipt, fate) for fate in FATES if getattr(receipt, fate)} == dict(fates)
        seen.add(receipt.sha256)
