"""The story of the fault in a few lines, for whoever reads the demo's end.

What does not belong here: playing it (fault).
"""

from collections.abc import Mapping
from typing import Any


def fault_lines(fault: Mapping[str, Any]) -> list[str]:
    """Found, explained, contained, rolled back, mended, stepped up, and what went on meanwhile; none if none was."""
    if not fault:
        return []
    found, contained, followed = fault["found"], fault["contained"], fault["rolled_back"]
    corrected, restored, affected = fault["corrected"], fault["restored"], fault["affected"]
    judged = fault["judged_anew"]
    clauses = ", ".join(one["clause"] for one in fault["gate_meanwhile"]) or "nothing"
    told = (
        f"{followed['told_on_cards']} of {followed['requests']} answers{' and the board' * followed['told_on_board']} "
        f"said so, {followed['risk_cards']} showed a risk"
    )
    lines = [
        f"fault at {fault['site']} from {fault['since']}: {fault['what']}",
        f"  found in {found['seconds']:.1f} s by the watch over drift, one incident ({found['incident']})",
        f"  explained: {found['sentence']}",
        f"    {affected['patients']} patients and {affected['cards']} cards since; the gate meanwhile: {clauses}",
        f"  contained in {contained['seconds']:.2f} s by the policy's trigger: back to {contained['stage']}",
        f"  rolled back in {followed['seconds']:.2f} s in the running service: {told}",
        f"  mended in {corrected['seconds']:.0f} s: {corrected['sent_again']} readings sent again and landed",
        f"  judged anew in {judged['seconds']:.0f} s: request and warehouse agree in {judged['agreement']:.1%} of "
        f"{judged['visits']} visits; {judged['set_apart']} of the fault stand apart and agree in "
        f"{judged['agreement_set_apart']:.1%}",
        f"  stepped up in {restored['seconds']:.1f} s by {restored['by']} and a second approval, through the gate: "
        f"{restored['stage']}, {restored['risk_cards']} cards at {restored['requests']} requests",
        *(f"  meanwhile {place}: {said}" for place, said in fault["others"].items()),
    ]
    return ["", *(f"  {line}" for line in lines), ""]
