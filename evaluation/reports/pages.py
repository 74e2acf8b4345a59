"""The static pages: one index of everything, one model card per use case and site.

Here belongs rendering and writing. Every template escapes everything it prints; the pages load nothing, run
no script, and say so to the browser.
"""

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.reports import words
from evaluation.reports.model import ReportModel, SiteView, UseCaseView
from evaluation.reports.model_card import SIMULATED, card_json, metric_rows, model_card
from evaluation.reports.sections import chart_rows, drift_rows, group_rows, kind_sections

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"


def render_index(model: ReportModel) -> str:
    """The index page as one self-contained HTML document."""
    return environment().get_template("index.html").render(model=model)


def render_card(model: ReportModel, use_case: UseCaseView, site: SiteView) -> str:
    """The model card as one self-contained HTML document."""
    card = model_card(use_case, site)["AppliedModelCard"]
    return environment().get_template("card.html").render(model=model, use_case=use_case, site=site, card=card)


def card_name(use_case: UseCaseView, site: SiteView) -> str:
    """File name of a model card, without its ending."""
    return f"model-card-{use_case.name}-{site.site}"


def write_reports(folder: Path, model: ReportModel) -> list[Path]:
    """Write ``index.html``, ``index-<site>.html`` for readers of one site, and each model card as HTML and JSON into
    ``folder``; the index comes first."""
    sites = sorted({site.site for use_case in model.use_cases for site in use_case.sites})
    pages = {"index.html": render_index(model)}
    pages |= {f"index-{site}.html": render_index(_of_site(model, site)) for site in sites}
    for use_case in model.use_cases:
        for site in use_case.sites:
            name = card_name(use_case, site)
            pages[f"{name}.html"] = render_card(model, use_case, site)
            pages[f"{name}.json"] = card_json(use_case, site)
    folder.mkdir(parents=True, exist_ok=True)
    return [write_page(folder / name, text) for name, text in pages.items()]


def _of_site(model: ReportModel, site: str) -> ReportModel:
    """What concerns one site, and no link to pages of all."""
    found = [replace(one, sites=tuple(view for view in one.sites if view.site == site)) for one in model.use_cases]
    return replace(model, use_cases=tuple(one for one in found if one.sites), links=())


def render(template: str, **values: Any) -> str:
    """A template of this folder as one self-contained HTML document."""
    return environment().get_template(template).render(**values)


def write_page(path: Path, text: str) -> Path:
    """Write a page whole or not at all; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path


@lru_cache(maxsize=1)
def environment() -> "Environment":
    """The templates, with the filters that every page may use."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    environment.globals.update(_GLOBALS)
    return environment


_FILTERS: dict[str, Any] = {
    "moment": words.moment,
    "short": words.short,
    "plain": words.plain,
    "percent": words.percent,
    "number": words.number,
    "count": words.count,
    "figure_name": words.figure_name,
    "interval_text": words.interval_text,
    "threshold_text": words.threshold_text,
    "sentence": words.sentence,
}
_GLOBALS: dict[str, Any] = {
    "NOT_EVIDENCED": words.NOT_EVIDENCED,
    "SIMULATED": SIMULATED,
    "STAGES": words.STAGE_TITLES,
    "kind_sections": kind_sections,
    "chart_rows": chart_rows,
    "group_rows": group_rows,
    "drift_rows": drift_rows,
    "metric_rows": metric_rows,
    "spaced": words.spaced,
    "card_name": card_name,
}
