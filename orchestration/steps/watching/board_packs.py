"""Board packs: which are written, where, and their printing on paper through headless Chromium.

What does not belong here: gathering what they say (board_facts), what they say and how they look (evaluation/reports).
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation.ledger import Readable
from evaluation.reports import LedgerView, ReportModel
from evaluation.reports.board import PAGE, PRINTED, BoardPack, board_pack, render_pack, write_pack
from evaluation.reports.pages import write_page
from ml.usecases import load_declaration, use_case_names
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError
from orchestration.steps.record.records import believed_records, now
from orchestration.steps.watching.board_counts import SiteCounts
from orchestration.steps.watching.board_facts import board_facts
from orchestration.steps.watching.status import overview
from orchestration.steps.watching.views import use_case_view

FOLDER, INDEX, CALENDAR = "board-packs", "../../index.html", "../../calendar.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 60
NO_BROWSER = "No Chromium is installed here, so no PDF was written; print the page from a browser instead."
NAMES = (
    ("pack", PAGE),
    ("PDF", PRINTED),
    ("release notes", f"{PAGE}#notes"),
    ("readiness", f"{PAGE}#readiness"),
    ("checklists", f"{PAGE}#checklists"),
    ("value", f"{PAGE}#value"),
)


class NothingToShow(StepError):
    """A pack was asked for where there is neither a candidate nor a release."""


def write_board_packs(settings: Settings, use_case: str | None, site: str | None, out: Path | None) -> Answer:
    """Write the packs of one use case and site, or of all, as pages and as PDF; the document names the paths.

    Raises `UnknownUseCase`, `UnknownSite`, and `NothingToShow`.
    """
    names = use_case_names() if use_case is None else (load_declaration(use_case).use_case,)
    place = load_site(site).id if site else None
    verdict, records = believed_records(settings)
    rows = [one for one in overview(settings).rows if place in (None, one["site"])]
    model = ReportModel(
        generated_at=now(),
        version=version("pilothouse"),
        use_cases=tuple(use_case_view(settings, records, name, rows) for name in names),
        ledger=LedgerView(verdict.ok, verdict.entries, verdict.first_bad),
    )
    packs = list(_packs(settings, model, records))
    if not packs:
        where = f" of {use_case}" if use_case else ""
        raise NothingToShow(
            f"There is no candidate and no release{where}{f' at {place}' if place else ''} yet: nothing to put before "
            "a board. Run: pilothouse run"
        )
    return _answer(out or settings.reports, packs)


def write_packs(settings: Settings, model: ReportModel, records: Readable, out: Path) -> list[Path]:
    """Write every pack of a model as a page, without PDF; one that was printed before is older than its page, and goes.

    Returns the paths of the pages.
    """
    pages: list[Path] = []
    for pack in _packs(settings, model, records):
        folder = pack_folder(out, pack.facts.use_case.name, pack.facts.site.site)
        pages.append(write_pack(folder, pack, {INDEX: "all releases", CALENDAR: "release calendar"})[0])
        (folder / PRINTED).unlink(missing_ok=True)
    return pages


def _packs(settings: Settings, model: ReportModel, records: Readable) -> Iterator[BoardPack]:
    counts = SiteCounts(settings, model.generated_at)
    for use_case in model.use_cases:
        for site in use_case.sites:
            yield board_pack(board_facts(counts, records, model, use_case, site))


def pack_folder(out: Path, use_case: str, site: str) -> Path:
    """Where the pack of a use case and site lies, with all that it cites."""
    return out / FOLDER / f"{use_case}-{site}"


def linked(out: Path, use_case: str, site: str) -> list[tuple[str, str]]:
    """Name and path, from `out`, of the pack and its documents, as far as they lie there."""
    folder = pack_folder(out, use_case, site)
    there = [(name, file) for name, file in NAMES if (folder / file.partition("#")[0]).exists()]
    return [(name, str((folder / file).relative_to(out))) for name, file in there]


def _answer(out: Path, packs: list[BoardPack]) -> Answer:
    found = [_laid_down(out, pack) for pack in packs]
    is_printed = all(one["pdf"] for one in found)
    document: dict[str, Any] = {
        "packs": found,
        "written": [path for one in found for path in (one["page"], one["pdf"]) if path],
    }
    if not is_printed:
        document["problems"] = [NO_BROWSER if browser() is None else "Chromium printed no PDF; the page is whole."]
    lines = [f"{one['use_case']} at {one['site']}: {one['pdf'] or one['page']}; {_gaps(one['gaps'])}" for one in found]
    return Answer(document, text="\n".join(lines))


def _gaps(gaps: list[str]) -> str:
    return f"NOT EVIDENCED in: {', '.join(gaps)}" if gaps else "everything is evidenced"


def _laid_down(out: Path, pack: BoardPack) -> dict[str, Any]:
    """Print and write one pack; says where it lies and what is not evidenced in it."""
    facts = pack.facts
    folder = pack_folder(out, facts.use_case.name, facts.site.site)
    printed = print_pdf(folder / PRINTED, render_pack(pack, printed=True))
    named = {INDEX: "all releases", CALENDAR: "release calendar"}
    beside = {path: name for path, name in named.items() if (out / Path(path).name).exists()}
    page, *rest = write_pack(folder, pack, beside | ({PRINTED: "PDF"} if printed else {}))
    return {
        "use_case": facts.use_case.name,
        "site": facts.site.site,
        "page": str(page),
        "pdf": str(printed) if printed else None,
        "documents": [str(path) for path in rest if path.parent == folder],
        "evidence": sum(path.parent != folder for path in rest),
        "gaps": [section.title for section in pack.absent],
    }


def browser() -> str | None:
    """The Chromium of this machine, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_pdf(path: Path, html: str, find: Callable[[], str | None] | None = None) -> Path | None:
    """Print a page to `path` through headless Chromium; None, and no file, where there is none or it does not do it."""
    path.unlink(missing_ok=True)
    program = (find or browser)()
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        page, draft = write_page(Path(name) / "pack.html", html), Path(name) / "pack.pdf"
        told = [f"--user-data-dir={name}/profile", f"--print-to-pdf={draft}", "--no-pdf-header-footer", page.as_uri()]
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-extensions", *told]
        try:
            subprocess.run(  # noqa: S603 - the browser of this machine, on a page that loads nothing
                command, capture_output=True, check=True, timeout=PATIENCE_SECONDS
            )
        except (OSError, subprocess.SubprocessError):
            return None
        if not draft.exists() or not draft.read_bytes().startswith(b"%PDF-"):
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(draft, path)
    return path
