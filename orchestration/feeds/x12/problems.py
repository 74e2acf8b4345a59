"""Why an X12 file, or a claim of it, is quarantined before its contract is asked.

What does not belong here: what a claim must hold, and which counts of the envelope must be right (the contract says
both).
"""

from orchestration.feeds.problems import Problem

NOT_X12 = Problem("file.not_x12", "The file is no X12 interchange: it does not start with a readable ISA segment.")
NOT_837 = Problem("set.not_837", "The transaction set is of another type than 837, a health care claim.")
NO_CLAIMS = Problem("set.no_claims", "The transaction set holds no claim (CLM).")
SET_TRUNCATED = Problem("set.truncated", "The transaction set is cut off: it has no SE segment. Ask for it again.")
SET_CONTROL = Problem("set.control_number", "SE02 is not the ST02 of its transaction set: segments were lost or mixed.")
OUTSIDE = Problem("envelope.no_header", "Segments stand outside their envelope: an ST or a GS segment is missing.")
GROUP_TRUNCATED = Problem("group.truncated", "The functional group has no GE segment: sets of it may be lost.")
GROUP_CONTROL = Problem(
    "group.control_number", "GE02 is not the GS06 of its group: transaction sets were lost or mixed."
)
INTERCHANGE_TRUNCATED = Problem("interchange.truncated", "The interchange is cut off: it has no IEA segment.")
INTERCHANGE_CONTROL = Problem("interchange.control_number", "IEA02 is not the ISA13 of its interchange.")
INTERCHANGE_EMPTY = Problem("interchange.empty", "The interchange holds no transaction set.")
CLAIM_TOO_LONG = Problem("claim.too_long", "The claim is longer than this installation takes in.")
PROBLEMS = (
    NOT_X12,
    NOT_837,
    NO_CLAIMS,
    SET_TRUNCATED,
    SET_CONTROL,
    OUTSIDE,
    GROUP_TRUNCATED,
    GROUP_CONTROL,
    INTERCHANGE_TRUNCATED,
    INTERCHANGE_CONTROL,
    INTERCHANGE_EMPTY,
    CLAIM_TOO_LONG,
)
