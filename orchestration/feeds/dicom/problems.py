"""Why a DICOM file is quarantined before its contract is asked.

What does not belong here: what a valid header must hold (the contract says that).
"""

from orchestration.feeds.problems import Problem

NOT_DICOM = Problem("file.not_dicom", "The file is no DICOM object: it has neither the DICM mark nor a whole data set.")
TRUNCATED = Problem("file.truncated_header", "The DICOM file is cut off within its header. Ask for it again.")
DAMAGED = Problem("file.damaged_header", "The DICOM header is damaged: its elements do not follow one another.")
NESTING = Problem("file.header_nesting", "The sequences of the DICOM header nest deeper than any real object's do.")
TOO_MANY_ELEMENTS = Problem("file.header_elements", "The DICOM header has more elements than this installation reads.")
TOO_LONG = Problem("file.header_too_long", "The DICOM header is longer than this installation takes in.")
PROBLEMS = (NOT_DICOM, TRUNCATED, DAMAGED, NESTING, TOO_MANY_ELEMENTS, TOO_LONG)


class Unreadable(Exception):
    """The bytes cannot be read as a DICOM header; `problem` says why. It never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem
