"""The event store: one event per call, on disk before the answer goes out; feedback; what was seen before.

Here belongs what is written and read back by the service. The tables and their database (`tables.py`), the
commit (`writer.py`) and the way out as a feed (`export.py`) do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Connection, Engine, Table, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ml.registry.pointer import Pointer
from ml.registry.stages import Tier
from ml.serving.counts import BoardCounts, count_visits
from ml.serving.tables import (
    CARD_SEEN,
    CHALLENGER_SEEN,
    EVENT,
    FEEDBACK,
    POINTER_SEEN,
    TOKEN_SPENT,
    instant_of,
    microseconds,
    open_database,
)
from ml.serving.writer import GroupCommitWriter

Result = TypeVar("Result")
KEPT_SPENT = timedelta(hours=1)
"""How long a token is remembered after it expired: a clock that is set back by less lets nothing be used twice."""
SWEEP_EVERY = timedelta(minutes=1)
EVENT_NAMESPACE = UUID("6f0c2a52-8f5f-5d0a-9d0e-1f6b8f0f5a11")
"""Event ids are name-based (RFC 9562, version 5), so that the same call has the same id wherever it arrives."""
MAX_REASON_LENGTH = 1000


@dataclass(frozen=True)
class Event:
    """One call, or one automatic step down. Keys are pseudonyms; `payload` is the answer as JSON text."""

    event_id: str
    at_us: int
    kind: str
    use_case: str
    site: str
    status: str
    payload: str
    unit: str | None = None
    visit_key: str | None = None
    patient_key: str | None = None
    hook_instance: str | None = None
    request_mac: str | None = None
    release_digest: str | None = None
    generation: int | None = None
    stage: str | None = None
    tier: str | None = None
    reason: str | None = None
    latency_ms: float | None = None
    features: str | None = None
    scores: str | None = None
    risk_band: str | None = None
    card_uuid: str | None = None
    is_displayed: bool = False


@dataclass(frozen=True)
class Recorded:
    """What is on disk under an event id: this answer, or that of the first call with the same id."""

    payload: str
    request_mac: str | None
    is_replay: bool


@dataclass(frozen=True)
class Spend:
    """A token that is spent with what it is for; `now` is the world's clock, as the token's is."""

    issuer: str
    jti: str
    expires_at: datetime
    now: datetime


@dataclass(frozen=True)
class Reader:
    """Who reads what a card shows of a patient: a client (None: not authenticated), its user (a pseudonym), and why."""

    client: str | None
    user_key: str
    why: str


@dataclass(frozen=True)
class Feedback:
    """What a person did with one card. `user_comment` never leaves the store; `suggestions` are checked, not kept."""

    feedback_id: str
    received_us: int
    card_uuid: str
    outcome: str
    override_reason_code: str | None
    override_reason_system: str | None
    accepted_suggestions: int
    outcome_us: int
    user_comment: str | None
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeedbackRecorded:
    """Either every item was stored, or none, with the number of items that stood in the way."""

    stored: int = 0
    unknown_cards: int = 0
    unoffered_reasons: int = 0
    unoffered_suggestions: int = 0


@dataclass(frozen=True)
class PointerSeen:
    """The last pointer that was served, and whether the service has stepped down since."""

    generation: int
    digest: str
    last_release_at: datetime | None
    stepped_down_to: Tier | None
    stepped_down_reason: str | None


class EventStore:
    """The store of one service. Writing is awaited; reading blocks, so call it in a thread."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._engine = open_database(url)
        self._timeout = timeout_seconds
        self._writer = GroupCommitWriter(self._engine)
        self._swept_at = datetime.min.replace(tzinfo=UTC)

    def close(self) -> None:
        """Write what is waiting and release the database."""
        self._writer.close()
        self._engine.dispose()

    async def record(self, event: Event, spend: Spend | None = None, reader: Reader | None = None) -> Recorded | None:
        """Store the event once. A second event of the same id changes nothing and gets the first one's
        answer. Where a card goes out, its `reader` is on record with it.

        None where the token to spend was spent before: then nothing is stored. Raises `StoreUnavailable`: then no
        answer may go out.
        """
        row = vars(event)
        return await self.write_spending(lambda connection: _record(connection, row, reader), spend)

    async def record_feedback(self, use_case: str, site: str, items: list[Feedback]) -> FeedbackRecorded:
        """Store the items, all or none: none when the use case never displayed a card here, or it offered no such
        reason or suggestion.

        The same feedback sent twice is stored once. Raises `StoreUnavailable`.
        """
        return await self._writer.write(
            lambda connection: _record_feedback(connection, use_case, site, items), self._timeout
        )

    async def spend_token(self, spend: Spend) -> bool:
        """Mark a token as used; False when it was used before. Raises `StoreUnavailable`."""
        return await self._writer.write(self._spending(spend), self._timeout)

    def _spending(self, spend: Spend) -> Callable[[Connection], bool]:
        """The work of it. Tokens that expired over an hour ago are forgotten, at most once a minute, so that the table
        stays as small as an hour's calls."""
        row = {"issuer": spend.issuer, "jti": spend.jti, "expires_us": microseconds(spend.expires_at)}
        is_due = abs(spend.now - self._swept_at) > SWEEP_EVERY
        self._swept_at = spend.now if is_due else self._swept_at
        kept_us = microseconds(spend.now - KEPT_SPENT)

        def work(connection: Connection) -> bool:
            if is_due:
                connection.execute(delete(TOKEN_SPENT).where(TOKEN_SPENT.c.expires_us < kept_us))
            return insert_new(connection, TOKEN_SPENT, row)

        return work

    async def check(self) -> None:
        """Write and take back a row. Raises `StoreUnavailable` when the store cannot."""
        row = {"issuer": "", "jti": "", "expires_us": 0}

        def work(connection: Connection) -> None:
            insert_new(connection, TOKEN_SPENT, row)
            connection.execute(delete(TOKEN_SPENT).where(TOKEN_SPENT.c.issuer == "", TOKEN_SPENT.c.jti == ""))

        await self._writer.write(work, self._timeout)

    async def step_down(self, event: Event, pointer: Pointer, tier: Tier, reason: str) -> None:
        """Remember, until a person publishes the next pointer, that the service answers from a lower tier.

        What was remembered is only ever lowered: a step that is written late takes none back that was written since.
        """
        row = vars(event)
        above = [one.value for one in Tier if one.rank < tier.rank]
        is_higher = or_(POINTER_SEEN.c.stepped_down_to.is_(None), POINTER_SEEN.c.stepped_down_to.in_(above))

        def work(connection: Connection) -> None:
            insert_new(connection, EVENT, row)
            connection.execute(
                update(POINTER_SEEN)
                .where(*_of(pointer.use_case, pointer.site), POINTER_SEEN.c.generation == pointer.generation, is_higher)
                .values(stepped_down_to=tier.value, stepped_down_reason=reason)
            )

        await self._writer.write(work, self._timeout)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction that is on disk when this returns. Raises `StoreUnavailable`."""
        return await self._writer.write(work, self._timeout)

    async def write_spending(self, work: Callable[[Connection], Result], spend: Spend | None) -> Result | None:
        """As `write`, and spend a token with it: None, and nothing done, where it was spent before."""
        spent = None if spend is None else self._spending(spend)

        def whole(connection: Connection) -> Result | None:
            return None if spent is not None and not spent(connection) else work(connection)

        return await self._writer.write(whole, self._timeout)

    def pointer_seen(self, use_case: str, site: str) -> PointerSeen | None:
        """The last pointer that this store saw of a site; None before the first."""
        with self._engine.connect() as connection:
            row = connection.execute(select(POINTER_SEEN).where(*_of(use_case, site))).mappings().one_or_none()
        if row is None:
            return None
        at, tier = row["last_release_us"], row["stepped_down_to"]
        return PointerSeen(
            generation=row["generation"],
            digest=row["digest"],
            last_release_at=None if at is None else instant_of(at),
            stepped_down_to=None if tier is None else Tier(tier),
            stepped_down_reason=row["stepped_down_reason"],
        )

    def sites_seen(self, use_case: str) -> frozenset[str]:
        """Every site of which this store ever saw a pointer."""
        with self._engine.connect() as connection:
            seen = select(POINTER_SEEN.c.site).where(POINTER_SEEN.c.use_case == use_case)
            return frozenset(connection.scalars(seen))

    def remember_pointer(self, pointer: Pointer) -> None:
        """Remember a pointer whose generation is above the last one seen; forgets a step down under the
        last.
        """
        at = pointer.last_release_at
        values = {
            "generation": pointer.generation,
            "digest": pointer.digest,
            "last_release_us": None if at is None else microseconds(at),
            "stepped_down_to": None,
            "stepped_down_reason": None,
        }
        key = {"use_case": pointer.use_case, "site": pointer.site}
        with self._engine.begin() as connection:
            if not insert_new(connection, POINTER_SEEN, {**key, **values}):
                newer = POINTER_SEEN.c.generation < pointer.generation
                where = (*_of(pointer.use_case, pointer.site), newer)
                connection.execute(update(POINTER_SEEN).where(*where).values(**values))

    def challenger_seen(self, use_case: str, site: str) -> tuple[int, str] | None:
        """Generation and digest of the last challenger's pointer that this store saw; None before the first."""
        here = (CHALLENGER_SEEN.c.use_case == use_case, CHALLENGER_SEEN.c.site == site)
        with self._engine.connect() as connection:
            found = connection.execute(
                select(CHALLENGER_SEEN.c.generation, CHALLENGER_SEEN.c.digest).where(*here)
            ).one_or_none()
        return None if found is None else (found.generation, found.digest)

    def remember_challenger(self, use_case: str, site: str, generation: int, digest: str) -> None:
        """Remember a challenger's pointer whose generation is above the last one seen."""
        values, key = {"generation": generation, "digest": digest}, {"use_case": use_case, "site": site}
        here = (CHALLENGER_SEEN.c.use_case == use_case, CHALLENGER_SEEN.c.site == site)
        with self._engine.begin() as connection:
            if not insert_new(connection, CHALLENGER_SEEN, {**key, **values}):
                older = CHALLENGER_SEEN.c.generation < generation
                connection.execute(update(CHALLENGER_SEEN).where(*here, older).values(**values))

    def board(self, use_case: str, site: str, unit: str, since: datetime) -> BoardCounts:
        """Count the unit's visits since `since` (`counts.py`)."""
        with self._engine.connect() as connection:
            return count_visits(connection, use_case, site, unit, since)

    @property
    def engine(self) -> Engine:
        """The database, for reading."""
        return self._engine


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert `row` unless one of its keys is taken; say whether it was inserted."""
    statement, places = _insertion(connection.dialect.name, table, tuple(row))
    values = dict(row) if places is None else tuple(row[place] for place in places)
    return connection.exec_driver_sql(statement, values).rowcount > 0


@cache
def _insertion(dialect: str, table: Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...] | None]:
    """The statement in the driver's own words, and the columns in the order of its places (None: they are named).

    Built once for each set of columns: going through the statement again took longer than the database did.
    """
    is_postgres = dialect == "postgresql"
    build = postgresql_insert if is_postgres else sqlite_insert
    written_for = PGDialect_psycopg() if is_postgres else SQLiteDialect_pysqlite()
    statement = build(table).on_conflict_do_nothing().compile(dialect=written_for, column_keys=columns)
    return str(statement), None if statement.positiontup is None else tuple(statement.positiontup)


def _record(connection: Connection, row: Mapping[str, Any], reader: Reader | None) -> Recorded:
    recorded, is_shown = Recorded(row["payload"], row["request_mac"], is_replay=False), row["is_displayed"]
    if not insert_new(connection, EVENT, row):
        first = select(EVENT.c.payload, EVENT.c.request_mac, EVENT.c.is_displayed)
        payload, mac, was_shown = connection.execute(first.where(EVENT.c.event_id == row["event_id"])).one()
        recorded, is_shown = Recorded(payload, mac, is_replay=True), was_shown and mac == row["request_mac"]
    if is_shown and reader is not None:
        where = {name: row[name] for name in ("event_id", "at_us", "use_case", "site")}
        insert_new(connection, CARD_SEEN, {**where, **vars(reader)})
    return recorded


def _record_feedback(connection: Connection, use_case: str, site: str, items: list[Feedback]) -> FeedbackRecorded:
    cards = {item.card_uuid for item in items}
    shown = select(EVENT.c.card_uuid, EVENT.c.event_id, EVENT.c.payload).where(
        EVENT.c.card_uuid.in_(cards), EVENT.c.use_case == use_case, EVENT.c.site == site, EVENT.c.is_displayed
    )
    rows = connection.execute(shown).all()
    events = {card: event_id for card, event_id, _ in rows}
    if unknown := cards - events.keys():
        return FeedbackRecorded(unknown_cards=len(unknown))
    offers = {card: _offer(payload, card) for card, _, payload in rows}
    if unoffered := sum(not _offers_reason(offers[item.card_uuid], item) for item in items):
        return FeedbackRecorded(unoffered_reasons=unoffered)
    if unoffered := sum(not _offers_suggestions(offers[item.card_uuid], item) for item in items):
        return FeedbackRecorded(unoffered_suggestions=unoffered)
    for item in items:
        row = {name: value for name, value in vars(item).items() if name != "suggestions"}
        insert_new(connection, FEEDBACK, {**row, "event_id": events[item.card_uuid]})
    return FeedbackRecorded(stored=len(items))


def _offer(answer: str, card: str) -> dict[str, Any]:
    return next(one for one in orjson.loads(answer)["cards"] if one["uuid"] == card)


def _offers_reason(card: Mapping[str, Any], item: Feedback) -> bool:
    """True when the reason is one that the card offered: no other code can enter the record."""
    return item.override_reason_code is None or any(
        reason["code"] == item.override_reason_code and item.override_reason_system in (None, reason["system"])
        for reason in card["overrideReasons"]
    )


def _offers_suggestions(card: Mapping[str, Any], item: Feedback) -> bool:
    """True when what was accepted is what the card offered: some of its suggestions, or none where it had none."""
    offered = {one["uuid"] for one in card.get("suggestions", [])}
    is_taken = item.outcome == "accepted"
    return offered.issuperset(item.suggestions) and (bool(item.suggestions) or not offered or not is_taken)


def _of(use_case: str, site: str) -> tuple[Any, Any]:
    return POINTER_SEEN.c.use_case == use_case, POINTER_SEEN.c.site == site
