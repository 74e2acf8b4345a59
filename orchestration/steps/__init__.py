"""One module per stage of the flow: read, call one room's function, write, return plain data.

Both faces of orchestration stand on these: the command line (`cli.py`) and the Dagster graph (`defs/`). What does
not belong here: Dagster, SQL of the tables, statistics, policy.
"""
