"""Sessions as text, `pilothouse.sessions/1` in YAML or JSON, made into `Session`s whose members fit together.

What does not belong here: rules (`rules.py`), advice (`advise.py`).
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ml.bounded_yaml import load_bounded
from ml.overbooking.errors import SessionNotUnderstood
from ml.overbooking.session import MINUTE, Booking, Clinician, Room, Session, Slot

LONGEST_SESSION_MINUTES = 16 * 60
MAX_BYTES = 16 * 1024 * 1024

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")]
Risk = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RoomText(_Part):
    """A room, and how many people may be booked into one slot of it."""

    name: Name
    most_at_once: Annotated[int, Field(ge=1, le=50)]


class ClinicianText(_Part):
    """A clinician (a number or a role, not a name) and their limits in one session."""

    name: Name
    most_booked: Annotated[int, Field(ge=1, le=500)]
    most_overtime_minutes: Annotated[int, Field(ge=0, le=480)]


class BookingText(_Part):
    """Somebody booked: by their risk of not coming, or by the number of the appointment."""

    risk: Risk | None = None
    appointment: Name | None = None


class SlotText(_Part):
    """A slot with whoever is booked into it."""

    starts_at: AwareDatetime
    minutes: Annotated[int, Field(gt=0, le=LONGEST_SESSION_MINUTES)]
    booked: Annotated[tuple[BookingText, ...], Field(max_length=50)] = ()
    may_overbook: bool = True


class SessionText(_Part):
    """A clinician in a room from start to end."""

    name: Name
    clinic: Name
    room: Name
    clinician: Name
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    usual_risk: Risk | None = None
    slots: Annotated[tuple[SlotText, ...], Field(min_length=1, max_length=200)]


class SessionsText(_Part):
    """A file of sessions."""

    schema_: Literal["pilothouse.sessions/1"] = Field(alias="schema")
    rooms: tuple[RoomText, ...]
    clinicians: tuple[ClinicianText, ...]
    sessions: Annotated[tuple[SessionText, ...], Field(min_length=1, max_length=2000)]


def read_sessions(path: Path) -> tuple[Session, ...]:
    """Return the sessions of a file. Raises `SessionNotUnderstood` with the file and the member."""
    try:
        content = path.read_bytes()
        text = content[: MAX_BYTES + 1].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SessionNotUnderstood(f"{path.name}: cannot be read as text in UTF-8: {error}.") from error
    if len(content) > MAX_BYTES:
        raise SessionNotUnderstood(f"{path.name}: larger than {MAX_BYTES} bytes; split it by day.")
    return parse_sessions(text, path.name)


def parse_sessions(text: str, file: str) -> tuple[Session, ...]:
    """Return the sessions of a text; `file` is its name in messages."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else load_bounded(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise SessionNotUnderstood(f"{file}: neither YAML nor JSON: {f'{error}'.replace(chr(10), ' ')}.") from error
    if not isinstance(document, dict):
        raise SessionNotUnderstood(f"{file}: holds no members; expected 'schema: pilothouse.sessions/1' and the rest.")
    try:
        return _Reader(SessionsText.model_validate_json(json.dumps(document, default=str)), file).sessions()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the document"
        more = f" ({error.error_count() - 1} more like it)" if error.error_count() > 1 else ""
        given = first.get("input")
        shown = f" It is {given!r}." if isinstance(given, str | int | float | bool) else ""
        raise SessionNotUnderstood(f"{file}: {where}: {first['msg']}.{shown}{more}") from error


class _Reader:
    """Reads a form whose members are each well written, and sees whether they fit together."""

    def __init__(self, form: SessionsText, file: str) -> None:
        self.form, self.file = form, file
        self._refuse_twice("rooms", [one.name for one in form.rooms])
        self._refuse_twice("clinicians", [one.name for one in form.clinicians])
        self._refuse_twice("sessions", [one.name for one in form.sessions])
        self._rooms = {one.name: Room(**one.model_dump()) for one in form.rooms}
        self._clinicians = {one.name: Clinician(**one.model_dump()) for one in form.clinicians}

    def sessions(self) -> tuple[Session, ...]:
        found = tuple(self._session(f"sessions.{place}", one) for place, one in enumerate(self.form.sessions))
        self._refuse_two_places("clinician", found, [one.clinician.name for one in found])
        self._refuse_two_places("room", found, [one.room.name for one in found])
        numbers = [b.appointment for one in found for b in one.booked if b.appointment is not None]
        self._refuse_twice("booked", numbers, "is booked twice; an appointment is in one slot")
        return found

    def _wrong(self, where: str, what: str) -> SessionNotUnderstood:
        return SessionNotUnderstood(f"{self.file}: {where}: {what}.")

    def _refuse_twice(self, where: str, names: Sequence[str], what: str = "stands twice") -> None:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise self._wrong(where, f"{name!r} {what}")
            seen.add(name)

    def _session(self, where: str, text: SessionText) -> Session:
        if text.room not in self._rooms:
            raise self._wrong(f"{where}.room", f"unknown room {text.room!r}; expected one of {_some(self._rooms)}")
        if text.clinician not in self._clinicians:
            known = _some(self._clinicians)
            raise self._wrong(f"{where}.clinician", f"unknown clinician {text.clinician!r}; expected one of {known}")
        minutes = self._whole_minutes(f"{where}.ends_at", text.starts_at, text.ends_at)
        if not 0 < minutes <= LONGEST_SESSION_MINUTES:
            raise self._wrong(
                f"{where}.ends_at",
                f"the session lasts {minutes} minutes; expected 1 to {LONGEST_SESSION_MINUTES}, start before end",
            )
        slots = tuple(
            self._slot(f"{where}.slots.{place}", text, one, minutes)
            for place, one in enumerate(sorted(text.slots, key=lambda one: one.starts_at))
        )
        for place, (one, following) in enumerate(pairwise(slots), start=1):
            if one.offset + one.minutes > following.offset:
                raise self._wrong(
                    f"{where}.slots.{place}",
                    f"{following.starts_at:%H:%M} begins before the slot of {one.starts_at:%H:%M} ends "
                    f"({one.minutes} minutes); slots of one session do not overlap",
                )
        return Session(
            text.name,
            text.clinic,
            self._rooms[text.room],
            self._clinicians[text.clinician],
            text.starts_at,
            text.ends_at,
            slots,
            text.usual_risk,
        )

    def _slot(self, where: str, session: SessionText, text: SlotText, session_minutes: int) -> Slot:
        offset = self._whole_minutes(f"{where}.starts_at", session.starts_at, text.starts_at)
        if not 0 <= offset <= session_minutes - text.minutes:
            raise self._wrong(
                where,
                f"{text.starts_at:%H:%M} for {text.minutes} minutes lies outside of the session, "
                f"{session.starts_at:%H:%M} to {session.ends_at:%H:%M}",
            )
        for place, one in enumerate(text.booked):
            if (one.risk is None) == (one.appointment is None):
                raise self._wrong(
                    f"{where}.booked.{place}", "give either the risk (0 to 1) or the number of the appointment"
                )
        booked = tuple(Booking(one.risk, one.appointment) for one in text.booked)
        return Slot(text.starts_at, offset, text.minutes, booked, text.may_overbook)

    def _whole_minutes(self, where: str, first: datetime, last: datetime) -> int:
        if (last - first) % MINUTE:
            raise self._wrong(where, f"{last.isoformat()} is no whole number of minutes from {first.isoformat()}")
        return (last - first) // MINUTE

    def _refuse_two_places(self, what: str, sessions: Sequence[Session], names: Sequence[str]) -> None:
        ordered = sorted(zip(names, sessions, strict=True), key=lambda one: (one[0], one[1].starts_at))
        for (name, one), (other, following) in pairwise(ordered):
            if name == other and one.ends_at > following.starts_at:
                raise self._wrong(
                    "sessions",
                    f"{one.name!r} and {following.name!r} overlap, and {what} {name!r} is in both; nobody is in two "
                    "places",
                )


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:20]) or "none, since the file lists none"
