"""orchestration MOVES records and work: feeds to the lake, the lake to tables, candidates to releases.

What does not belong here: shaping (dbt_project), learning and serving (ml), judging (evaluation).
"""
