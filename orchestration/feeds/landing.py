"""The landing pipeline: files in, receipts out; lake, quarantine and receipts written so that a crash costs nothing.

What does not belong here: formats (fhir.py, tabular.py), fates (settle.py), files (store.py, lake.py).
"""

import fcntl
import os
import re
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb

from orchestration.contracts import CONTRACTS_DIR, Contract, Timeline, UnknownContract, in_force, load_timelines
from orchestration.contracts.mapping import FeedMapping, mapped
from orchestration.feeds.authorities import require_names, require_zone
from orchestration.feeds.closed import Closed
from orchestration.feeds.commit import Commit
from orchestration.feeds.contracts_kept import require_kept_history
from orchestration.feeds.errors import FeedError, FeedNotListed, FeedStopped, LandingBusy
from orchestration.feeds.hands import Hands
from orchestration.feeds.intake import NEXT, Arrival, Drop, collect
from orchestration.feeds.lake import write_anchors
from orchestration.feeds.limits import Limits
from orchestration.feeds.quarantine import Held
from orchestration.feeds.receipt import Receipt
from orchestration.feeds.relation import connection, judging_connection
from orchestration.feeds.run import Run
from orchestration.feeds.stock import Stock
from orchestration.feeds.store import Store
from orchestration.feeds.verdicts import Verdicts
from orchestration.settings import Environment

Authorities = Mapping[str, Mapping[str, str]]  # what is numbered: another name of an authority: the one name
NO_MAPPINGS: Mapping[str, FeedMapping] = {}
SITE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def land(
    paths: Iterable[Path],
    *,
    site: str,
    feed: str | None,
    home: Path,
    key: bytes,
    arrived_at: datetime,
    feeds: Collection[str] | None = None,
    zone: str = "UTC",
    authorities: Authorities | None = None,
    contracts_dir: Path = CONTRACTS_DIR,
    environment: Environment = Environment.DEVELOPMENT,
    mappings: Mapping[str, FeedMapping] = NO_MAPPINGS,
    limits: Limits | None = None,
    is_waiting: bool = False,
) -> list[Receipt]:
    """Land files, folders and archives of one site; return one receipt per file, in the order they came.

    `feed` is worked out per file where it is null; `is_waiting` says that this home put the files aside (`Drop`). See
    `land_drops` for the rest, and for what may be raised.
    """
    [receipts] = land_drops(
        [Drop(tuple(paths), arrived_at, is_waiting)],
        site=site,
        feed=feed,
        home=home,
        key=key,
        feeds=feeds,
        zone=zone,
        authorities=authorities,
        contracts_dir=contracts_dir,
        environment=environment,
        mappings=mappings,
        limits=limits,
    )
    return receipts


def land_drops(
    drops: Sequence[Drop],
    *,
    site: str,
    feed: str | None,
    home: Path,
    key: bytes,
    feeds: Collection[str] | None = None,
    zone: str = "UTC",
    authorities: Authorities | None = None,
    contracts_dir: Path = CONTRACTS_DIR,
    environment: Environment = Environment.DEVELOPMENT,
    mappings: Mapping[str, FeedMapping] = NO_MAPPINGS,
    limits: Limits | None = None,
) -> list[list[Receipt]]:
    """Land many drops of one site, in order, as if one after the other; return the receipts of each.

    `feeds` are those that the site sends (null: any that has a contract); a file of another is quarantined whole.
    `zone` (IANA) is that of source times that name none; `authorities` renames those that issue identifiers. A file is
    judged by the version of its contract that was in force when it arrived, as it holds in `environment`; `mappings`
    say by feed how the site's own tables are read under it. One call for ninety days costs little more than one for
    one. Bad input is quarantined and never raises. Raises `FeedStopped` when a file lacks a required column or has one
    twice (the other files are landed, and the exception carries every receipt), `NothingToLand` for a path that does
    not exist, `WaitingUnread` for a file that waits and cannot be read now, `LandingBusy` when another process lands
    for the site, `LandedOtherwise` where its records lie under other names of authorities or in another zone,
    `UnknownContract` for a `feed` that has no contract, `FeedNotListed` for one that is not in `feeds`,
    `InvalidContract` for contracts that cannot be used, `BreakingChange` for one that breaks what this home landed
    under without saying so in its version, and `InvalidMapping` for a mapping that does not fit its contract.
    """
    _check(site, drops)
    versions = load_timelines(contracts_dir, environment)
    listed = frozenset(versions) if feeds is None else frozenset(feeds)
    _check_feed(feed, site, versions, listed)
    judges = of_its_time(mapped(versions, mappings))
    with _run(home, site, (key, zone, authorities or {}), feed, listed, versions, judges, limits) as run:
        made: list[list[Receipt]] = [[] for _ in drops]
        whose: list[int] = []
        with closing(_collect(drops, run, whose)) as arrivals:
            # what is blanked as it lands, for an erasure, may be coming once more: then all is kept before
            receipts = guarded(run, list(arrivals) if run.has_closed else arrivals)
        run.commit.store.vault.sync()
        for number, receipt in zip(whose, receipts, strict=True):
            made[number].append(receipt)
    if run.stopped:
        raise FeedStopped(" ".join(run.stopped), tuple(receipt for group in made for receipt in group))
    return made


def replay(
    held: Sequence[Held],
    *,
    site: str,
    home: Path,
    key: bytes,
    arrived_at: datetime,
    feeds: Collection[str] | None = None,
    zone: str = "UTC",
    authorities: Authorities | None = None,
    contracts_dir: Path = CONTRACTS_DIR,
    environment: Environment = Environment.DEVELOPMENT,
    mappings: Mapping[str, FeedMapping] = NO_MAPPINGS,
    as_of_then: bool = False,
    limits: Limits | None = None,
) -> list[Receipt]:
    """Take what files have in quarantine again; return a receipt for each file.

    They are judged by the contracts as they are now, since that is how a fix reaches them, or by those of the time when
    they first arrived (`as_of_then`). What an earlier attempt took counts as duplicate, so that the counts of every
    attempt add up. Raises as `land_drops`.
    """
    versions = load_timelines(contracts_dir, environment)
    listed = frozenset(versions) if feeds is None else frozenset(feeds)
    read = mapped(versions, mappings)
    judges = of_its_time(read) if as_of_then else of_now(read)
    with _run(home, site, (key, zone, authorities or {}), None, listed, versions, judges, limits) as run:
        arrivals = [again(one, run.commit.store, arrived_at + n * NEXT) for n, one in enumerate(held)]
        receipts = guarded(run, arrivals)
    if run.stopped:
        raise FeedStopped(" ".join(run.stopped), tuple(receipts))
    return receipts


@contextmanager
def message_verdicts(
    feed: str,
    *,
    site: str,
    home: Path,  # noqa: ARG001 - the terms of a site are given whole
    key: bytes,  # noqa: ARG001 - as well
    feeds: Collection[str] | None = None,
    zone: str = "UTC",
    authorities: Authorities | None = None,
    contracts_dir: Path = CONTRACTS_DIR,
    environment: Environment = Environment.DEVELOPMENT,
    mappings: Mapping[str, FeedMapping] = NO_MAPPINGS,
    limits: Limits | None = None,
) -> Generator[Verdicts]:
    """What a feed of messages is told before it is landed. Raises as `land_drops` for a feed that cannot be landed."""
    versions = load_timelines(contracts_dir, environment)
    _check_feed(feed, site, versions, frozenset(versions) if feeds is None else frozenset(feeds))
    with judging_connection(zone, authorities) as db:
        yield Verdicts(db, mapped(versions, mappings)[feed].at, limits or Limits())


@contextmanager
def _run(
    home: Path,
    site: str,
    terms: tuple[bytes, str, Authorities],
    feed: str | None,
    listed: frozenset[str],
    versions: Mapping[str, Timeline],
    judges: Callable[[Arrival], Mapping[str, Contract]],
    limits: Limits | None,
) -> Generator[Run]:
    """One turn at a site's landing zone, which nobody else has meanwhile.

    Raises `LandingBusy`, and `LandedOtherwise`: names and zone may have changed since they were read for this turn.
    """
    store, contracts = Store(home), _current(versions)
    store.sweep(time.time())
    require_kept_history(store, contracts.values())
    write_anchors(home, contracts)
    store.vault.seal_plain()
    with site_lock(home, site), connection(*terms) as db:
        require_names(home, site, terms[2])
        require_zone(home, site, terms[1])
        closed = Closed.of(home, site)
        has_closed = closed.load(db)
        stock = Stock.take(store, site)
        with Hands(partial(connection_of_a_hand, terms, closed)) as hands:
            yield Run(Commit(stock), feed, listed, judges, limits or Limits(), db, hands, has_closed)
        stock.end()


@contextmanager
def connection_of_a_hand(terms: tuple[bytes, str, Authorities], closed: Closed) -> Generator[duckdb.DuckDBPyConnection]:
    """A database that knows what a landing's own does: terms, and who was erased. One thread works with it: where hands
    work side by side, more would be in each other's way."""
    with connection(*terms, threads=1) as db:
        closed.load(db)
        yield db


def _current(versions: Mapping[str, Timeline]) -> dict[str, Contract]:
    return {feed: timeline.current for feed, timeline in versions.items()}


def of_now(versions: Mapping[str, Timeline]) -> Callable[[Arrival], Mapping[str, Contract]]:
    """Return the contracts as they are, whatever arrives."""
    current = _current(versions)
    return lambda arrival: current  # noqa: ARG005 - whatever arrives


def of_its_time(versions: Mapping[str, Timeline]) -> Callable[[Arrival], Mapping[str, Contract]]:
    """Return the contracts in force when an arrival came, or first came."""
    return lambda arrival: in_force(versions, arrival.first_arrived_at or arrival.arrived_at)


def again(held: Held, store: Store, arrived_at: datetime) -> Arrival:
    """Return the arrival of what is held of a file, taken again at a time."""
    receipt, raw = held.receipt, store.raw(held.receipt.sha256)
    return Arrival(
        name=receipt.file,
        sha256=receipt.sha256,
        size=raw.size,
        raw=raw,
        arrived_at=arrived_at,
        day=arrived_at.date(),
        archive=receipt.archive,
        first_arrived_at=datetime.fromisoformat(receipt.first_arrived_at or receipt.arrived_at),
        lines=held.numbers,
    )


def _collect(drops: Sequence[Drop], run: Run, whose: list[int]) -> Generator[Arrival]:
    """Give the arrivals of all drops, no two at the same time, and put down in `whose` of which drop each is.

    Of a drop that waits all are read before the first is given: one that cannot be read leaves all of it for later.
    """
    taken = run.commit.arrivals({drop.day for drop in drops})
    coming = [collect(drop, run.commit.store, run.limits, taken) for drop in drops]
    for number, (drop, arrivals) in enumerate(zip(drops, coming, strict=True)):
        mine: list[datetime] = []
        with closing(arrivals):
            for arrival in list(arrivals) if drop.is_waiting else arrivals:
                mine.append(arrival.arrived_at)
                whose.append(number)
                yield arrival
        taken.extend(mine)


def guarded(run: Run, arrivals: Iterable[Arrival]) -> list[Receipt]:
    """Land, and keep DuckDB's own messages back: they quote the input."""
    try:
        return run.take(arrivals)
    except duckdb.Error as error:
        raise FeedError(
            f"DuckDB stopped the landing with {type(error).__name__}; its message is withheld because it may quote "
            "records. What has a receipt is landed, nothing else; run the same command again, and report this."
        ) from None


def _check(site: str, drops: Sequence[Drop]) -> None:
    if not SITE_NAME.fullmatch(site):
        raise FeedError(f"{site!r} is no site name: expected lower-case letters, digits, '-' and '_'.")
    if any(drop.arrived_at.tzinfo is None for drop in drops):
        raise FeedError("Landing needs a time of arrival with a time zone.")


def _check_feed(feed: str | None, site: str, contracts: Collection[str], listed: Collection[str]) -> None:
    if feed is not None and feed not in contracts:
        raise UnknownContract(f"There is no contract for the feed {feed!r}; there are: {', '.join(contracts)}.")
    if feed is not None and feed not in listed:
        raise FeedNotListed(
            f"{site} does not send the feed {feed!r}: its site file lists {', '.join(sorted(listed))}. Name one of "
            f"these, or add {feed!r} to the feeds in orchestration/sites/{site}.yaml."
        )


@contextmanager
def site_lock(home: Path, site: str) -> Generator[None]:
    """Have a site's landing zone to oneself. Raises `LandingBusy`."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f"landing-{site}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise LandingBusy(f"Another process lands files for {site}; wait for it and try again.") from error
    try:
        yield
    finally:
        os.close(handle)
