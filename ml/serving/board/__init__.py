"""The huddle board of a unit: visits at triage, the coming shifts, and what people change about them.

`visits.py` counts what was asked at triage; `shifts.py` shows what plans say; `adjusting.py` takes a person's own
figure; `page.py` draws, `routes.py` answers. Counts only: nobody can be identified on a board.
"""
