"""Who stands for a release together: of every kind its quorum, no person and no key twice, no role for two kinds.

Here belongs the choice among approvals that each count by themselves (``sworn.py``).
"""

from collections.abc import Mapping, Sequence

from evaluation.ledger.approval import RecordedApproval


def find_team(
    quorums: Mapping[str, int], usable: Mapping[str, Sequence[RecordedApproval]]
) -> tuple[RecordedApproval, ...]:
    """One approval for every seat, in the order of the kinds, the first preferred; empty when there is no such choice.

    ``quorums`` says how many seats each kind has; ``usable`` holds the approvals of each kind, the preferred first.
    """
    seats = [kind for kind, quorum in quorums.items() for _ in range(quorum)]
    choices = {kind: _once(usable[kind]) for kind in quorums}
    everybody = [each for found in choices.values() for each in found]
    people, roles = ({getattr(each.statement, name) for each in everybody} for name in ("person", "role"))
    if len(people) < len(seats) or len(roles) < len(quorums):
        return ()
    return _seated(seats, choices, ())


def _once(approvals: Sequence[RecordedApproval]) -> list[RecordedApproval]:
    """The first word of every person in every role: signing again adds nobody."""
    first: dict[tuple[str, str], RecordedApproval] = {}
    for each in approvals:
        first.setdefault((each.statement.person, each.statement.role), each)
    return list(first.values())


def _seated(
    seats: Sequence[str], choices: Mapping[str, Sequence[RecordedApproval]], taken: tuple[RecordedApproval, ...]
) -> tuple[RecordedApproval, ...]:
    if len(taken) == len(seats):
        return taken
    for each in choices[seats[len(taken)]]:
        if all(_may_sit_beside(each, other) for other in taken):
            team = _seated(seats, choices, (*taken, each))
            if team:
                return team
    return ()


def _may_sit_beside(one: RecordedApproval, other: RecordedApproval) -> bool:
    mine, theirs = one.statement, other.statement
    is_somebody_else = mine.person != theirs.person and one.signed.public_key != other.signed.public_key
    return is_somebody_else and (mine.kind == theirs.kind or mine.role != theirs.role)
