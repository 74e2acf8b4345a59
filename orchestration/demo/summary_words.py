"""The demo's document in words, for a reader who has never seen the product, with what to open next.

What does not belong here: where its figures come from (summary), and the story of the fault (fault_words).
"""

from typing import Any

from orchestration.demo.fault_words import fault_lines
from orchestration.demo.staffing import ROSTER, STAFFING

CAVEAT = "Simulated patients: this shows that the machinery works. It is engineering evidence, never a clinical claim."


def summary_text(document: dict[str, Any], use_case: str, pilot: str) -> str:
    """The text of the demo's document, as `summarise` makes it, with what to open next."""
    lines = ["", "Pilothouse demo", "===============", CAVEAT, ""]
    for site, row in document["use_cases"][use_case].items():
        lines.append(
            f"  {site:<9} {row['stage']:<10} risk of critical care: AUROC {_number(row['auroc'])}"
            f" (nurse's level {_number(row['nurse_level_auroc'])}, best possible {_number(row['best_possible_auroc'])})"
        )
    for site, row in document["use_cases"][STAFFING].items():
        lines.append(
            f"  {site:<9} {row['stage']:<10} nurse hours a day ahead: {_percent(row['hours_skill_1d'])} nearer than "
            f"the better simple rule, interval held {_percent(row['hours_coverage_1d'])}, "
            f"plans in time {_percent(row['plans_in_time'])}"
        )
    rosters = document["use_cases"][ROSTER].items()
    lines += [f"  {site:<9} {row['stage']:<10} {_roster_words(row)}" for site, row in rosters]
    for stage, one in document["requests"].items():
        lines.append(
            f"  {pilot:<9} {stage}: {one['requests']} live requests over HTTP, {one['cards']} cards, "
            f"p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms, feedback {one['feedback'] or 'none'}"
        )
    lines += fault_lines(document["fault"])
    for site, reasons in document["refused"].items():
        lines += [f"  {site:<9} refused, and why:", *[f"            {reason}" for reason in reasons]]
    ledger = document["ledger"]
    lines += [
        f"  ledger    {ledger['entries']} entries, {'verified' if ledger['ok'] else 'NOT VERIFIED'}",
        f"  time      {document['seconds']['total']:.0f} s",
        "",
        "Open next",
        *([f"  {document['board_pack']}   what the board reads before it decides"] if document["board_pack"] else []),
        f"  {document['reports']}   every release: stage, evidence, approvals, drift, the way back",
        f"  {document['operations']}   model, workflow and outcomes side by side",
        "  make ui                          Dagster's graph and checks, MLflow's runs, the huddle board",
        f"  .venv/bin/pilothouse gate explain {use_case} --site {pilot} --stage decision_support",
        "  .venv/bin/pilothouse ledger show",
    ]
    return "\n".join(lines)


def _roster_words(row: dict[str, Any]) -> str:
    broken, was_broken = (_count(row[name]) for name in ("hard_rules_broken", "hard_rules_broken_as_worked"))
    covered, was_covered = (_percent(row[name]) for name in ("demand_covered", "demand_covered_as_worked"))
    return (
        f"roster of a past week: {broken} hard rules broken ({was_broken} as worked), need covered {covered} "
        f"({was_covered} as worked), wishes kept {_percent(row['wishes_kept'])}"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
