"""`contract check` and `contract diff`: the contracts as files, for the people who write them.

What does not belong here: the rules (orchestration/contracts).
"""

from pathlib import Path

from orchestration.contracts import CONTRACTS_DIR, InvalidContract, Timeline, list_contracts
from orchestration.contracts.compare import Change, compare
from orchestration.contracts.errors import InvalidMapping
from orchestration.contracts.lint import check_contract, read_contract
from orchestration.contracts.load import SUFFIX
from orchestration.contracts.mapping import mapped
from orchestration.contracts.overlay import ENVIRONMENTS
from orchestration.contracts.timeline import HISTORY, load_timeline
from orchestration.settings import Environment
from orchestration.sites import list_sites, load_site
from orchestration.sites.codes import load_codes
from orchestration.sites.mappings import load_mappings
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.warehouse.site_codes import all_site_codes


def check_contracts(file: Path | None, directory: Path = CONTRACTS_DIR) -> Answer:
    """Check one file, or every contract of the house with its earlier versions, what differs by environment, and what
    sites say of their own columns and codes.

    Exit code 1 where something is wrong.
    """
    of_sites = {} if file else check_mappings(directory)
    mapping_names = of_sites.keys()
    found = ({file.name: _check_file(file)} if file else _check_house(directory)) | of_sites
    wrong = {name: problems for name, problems in found.items() if problems}
    names = sorted(found.keys() - mapping_names)
    document: dict[str, object] = {"ok": not wrong, "contracts": names, "problems": wrong}
    if file is None:
        document["mappings"] = sorted(mapping_names)
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


def check_mappings(directory: Path = CONTRACTS_DIR) -> dict[str, list[str]]:
    """Check what every site says of its own columns and codes: the files themselves, and against the contracts of every
    environment; by the name of the folder or file, with what is wrong."""
    found = {
        f"{site}.mappings": problems for site in list_sites() if (problems := _check_site(site, directory)) is not None
    }
    try:
        all_site_codes()
    except InvalidMapping as error:
        found.setdefault("codes.yaml of all sites", []).append(str(error))
    return found


def _check_site(site: str, directory: Path) -> list[str] | None:
    """What is wrong with the mappings of a site; None where it has none."""
    problems: list[str] = []
    try:
        mappings, codes = load_mappings(site), load_codes(site)
    except InvalidMapping as error:
        return [str(error)]
    if not mappings and codes is None:
        return None
    for environment in Environment:
        try:
            named = mappings.keys() & set(list_contracts(directory))
            mapped({feed: load_timeline(feed, directory, environment) for feed in named}, mappings)
        except (InvalidContract, InvalidMapping) as error:
            problems.append(str(error))
    unsent = sorted(mappings.keys() - set(load_site(site).feeds))
    problems += [f"The mapping of {feed!r} is of a feed that {site} does not list in its file." for feed in unsent]
    return list(dict.fromkeys(problems))


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
