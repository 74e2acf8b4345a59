"""Why a message is quarantined before any contract is asked: clauses `message.*`, `batch.*` and `file.not_hl7`.

What does not belong here: contract clauses. A reason never quotes what came.
"""

from orchestration.feeds.problems import Problem

NOT_HL7 = Problem("file.not_hl7", "The file holds no HL7 v2 message: no line of it starts with an MSH segment.")
NO_MESSAGES = Problem("file.no_messages", "The file holds a batch envelope and no message.")

NO_HEADER = Problem("message.no_header", "The text between messages belongs to none: it has no MSH segment.")
CUT_OFF = Problem("message.cut_off", "The message's frame is never closed: the message is cut off. Ask for it again.")
BLANK_LINE = Problem(
    "message.blank_line",
    "A blank line parts the message from segments without an MSH of their own; whose they are cannot be told.",
)
SEPARATORS = Problem("message.separators", "MSH-1 and MSH-2 do not name separators that differ from each other.")
NO_TYPE = Problem("message.no_type", "MSH-9 names no message type (three capital letters or digits, such as ADT).")
NO_CONTROL_ID = Problem("message.no_control_id", "MSH-10 is empty: the message has no control id.")
CHARSET = Problem(
    "message.charset", "The message is neither in the character set that MSH-18 declares, if it does, nor in UTF-8."
)
UNKNOWN_CHARSET = Problem(
    "message.unknown_charset", "MSH-18 declares a character set that this installation cannot read."
)
TOO_LONG = Problem("message.too_long", "The message is longer than this installation takes in.")
TOO_MANY_PARTS = Problem("message.too_many_parts", "The message has more fields and parts than any real one.")
BATCH_COUNT = Problem(
    "batch.count", "BTS-1 says how many messages the batch has, and another number came. Ask for the batch again."
)

PROBLEMS = tuple(value for value in globals().values() if isinstance(value, Problem))
