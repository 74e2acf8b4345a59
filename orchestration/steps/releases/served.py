"""What the service did by itself, as its event store tells it: the tier that answers now under a pointer.

Nothing is waited for longer than seconds, since a step down may wait for it. What does not belong here: running the
service (watching/service), and what its events mean for a trigger (watching/signals).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, NullPool, create_engine, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from evaluation.policies import Tier
from ml.registry.pointer import Pointer
from ml.serving.tables import POINTER_SEEN
from orchestration.settings import Settings
from orchestration.steps.errors import StepError

_Read = TypeVar("_Read")
PATIENCE: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": 2},
    "postgresql": {"connect_timeout": 2, "options": "-c statement_timeout=2000"},
}
"""How long reading the event store may take, in each database's own words: it must not hold up a step down."""


class ServedTierUnknown(StepError):
    """The service's event store cannot be read now."""


def served_tier(settings: Settings, pointer: Pointer) -> Tier:
    """Return the tier that answers under a pointer: its own, or the lower one that serving stepped down to by itself.

    Raises `ServedTierUnknown` when the service's event store cannot be read; nothing is waited for longer than seconds.
    """
    here = (POINTER_SEEN.c.use_case == pointer.use_case, POINTER_SEEN.c.site == pointer.site)
    query = select(POINTER_SEEN.c.stepped_down_to).where(*here, POINTER_SEEN.c.generation == pointer.generation)
    try:
        lower = from_events(settings, lambda connection: connection.scalar(query))
    except (SQLAlchemyError, KeyError, ImportError) as error:
        raise ServedTierUnknown(
            f"The service's event store cannot be read ({type(error).__name__}); whether it stepped down is unknown."
        ) from error
    return max(Tier(pointer.tier.value), Tier(lower or pointer.tier.value), key=lambda one: one.rank)


def answering_tier(settings: Settings, pointer: Pointer) -> Tier | None:
    """The tier that answers now; None where nobody can tell."""
    try:
        return served_tier(settings, pointer)
    except ServedTierUnknown:
        return None


def has_events(settings: Settings) -> bool:
    """Whether anything was ever served from here, as far as can be told without asking a server."""
    url = make_url(settings.events_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def from_events(settings: Settings, read: Callable[[Connection], _Read]) -> _Read | None:
    """Read the service's event store; None where nothing was ever served."""
    if not has_events(settings):
        return None
    url = make_url(settings.events_url)
    engine = create_engine(url, connect_args=PATIENCE[url.get_backend_name()], poolclass=NullPool)
    with engine.connect() as connection:
        return read(connection)
