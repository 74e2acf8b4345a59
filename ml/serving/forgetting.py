"""Requests and answers of some patients taken out of the event store, and the space that they lay in overwritten.

What does not belong here: who may ask for it, and what was exported before (orchestration).
"""

from collections.abc import Collection

from sqlalchemy import delete, or_, select, text

from ml.serving.tables import CHART_OPENED, EVENT, FEEDBACK, open_database


def forget_patients(url: str, site: str, patient_keys: Collection[str], visit_keys: Collection[str]) -> int:
    """Delete every event of these patients or visits, with its feedback, and the openings of their charts; return how
    many events it were.

    Who read their cards stays on record: that names staff, by pseudonym, and leads to no patient any more.
    """
    engine = open_database(url)
    of_them, openings = (
        or_(table.c.patient_key.in_(list(patient_keys)), table.c.visit_key.in_(list(visit_keys)))
        for table in (EVENT, CHART_OPENED)
    )
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.execute(text("PRAGMA secure_delete = ON"))
            theirs = select(EVENT.c.event_id).where(EVENT.c.site == site, of_them)
            connection.execute(delete(FEEDBACK).where(FEEDBACK.c.event_id.in_(theirs)))
            opened = connection.execute(delete(CHART_OPENED).where(CHART_OPENED.c.site == site, openings)).rowcount
            gone = connection.execute(delete(EVENT).where(EVENT.c.site == site, of_them)).rowcount
        if (gone or opened) and engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    finally:
        engine.dispose()
    return int(gone)
