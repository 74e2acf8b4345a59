"""A message as one JSON object, in the shape that the contract's paths read.

`resourceType` is the message code (`Z` for every local one), `id` joins sending application, facility, control id and
message time as they were sent, `messageKey` those and the first patient's number (a sender that counts anew each second
gives messages of two patients one `id`), `event` is the trigger; then the segments by name as lists, in order. An `OBX`
entry carries what it belongs to: `order` (its `ORC`, `OBR`, `SPM`), `orderNo` where there is one, `patient`, `n` (which
OBX of the message), and `value`; an OBX whose OBX-5 repeats stands once per repetition (`rep`). `patient` (the medical
record number, else the first identifier), `identifiers` and `visit` are of the first patient; `people` are all, in
order, with their PV1; `merges` is what MRG segments say.

What does not belong here: separators and escapes (splitting.py), what is landed (the contract).
"""

import re

import orjson

from orchestration.feeds.hl7v2.charset import codec_of, decode
from orchestration.feeds.hl7v2.gathering import Gathered, Order
from orchestration.feeds.hl7v2.identity import first_text, record_number
from orchestration.feeds.hl7v2.problems import NO_CONTROL_ID, NO_TYPE, TOO_LONG, TOO_MANY_PARTS
from orchestration.feeds.hl7v2.splitting import Header, Segment, header, read_header, segment_reader, segments
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import Problem

MOST_PARTS = 500_000  # fields, repetitions, components and subcomponents of one message
TYPE = re.compile(r"[A-Z][A-Z0-9]{2}")
LOCAL = "Z"
CONTROL_ID = (3, 4, 10, 7)  # control ids repeat between senders and over time


def read_message(message: bytes, limits: Limits) -> bytes | Problem:
    """Return a message as JSON, or why it cannot be read."""
    if len(message) > limits.line:
        return TOO_LONG
    plain = message.decode("latin-1")
    first = header(plain)
    if isinstance(first, Problem):
        return first
    separators = first.separators
    if sum(message.count(c.encode()) for c in (separators.field, *separators.encoding)) > MOST_PARTS:
        return TOO_MANY_PARTS
    codec = codec_of(first.raw(18), separators.repetition)
    text = plain if codec == "utf-8" and message.isascii() else decode(message, codec)
    if isinstance(text, Problem):
        return text
    head = first if text is plain else header(text)
    return head if isinstance(head, Problem) else _document(head, text, codec or "ascii", limits)


def _document(head: Header, text: str, codec: str, limits: Limits) -> bytes | Problem:
    code, event = (*head.parts(9), "")[:2]
    if not TYPE.fullmatch(code):
        return NO_TYPE
    if not head.raw(10):
        return NO_CONTROL_ID
    gathered = _gathered(head, text, codec)
    observations = _observations(gathered.orders, limits)
    if isinstance(observations, Problem):
        return observations
    people = [person.document() for person in gathered.people]
    ident = "|".join(head.raw(number) for number in CONTROL_ID)
    patient = record_number(gathered.people[0].identifiers) if gathered.people else {}
    made: dict[str, object] = {
        "resourceType": LOCAL if code.startswith(LOCAL) else code,
        "id": ident,
        "messageKey": "|".join((ident, *(patient[part] for part in ("authority", "id") if part in patient))),
        "event": event or first_text(gathered.plain.get("EVN", [{}])[0], 1),
        **gathered.plain,
        **{name: member for name, member in (people[0] if people else {}).items() if name != "PV1"},
        "OBX": observations,
        "people": people,
        "merges": gathered.merges,
    }
    return orjson.dumps({name: member for name, member in made.items() if member})


def _gathered(head: Header, text: str, codec: str) -> Gathered:
    gathered, read = Gathered(), segment_reader(head.separators, codec)
    first, *others = segments(text, head.separators.field)
    gathered.add(first[0], read_header(first, head.separators, codec))
    for fields in others:
        gathered.add(fields[0], read(fields))
    return gathered


def _observations(orders: list[Order], limits: Limits) -> list[orjson.Fragment] | Problem:
    """Return every observation with its order; bounded, because a long order under many observations multiplies."""
    made: list[orjson.Fragment] = []
    size = 0
    for number, order in enumerate((o for o in orders if o.segments or o.observations), start=1):
        patient = record_number(order.person.identifiers) if order.person else {}
        about: Segment = {"order": orjson.Fragment(orjson.dumps(order.segments)), "patient": patient}
        about |= {"orderNo": number} if order.segments else {}
        for observation in order.observations:
            text = orjson.dumps(observation | about)
            size += len(text)
            if size > limits.line:
                return TOO_LONG
            made.append(orjson.Fragment(text))
    return made
