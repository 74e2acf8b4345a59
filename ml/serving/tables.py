"""The event store's tables and how its database is opened: SQLite in WAL mode, or PostgreSQL.

Here belong the schema, its version and what makes a commit durable. Writing events (`events.py`) and
exporting them (`export.py`) do not. Times are whole microseconds since 1970 in UTC, alike in every database.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ml.serving import ServingRefused, StoreUnavailable

SCHEMA_VERSION = 1
"""A table or an index that is added leaves it: a store of an earlier version gets it when it is opened."""
CALL, STEP_DOWN, OUTAGE, CHALLENGER = "call", "step_down", "outage", "challenger"
"""The kinds of an event. An outage is a time in which calls were not answered as they should: refused, or too late.
What a challenger scored was answered to nobody: whoever counts calls, cards or alerts asks for calls alone."""

MAKING_TABLES = 0x70696C6F  # "pilo": the advisory lock of whoever makes the tables
DIALECTS = frozenset({"sqlite", "postgresql"})
BUSY_TIMEOUT_SECONDS = 2.0
MOST_PAGES_IN_LOG = 4000
"""Of SQLite's log, 16 MB: a writer that is never idle (`writer.py`) has a commit take it into the database then."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER only

metadata = MetaData()

SCHEMA = Table("serving_schema", metadata, Column("version", Integer, primary_key=True))

EVENT = Table(
    "serving_event",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False, unique=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("use_case", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("unit", String(64)),
    Column("visit_key", String(32)),
    Column("patient_key", String(32)),
    Column("hook_instance", String(36)),
    Column("request_mac", String(64)),
    Column("release_digest", String(64)),
    Column("generation", BigInteger),
    Column("stage", String(32)),
    Column("tier", String(16)),
    Column("status", String(32), nullable=False),
    Column("reason", String(1000)),
    Column("latency_ms", Float),
    Column("features", Text),
    Column("scores", Text),
    Column("risk_band", String(32)),
    Column("card_uuid", String(36), unique=True),
    Column("is_displayed", Boolean, nullable=False),
    Column("payload", Text, nullable=False),
    Index("serving_event_board", "use_case", "site", "unit", "at_us"),
    Index("serving_event_visit", "visit_key"),
    sqlite_autoincrement=True,
)

CARD_SEEN = Table(
    "serving_card_seen",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("use_case", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("client", String(512)),
    Column("user_key", String(32), nullable=False),
    Column("why", String(64), nullable=False),
    Index("serving_card_seen_event", "event_id"),
    sqlite_autoincrement=True,
)
"""Who read a card, by client and user, and why: one row each time that it goes out, also again."""

FEEDBACK = Table(
    "serving_feedback",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("feedback_id", String(36), nullable=False, unique=True),
    Column("received_us", BigInteger, nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("card_uuid", String(36), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("override_reason_code", String(64)),
    Column("override_reason_system", String(200)),
    Column("accepted_suggestions", Integer, nullable=False),
    Column("outcome_us", BigInteger, nullable=False),
    Column("user_comment", Text),
    Index("serving_feedback_card", "card_uuid"),
    sqlite_autoincrement=True,
)

CHART_OPENED = Table(
    "serving_chart_opened",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("opening_id", String(36), nullable=False, unique=True),
    Column("at_us", BigInteger, nullable=False),
    Column("use_case", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("patient_key", String(32), nullable=False),
    Column("visit_key", String(32)),
    Column("hook_instance", String(36), nullable=False),
    Column("request_mac", String(64), nullable=False),
    Column("client", String(512)),
    Column("user_key", String(32), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("event_id", String(36)),
    sqlite_autoincrement=True,
)
"""Charts that were opened, by whom, and what was shown: the card of `event_id`, or by `outcome` why there was none.
No call, no score and no alert: no figure is made of it, and nothing of it is exported."""

ADJUSTMENT = Table(
    "serving_adjustment",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("adjustment_id", String(36), nullable=False, unique=True),
    Column("at_us", BigInteger, nullable=False),
    Column("use_case", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("unit", String(64), nullable=False),
    Column("shift_date", String(10), nullable=False),
    Column("shift", String(64), nullable=False),
    Column("target", String(32), nullable=False),
    Column("advised", Float, nullable=False),
    Column("before", Float, nullable=False),
    Column("value", Float, nullable=False),
    Column("reason_code", String(64), nullable=False),
    Column("role", String(64), nullable=False),
    Column("made_by", String(32)),
    Column("stage", String(32), nullable=False),
    Column("tier", String(16), nullable=False),
    Column("release_digest", String(64), nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Index("serving_adjustment_board", "use_case", "site", "unit", "shift_date"),
    sqlite_autoincrement=True,
)

POINTER_SEEN = Table(
    "serving_pointer_seen",
    metadata,
    Column("use_case", String(64), primary_key=True),
    Column("site", String(64), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("last_release_us", BigInteger),
    Column("stepped_down_to", String(16)),
    Column("stepped_down_reason", String(1000)),
)

CHALLENGER_SEEN = Table(
    "serving_challenger_seen",
    metadata,
    Column("use_case", String(64), primary_key=True),
    Column("site", String(64), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

TOKEN_SPENT = Table(
    "serving_token_spent",
    metadata,
    Column("issuer", String(512), primary_key=True),
    Column("jti", String(256), primary_key=True),
    Column("expires_us", BigInteger, nullable=False),
)


def microseconds(at: datetime) -> int:
    """Whole microseconds since 1970 in UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant_of(at_us: int) -> datetime:
    """The instant of `microseconds`."""
    return _EPOCH + timedelta(microseconds=at_us)


def open_database(url: str) -> Engine:
    """Open, or make, the event store.

    Raises `ServingRefused` for a URL of another kind of database or a store of another schema version, and
    `StoreUnavailable` when the database does not answer.
    """
    try:
        dialect = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise ServingRefused(
            "PILOTHOUSE_EVENTS_URL is no database URL; expected sqlite:///... or postgresql+psycopg://..."
        ) from error
    if dialect not in DIALECTS:
        raise ServingRefused(
            f"PILOTHOUSE_EVENTS_URL names {dialect}; the event store runs on {', '.join(sorted(DIALECTS))}."
        )
    arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_SECONDS} if dialect == "sqlite" else {}
    engine = create_engine(url, connect_args=arguments, pool_pre_ping=dialect != "sqlite")
    event.listen(engine, "connect", _durable_sqlite if dialect == "sqlite" else _durable_postgres)
    try:
        _check_version(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreUnavailable(
            f"The event store cannot be opened ({type(error).__name__}); see PILOTHOUSE_EVENTS_URL."
        ) from error
    return engine


def _check_version(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # two services that start at once must not make the tables twice
            connection.execute(select(func.pg_advisory_xact_lock(MAKING_TABLES)))
        metadata.create_all(connection)
        for index in [index for table in metadata.tables.values() for index in table.indexes]:
            index.create(connection, checkfirst=True)  # of a table from before it
        version = connection.execute(select(SCHEMA.c.version)).scalar()
        if version is None and connection.execute(select(EVENT.c.id).limit(1)).first() is not None:
            raise ServingRefused(
                f"The event store holds events, but the row of its table {SCHEMA.name} is gone, which Pilothouse never "
                "deletes: the database was damaged, or somebody changed it. Keep it for whoever looks into it, and "
                "restore the last backup (pilothouse restore)."
            )
        if version is None:
            connection.execute(insert(SCHEMA).values(version=SCHEMA_VERSION))
        elif version != SCHEMA_VERSION:
            raise ServingRefused(
                f"The event store has schema version {version}; this version of Pilothouse reads "
                f"{SCHEMA_VERSION}. "
                "Start the version that wrote it, or restore a backup."
            )


def _durable_sqlite(connection: Any, _: object) -> None:
    """Every commit is fsynced: an answer that went out survives a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={MOST_PAGES_IN_LOG}"):
        connection.execute(f"PRAGMA {pragma}")


def _durable_postgres(connection: Any, _: object) -> None:
    """Whatever the server's default, our commits wait for its disk."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO on")
    connection.commit()
