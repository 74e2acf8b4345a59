"""The safety case: named faults put into a sandbox of the whole system, and a scoreboard of what became of each.

Faults are looked for through the product's own surfaces alone, in the same way as in a null run, which has no fault in
it and says how often the system cries wolf. What does not belong here: what catches a fault (every other room), and
measuring speed (tests/benchmarks).
"""

from orchestration.safety_case.running import list_catalogue, run_safety_case

__all__ = ["list_catalogue", "run_safety_case"]
