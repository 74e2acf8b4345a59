"""`pilothouse demo`: the whole lifecycle on a simulated hospital group, through the same steps a hospital uses.

Nothing here is a shortcut: drops land under contracts, dbt builds, models train, the gate decides, two people sign,
requests go over HTTP. What is simulated is the hospital. What does not belong here: any step that only the demo needs
except acting for its people (`people.py`) and its emergency department (`replay.py`).
"""

from orchestration.demo.tour import run_demo

__all__ = ["run_demo"]
