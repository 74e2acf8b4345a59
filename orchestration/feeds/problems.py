"""Why a record or a whole file is quarantined before any contract is asked: a clause and a reason in plain words.

What does not belong here: contract clauses (the compiler makes those). A reason never quotes what came.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A clause such as `line.not_json`, and what it means for people."""

    clause: str
    reason: str


SAY_ENCODING = (
    "Have it sent as UTF-8 text, or say its `encoding` (such as windows-1252) in the site's mapping of the feed: "
    "orchestration/sites/SITE.mappings/FEED.yaml."
)

EMPTY = Problem("file.empty", "The file is empty.")
TRUNCATED = Problem("file.truncated", "The file is cut off: it ends inside a JSON document. Ask for it again.")
NOT_JSON = Problem("file.not_json", "The file is not JSON, and no line of it is.")
NOT_UTF8 = Problem("file.not_utf8", "The file is not UTF-8 text.")
HEADER = Problem("file.header", "The header cannot be read: it opens a quote that nothing closes in its line.")
NESTING = Problem("file.nesting", "The file nests deeper than any FHIR resource does.")
TOO_LARGE = Problem("file.too_large", "The file is larger than this installation takes in at once; split it.")
NOT_FHIR = Problem("file.not_fhir", "The file is JSON, but holds no FHIR resource (no resourceType).")
UNKNOWN_TYPE = Problem("file.unknown_type", "The file holds only types of records that its contract does not know.")
WRONG_TYPE = Problem("file.wrong_type", "The file holds other resource types than its name says.")
UNRECOGNISED = Problem("file.unrecognised", "The file is in no format that a contract knows.")
WRONG_FORMAT = Problem("file.wrong_format", "The file is in another format than the feed's contract allows.")
DAMAGED = Problem("file.damaged", "The file is damaged or cut off and cannot be read in its format.")
NO_ROWS = Problem("file.no_rows", "The file has a header and no rows.")
EMPTY_BUNDLE = Problem("file.empty_bundle", "The bundle has no entries.")
MISSING_COLUMN = Problem("file.missing_column", "The file lacks a column that its contract requires.")
REPEATED_COLUMN = Problem("file.repeated_column", "The file names a column twice that its contract reads.")
RIVAL_COLUMNS = Problem(
    "file.rival_columns", "The file has several columns, which differ, for what its contract reads from one."
)
SCHEMA_DRIFT = Problem("file.schema_drift", "Most records of the file have another form than its contract says.")
NOT_LISTED = Problem("file.feed_not_listed", "The file is of a feed that this site does not send.")
ARCHIVE_BOMB = Problem("file.archive_bomb", "The archive unpacks to more than this installation takes in.")
NESTED_ARCHIVE = Problem("file.nested_archive", "An archive within an archive is not opened.")
ENCRYPTED = Problem("file.encrypted", "The archive's member is encrypted.")
TRUNCATED_ARCHIVE = Problem("file.truncated_archive", "The archive is empty, cut off or damaged.")
NO_FILE = Problem(
    "file.no_file", "The entry is no file: a link that leads to none, a pipe, a device. Have a copy sent."
)
UNREADABLE = Problem("file.unreadable", "The file cannot be read. See its permissions and its disk; let it come again.")
ERASED = Problem("file.erased", "The file's bytes were erased, for a patient or at the end of their term.")

LINE_NOT_JSON = Problem("line.not_json", "The line is not a complete JSON document.")
LINE_NOT_UTF8 = Problem("line.not_utf8", "The line is not UTF-8 text.")
LINE_NESTING = Problem("line.nesting", "The line nests deeper than any FHIR resource does.")
LINE_TOO_LONG = Problem("line.too_long", "The line is longer than this installation takes in.")
LINE_NOT_FHIR = Problem("line.not_fhir", "The line holds no FHIR resource (no resourceType).")
LINE_UNKNOWN_TYPE = Problem("line.unknown_type", "The record is of a type that its contract does not know.")
REPEATED = Problem(
    "line.repeated_member",
    "An object of the record names a member twice; name each once, or readers take different ones.",
)
LINE_WRONG_TYPE = Problem("line.wrong_type", "The resource is of another type than the file's name says.")
ENTRY_EMPTY = Problem("entry.no_resource", "The bundle entry has neither a resource nor a delete request.")
ENTRY_RESPONSE = Problem(
    "entry.response_only", "The bundle entry only tells how a request was answered; it carries no resource."
)
ENTRY_BUNDLE = Problem("entry.empty_bundle", "The bundle that the entry holds has no entries.")
ENTRY_DEEP = Problem("entry.too_deep", "The entry holds a bundle deeper within others than landing looks.")
ENTRY_DELETE = Problem("entry.delete_target", "The delete request names no resource as Type/id.")
ENTRY_PATCH = Problem(
    "entry.patch",
    "The entry asks for a PATCH, which landing cannot apply: what it changes stays as it was. Have the resource sent "
    "whole (PUT).",
)
ENTRY_OPERATION = Problem(
    "entry.operation",
    "The entry asks for an operation ($name), which landing cannot apply. Have what it changes sent whole.",
)
ENTRY_METHOD = Problem("entry.method", "The entry's request has a method that FHIR R4 does not know.")
ENTRY_SERVER = Problem(
    "entry.server",
    "The entry is of a FHIR server that the site file does not list under `fhir_servers`: its id is another's. List "
    "the server if it is the site's own.",
)
ROW_WIDTH = Problem("row.width", "The row has another number of cells than the header.")
ROW_QUOTES = Problem(
    "row.quotes",
    "The row has a quote where none may stand, or one that nothing closes. A cell with a quote is written in quotes, "
    "with each quote in it doubled (RFC 4180).",
)
ROW_NOT_UTF8 = Problem("row.not_utf8", f"The row is not text in the table's encoding. {SAY_ENCODING}")
ROW_TOO_LONG = Problem("row.too_long", "The row is longer than this installation takes in.")

# Requests that landing cannot apply; the type of resources that each is about is told beside its reason.
REQUESTS = frozenset({ENTRY_PATCH.clause, ENTRY_OPERATION.clause})

_ALL = [value for value in globals().values() if isinstance(value, Problem)]
REASONS = {problem.clause: problem.reason for problem in _ALL}

# What is no verdict on the records: such a file is judged again when it comes again.
JUDGED_AGAIN = frozenset(
    {p.clause for p in (MISSING_COLUMN, REPEATED_COLUMN, RIVAL_COLUMNS, SCHEMA_DRIFT, NOT_LISTED, UNREADABLE)}
)

# What a file is called when every line of it has the same problem.
WHOLE = {
    LINE_NOT_JSON.clause: NOT_JSON,
    LINE_NOT_UTF8.clause: NOT_UTF8,
    LINE_NESTING.clause: NESTING,
    LINE_TOO_LONG.clause: TOO_LARGE,
    LINE_NOT_FHIR.clause: NOT_FHIR,
    LINE_UNKNOWN_TYPE.clause: UNKNOWN_TYPE,
    LINE_WRONG_TYPE.clause: WRONG_TYPE,
}
