"""`contract check` and `contract diff`: the contracts as files, for the people who write them.

What does not belong here: the rules (orchestration/contracts).
"""

from pathlib import Path

from orchestration.contracts import CONTRACTS_DIR, InvalidContract, Timeline, list_contracts
from orchestration.contracts.compare import Change, compare
from orchestration.contracts.lint import check_contract, read_contract
from orchestration.contracts.load import SUFFIX
from orchestration.contracts.overlay import ENVIRONMENTS
from orchestration.contracts.timeline import HISTORY, load_timeline
from orchestration.settings import Environment
from orchestration.steps.answer import DONE, FAILED, Answer


def check_contracts(file: Path | None, directory: Path = CONTRACTS_DIR) -> Answer:
    """Check one file, or every contract of the house with its earlier versions and what differs by environment.

    Exit code 1 where something is wrong.
    """
    found = {file.name: _check_file(file)} if file else _check_house(directory)
    wrong = {name: problems for name, problems in found.items() if problems}
    document: dict[str, object] = {"ok": not wrong, "contracts": sorted(found), "problems": wrong}
    if file is None and not wrong:
        document["versions"] = {feed: _versions(load_timeline(feed, directory)) for feed in list_contracts(directory)}
    lines = [line for name, problems in found.items() for line in _lines(name, problems)]
    return Answer(document, text="\n".join(lines), exit_code=FAILED if wrong else DONE)


def _check_file(file: Path) -> list[str]:
    """Check a contract, with its versions and overlays where it lies among contracts; or the overlays of a file."""
    if file.parent.name == ENVIRONMENTS:
        feeds = list_contracts(file.parent.parent)
        return list(dict.fromkeys(one for feed in feeds for one in _check_versions(feed, file.parent.parent)))
    problems, feed = check_contract(file), file.name.removesuffix(SUFFIX)
    is_current = (file.parent / HISTORY / f"{feed}.yaml").is_file() or (file.parent / ENVIRONMENTS).is_dir()
    return problems or (_check_versions(feed, file.parent) if is_current else [])


def _check_house(directory: Path) -> dict[str, list[str]]:
    older = sorted((directory / HISTORY).glob(f"*{SUFFIX}"))
    found = {f"{HISTORY}/{path.name}": check_contract(path) for path in older}
    for feed in list_contracts(directory):
        path = directory / f"{feed}{SUFFIX}"
        found[path.name] = check_contract(path) or _check_versions(feed, directory)
    return found


def _check_versions(feed: str, directory: Path) -> list[str]:
    """Load a feed's versions as every environment does; what cannot be loaded is said once."""
    problems: list[str] = []
    for environment in Environment:
        try:
            load_timeline(feed, directory, environment)
        except InvalidContract as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def _versions(timeline: Timeline) -> list[dict[str, object]]:
    return [
        {
            "contract": version.contract.label,
            "sha256": version.contract.digest,
            "in_force_from": version.since.isoformat() if version.since else None,
            "judges_backlog": version.judges_backlog,
        }
        for version in timeline.versions
    ]


def _lines(name: str, problems: list[str]) -> list[str]:
    return [f"{name}: ok"] if not problems else [f"{name}:", *(f"  {problem}" for problem in problems)]


def diff_contracts(old: Path, new: Path) -> Answer:
    """Compare two versions; exit code 1 where a breaking change comes without a new major version."""
    found = compare(read_contract(old), read_contract(new))
    needs = found.impact.name.lower() if found.impact is not None else "nothing"
    document = {
        "old": found.old.label,
        "new": found.new.label,
        "breaking": found.is_breaking,
        "needs": needs,
        "version_ok": found.is_version_enough,
        "changes": [_change(change) for change in found.changes],
    }
    verdict = f"{found.old.label} -> {found.new.label}: {'breaking' if found.is_breaking else 'compatible'}"
    advice = "" if found.is_version_enough else f"; the version must rise by a {needs} number"
    lines = [f"  {c.impact.name.lower():<6} {c.where or found.new.feed}: {c.sentence}" for c in found.changes]
    text = "\n".join([verdict + advice, *lines])
    return Answer(document, text=text, exit_code=DONE if found.is_version_enough else FAILED)


def _change(change: Change) -> dict[str, object]:
    return {
        "where": change.where,
        "impact": change.impact.name.lower(),
        "breaking": change.is_breaking,
        "why": change.sentence,
    }
