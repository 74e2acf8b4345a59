"""Landing again, from the encrypted raw bytes, all that a site ever sent: under other names of authorities.

A pseudonym cannot be renamed: it is made of the issuer's name and the number, and the number is not kept. So the
bytes are read anew, in the order in which they came, into a folder beside; when all of it lies there durably, it takes
the place of what was. A process killed before that left everything as it was; one killed after it is finished by the
next (`finish`). What does not belong here: why (steps), and what is derived from the lake.
"""

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypedDict

from orchestration.contracts import load_timelines
from orchestration.contracts.mapping import FeedMapping, mapped
from orchestration.feeds.authorities import FOLDER, READY, remember
from orchestration.feeds.closed import Closed
from orchestration.feeds.commit import Commit
from orchestration.feeds.errors import FeedError
from orchestration.feeds.hands import Hands
from orchestration.feeds.intake import Arrival
from orchestration.feeds.landing import again, connection_of_a_hand, guarded, of_its_time, of_now, site_lock
from orchestration.feeds.limits import Limits
from orchestration.feeds.quarantine import held_files
from orchestration.feeds.receipt import Receipt, StoredReceipt
from orchestration.feeds.relation import connection
from orchestration.feeds.reread import read_receipt
from orchestration.feeds.run import Run
from orchestration.feeds.stock import Stock
from orchestration.feeds.store import Store, flush, lake_name, receipt_name, sync_folders
from orchestration.feeds.vault import Kind
from orchestration.settings import Environment

OLD = "old"
TREES = ("lake/*/site={site}", "quarantine/*/site={site}", "receipts/{site}", "index/{site}")
NOT_SENT = "note_text"  # made here from other files, with their keys; the scrubber makes it again


class CannotReland(FeedError):
    """Something that landed cannot be read from its bytes again; the message says what."""


class _Swap(TypedDict):
    place: str
    had: bool
    has: bool


def reland(
    home: Path,
    *,
    site: str,
    key: bytes,
    feeds: Collection[str],
    zone: str,
    environment: Environment,
    authorities: Mapping[str, Mapping[str, str]],
    mappings: Mapping[str, FeedMapping],
    state: Mapping[str, object],
) -> tuple[list[StoredReceipt], list[Receipt]]:
    """Land a site's bytes again; return the receipts of before and those of now.

    Each file is judged by the contract of its own time; what was taken from quarantine later is taken so again. `state`
    is written with the change, as `state/authorities-<site>.json`. Raises `CannotReland`, and `LandingBusy`.
    """
    with site_lock(home, site):
        finish(home, site)
        store, side = Store(home), home / FOLDER / site
        before = [one for one in _receipts(home, site) if one.feed != NOT_SENT]
        _require_bytes(store, site, before)
        shutil.rmtree(side, ignore_errors=True)
        beside = Store(side)
        beside.vault = store.vault
        versions = mapped(load_timelines(environment=environment), mappings)
        with connection(key, zone, dict(authorities)) as db:
            closed = Closed.of(home, site)
            closed.load(db)
            stock = Stock.take(beside, site)
            terms = (key, zone, dict(authorities))
            with Hands(partial(connection_of_a_hand, terms, closed)) as hands:
                run = Run(Commit(stock), None, frozenset(feeds), of_its_time(versions), Limits(), db, hands)
                made = _land_first_attempts(run, home, site, before)
                run.contracts = of_now(versions)
                repeated = {one.sha256 for one in before if one.attempt > 1}
                held = [one for one in held_files(side, [site]) if one.receipt.sha256 in repeated]
                latest = max((datetime.fromisoformat(one.arrived_at) for one in before), default=datetime.now(UTC))
                made += guarded(run, [again(one, beside, latest) for one in held])
            stock.end()
        if run.stopped:
            raise CannotReland(
                f"The contracts of now hold whole files of {site} that landed before; everything stays as it was. "
                + " ".join(run.stopped)
            )
        _hand_over(home, site, side, state)
        finish(home, site)
    return before, made


def _land_first_attempts(run: Run, home: Path, site: str, before: Iterable[StoredReceipt]) -> list[Receipt]:
    """Land every file once; one that was held whole and named no record is carried over as it was."""
    made: list[Receipt] = []
    firsts = sorted((one for one in before if one.attempt == 1), key=lambda one: one.arrived_at)
    for (feed, is_whole), group in groupby(firsts, key=lambda one: (one.feed, _is_held_whole(one))):
        receipts = list(group)
        if is_whole:
            made += [_carried(run, home, site, one) for one in receipts]
            continue
        run.feed = feed
        made += guarded(run, [_arrival(run.commit.store, home, site, one) for one in receipts])
    run.feed = None
    return made


def _is_held_whole(receipt: StoredReceipt) -> bool:
    return receipt.received == receipt.quarantined == 1 and not receipt.tables


def _carried(run: Run, home: Path, site: str, receipt: StoredReceipt) -> Receipt:
    side = run.commit.store.home
    path = Path("receipts") / site / receipt.feed / receipt_name(receipt.sha256, receipt.attempt)
    for one in (home / path, *home.glob(f"quarantine/{receipt.feed}/site={site}/day=*/{receipt.sha256[:16]}.parquet")):
        target = side / one.relative_to(home)
        _copy(one, target)
    run.commit.receipts.add(side / path)
    return receipt.receipt()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as came, target.open("wb") as made:
        shutil.copyfileobj(came, made)
        flush(made)


def _arrival(store: Store, home: Path, site: str, receipt: StoredReceipt) -> Arrival:
    raw, arrived_at = store.raw(receipt.sha256), datetime.fromisoformat(receipt.arrived_at)
    day = _day(home, site, receipt) or arrived_at.date()
    return Arrival(receipt.file, receipt.sha256, raw.size, raw, arrived_at, day, archive=receipt.archive)


def _day(home: Path, site: str, receipt: StoredReceipt) -> date | None:
    """Return the day that a file's rows lie under, which is that of its drop; null where it brought none."""
    file = f"site={site}/day=*/{lake_name(receipt.sha256, receipt.attempt)}.parquet"
    tables = [f"lake/{table}" for table in receipt.tables] + [f"quarantine/{receipt.feed}"]
    found = (path for table in tables for path in home.glob(f"{table}/{file}"))
    return next((date.fromisoformat(path.parent.name.removeprefix("day=")) for path in found), None)


def _receipts(home: Path, site: str) -> Iterator[StoredReceipt]:
    for path in sorted((home / "receipts" / site).glob("*/*.json")):
        yield read_receipt(path)


def _require_bytes(store: Store, site: str, receipts: Iterable[StoredReceipt]) -> None:
    """Erased people are known by digests of their old keys: under new names nobody would know them again."""
    if Closed.of(store.home, site).digests():
        raise CannotReland(
            f"People were erased at {site} while authorities had other names; under those of now they would not be "
            "known when they come again. Take the change of `authorities` back."
        )
    gone = sum(store.raw(one.sha256).kind in (Kind.ERASED, Kind.REDACTED) for one in receipts)
    if gone:
        raise CannotReland(
            f"{gone} files of {site} were erased or are past their term; what landed from them cannot be read again. "
            "Take the change of `authorities` back."
        )


# -- changing places


def _hand_over(home: Path, site: str, side: Path, state: Mapping[str, object]) -> None:
    """Say durably what takes whose place; from here on the change is finished, by whoever comes next."""
    patterns = [tree.format(site=site) for tree in TREES]
    places = {str(path.relative_to(root)) for root in (home, side) for one in patterns for path in root.glob(one)}
    swaps = [_Swap(place=one, had=(home / one).exists(), has=(side / one).exists()) for one in sorted(places)]
    with (side / f"{READY}.part").open("wb") as stream:
        stream.write(json.dumps({"swaps": swaps, "state": dict(state)}).encode())
        flush(stream)
    sync_folders(path for path in side.rglob("*") if path.is_dir())
    (side / f"{READY}.part").replace(side / READY)
    sync_folders([side])


def finish(home: Path, site: str) -> bool:
    """Let what was landed again take its place, if a process said so; safe to repeat. Wants the site's lock."""
    side = home / FOLDER / site
    if not (side / READY).exists():
        return False
    said = json.loads((side / READY).read_bytes())
    for swap in said["swaps"]:
        place, old, new = home / swap["place"], side / OLD / swap["place"], side / swap["place"]
        if swap["had"] and not old.exists():
            old.parent.mkdir(parents=True, exist_ok=True)
            place.rename(old)
        if swap["has"] and new.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            new.rename(place)
    notes = home / "state" / "notes"
    for done in notes.glob(f"{site}-*.done"):
        done.unlink()
    changed = {folder for swap in said["swaps"] for folder in (home / swap["place"]).parents}
    sync_folders(folder for folder in (*changed, notes) if folder.is_relative_to(home) and folder.exists())
    remember(home, site, said["state"])
    (side / READY).unlink()
    sync_folders([side])
    shutil.rmtree(side)
    return True
