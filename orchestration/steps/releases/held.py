"""Whether the calendar and the plans let a proposal go up now, with everything that this home holds about it.

What does not belong here: the rule (evaluation/gates/change_control), planning (planning_changes).
"""

from datetime import datetime

from evaluation.calendar import CalendarError, Place
from evaluation.gates import Control, calendar_unreadable, change_control
from orchestration.settings import Settings
from orchestration.steps.record.changes import calendar_in_force, changes_on_record
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.proposal import Proposal


def control_of(settings: Settings, proposal: Proposal, at: datetime | None = None) -> Control:
    """What change control says of a proposal, now; a calendar that cannot be read holds it up."""
    try:
        calendar = calendar_in_force(settings)
    except CalendarError as error:
        return calendar_unreadable(str(error))
    planned = changes_on_record(open_records(settings)).planned
    place, is_challenger = place_of(proposal), proposal.challenger is not None
    return change_control(
        proposal.policy, calendar, planned, proposal.subject, place, at or now(), is_challenger=is_challenger
    )


def place_of(proposal: Proposal) -> Place:
    return Place(proposal.use_case.use_case, proposal.site.id, proposal.stage, proposal.site.zone)
