"""The pages: complete, honest about what is missing, and safe whatever the names are."""

import json
import re
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.evidence import Evidence, Figure, Subject
from evaluation.gates import decide
from evaluation.policies import Stage, load_policy
from evaluation.reports import (
    DecisionView,
    LedgerView,
    Link,
    ReportError,
    ReportModel,
    SiteView,
    UseCaseView,
    render_card,
    render_index,
    write_reports,
)
from evaluation.reports.model import CardFacts

ATTACK = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
VOID = {"meta", "link", "img", "br", "line", "rect", "circle", "polyline", "input"}


class Page(HTMLParser):
    """Collects elements, attributes, links, ids and text; fails on a tag that is closed in the wrong place."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.links, self.ids, self.text, self._open = [], [], [], [], [], []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value for name, value in attrs if name in ("href", "src")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def site_page(model, position):
    use_case = model.use_cases[0]
    return Page(render_index(replace(model, use_cases=(replace(use_case, sites=(use_case.sites[position],)),))))


def test_a_use_case_without_a_site_says_so_instead_of_an_empty_table(model):
    page = Page(render_index(replace(model, use_cases=(replace(model.use_cases[0], sites=()),))))
    assert "No site has a release or a candidate of it yet." in page.words and "all sites" not in page.words


def test_a_simulated_site_says_which_times_are_the_simulations(model):
    use_case = model.use_cases[0]
    for simulated in (True, False):
        sites = tuple(replace(site, is_simulated=simulated) for site in use_case.sites)
        words = Page(render_index(replace(model, use_cases=(replace(use_case, sites=sites),)))).words
        assert ("are the simulation's" in words) is simulated


def test_a_released_site_shows_stage_release_approvals_incidents_and_the_way_back(model):
    words = site_page(model, 0).words
    for expected in (
        "Shadow",
        "9f86d081884c",
        "Amara Okafor",
        "Clinical safety lead",
        "1 open incident",
        "Feed late.",
        "No quota.",
        "312 files",
        "1 of 1 clauses met",
        "units ED; shifts day",
        "Promoted to shadow",
    ):
        assert expected in words


def test_a_figure_shows_its_interval_its_threshold_and_whether_it_is_met(model):
    words = site_page(model, 1).words
    auroc = model.use_cases[0].sites[1].evidence[0].figures["critical_care.auroc"]
    assert f"{auroc.value:.3f}" in words
    assert f"{auroc.lower:.3f} to {auroc.upper:.3f}" in words
    assert "≥ 0.75 met" in words
    assert "≥ 0.85 not met" in words
    assert "Recalibrate." in words


def test_a_refused_gate_says_what_would_meet_it(model):
    words = site_page(model, 1).words
    assert "refused 1 of 3 clauses met" in words
    assert "Run in shadow." in words


def test_a_missed_promise_says_what_was_held_what_is_spent_and_where_it_was_lost(model):
    html = render_index(model)
    start = html.index("<h4>Service levels</h4>")
    text = Page(html[start : html.index("</table>", start) + len("</table>")]).words
    assert "99.5 % 95.0 % missed 93.0 % to 96.5 % 600 1 000 % burning (creeping)" in text
    assert "unit ED north (30)" in text
    assert "Displayed cards answered within half an hour over 28 days 70.0 % NOT EVIDENCED 0" in text


def test_overrides_say_where_people_disagree_and_why(model):
    words = site_page(model, 0).words
    assert "unit ED north 1 000 50.0 % 10.0 % 33.0 % 34.0 % disagreement" in words
    assert "unit ED south 1 000 10.0 % 50.0 % not known 30.0 % as elsewhere" in words
    assert "Reasons given: does-not-fit (500, outcome in 160 of 480 known)." in words


def test_a_void_approval_is_shown_as_void(model):
    assert "Workflow void" in site_page(model, 0).words


def test_a_site_without_evidence_reads_not_evidenced_for_every_kind(model):
    words = site_page(model, 2).words
    for title in ("Calibration", "Subgroups", "Drift", "Rollback rehearsal", "Service levels", "Shadow results"):
        assert f"{title} NOT EVIDENCED" in words
    assert "NOT EVIDENCED : the gate has not been asked." in words


def test_a_figure_that_could_not_be_estimated_reads_not_evidenced_and_never_zero(model):
    use_case = model.use_cases[0]
    document = use_case.sites[0].evidence[0]
    empty = Evidence.from_json(document.to_json())
    bare = {"critical_care.auroc": Figure(None, n=50)}
    changed = Evidence(**{f.name: getattr(empty, f.name) for f in fields(Evidence)} | {"figures": bare})
    site = replace(use_case.sites[0], evidence=(changed,))
    words = Page(render_index(replace(model, use_cases=(replace(use_case, sites=(site,)),)))).words
    assert "AUROC NOT EVIDENCED" in words


def test_simulated_sites_say_so_and_real_ones_do_not(model):
    banner = "Simulated data: engineering evidence, not a clinical claim."
    assert banner in site_page(model, 0).words
    assert banner not in site_page(model, 1).words


def test_suppressed_groups_show_no_number(model):
    rows = re.search(r"Race: Other(.{0,60})", site_page(model, 0).words)
    assert rows is not None
    assert "suppressed" in rows[1]


def test_figures_in_shadow_stand_under_their_outcome_and_what_is_of_none_under_all_visits(model):
    use_case = model.use_cases[0]
    drift = use_case.sites[0].evidence_of("drift")
    figures = {"shadow.critical_care.auroc": Figure(0.81, n=900), "shadow.alerts_per_100": Figure(5.5, n=950)}
    shadow = replace(drift, kind="shadow", figures=figures, detail={"window": {"served_from": "2026-04-05T04:21:28Z"}})
    site = replace(use_case.sites[0], evidence=(shadow,))
    words = Page(render_index(replace(model, use_cases=(replace(use_case, sites=(site,)),)))).words
    shown = words[words.index("Served from 2026-04-05 04:21 UTC") :]
    order = ["Critical care or death", "AUROC 0.810", "All visits", "Alerts per 100 visits 5.5"]
    assert sorted(order, key=shown.index) == order


def test_drift_shows_both_verdicts_and_links_the_report(model):
    page = site_page(model, 0)
    assert re.search(r"Heart rate drifted 0\.41 0\.16 .{0,20}→.{0,20} drifted \(Wasserstein, 0\.400\)", page.words)
    assert "drift/city.html" in page.links


def test_the_newest_document_of_a_kind_is_the_one_shown(model):
    site = model.use_cases[0].sites[0]
    old = replace(site.evidence[0], created_at=site.evidence[0].created_at.replace(year=2025))
    assert replace(site, evidence=(site.evidence[0], old)).evidence_of("performance") == site.evidence[0]


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        (None, "Ledger: NOT EVIDENCED"),
        (LedgerView(True, 3), "3 entries, unbroken"),
        (LedgerView(False, 9, 4), "broken at entry 4"),
    ],
)
def test_the_state_of_the_ledger_is_on_top(model, ledger, expected):
    assert expected in Page(render_index(replace(model, ledger=ledger))).words


def test_what_is_simulated_is_said_in_a_sentence_of_its_own(model):
    assert "UTC. Days of patients and shifts at simulated sites" in Page(render_index(model)).words


def test_an_empty_home_has_a_page(model):
    assert "Nothing is declared yet" in render_index(ReportModel(model.generated_at, "0.1.0", ()))


def test_pages_load_nothing_and_say_so_to_the_browser(model):
    for html in (render_index(model), render_card(model, model.use_cases[0], model.use_cases[0].sites[0])):
        page = Page(html)
        assert "default-src 'none'" in html
        assert {"script", "img", "iframe", "link", "object"}.isdisjoint(page.tags)
        assert all(re.fullmatch(r"[\w./#-]+", link) for link in page.links)
        assert "url(" not in html
        assert "@import" not in html


def test_ids_are_unique_and_inner_links_lead_somewhere(model):
    page = Page(render_index(model))
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def poisoned(value, inside=""):
    """The same tree with every free text replaced by an attack."""
    if isinstance(value, Evidence | Link):
        return value
    if is_dataclass(value):
        kept = {"site", "name", "stage", "verdict", "release", "digest", "ledger_hash", "kind", "figure", "threshold"}
        changes = {f.name: poisoned(getattr(value, f.name), f.name) for f in fields(value) if f.name not in kept}
        return replace(value, **changes)
    if isinstance(value, tuple):
        return value if inside == "outcomes" else tuple(poisoned(member, inside) for member in value)
    return ATTACK if isinstance(value, str) else value


def test_names_that_are_markup_are_escaped_everywhere(model):
    bad = poisoned(model)
    use_case = bad.use_cases[0]
    pages = [render_index(bad), *(render_card(bad, use_case, site) for site in use_case.sites)]
    for html in pages:
        page = Page(html)
        assert {"script", "img"}.isdisjoint(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert "&lt;script&gt;" in html


def test_markup_inside_evidence_is_escaped(model):
    use_case = model.use_cases[0]
    site = use_case.sites[0]
    drift = site.evidence[-1].to_json()
    drift["detail"]["features"][0] |= {"feature": ATTACK, "verdict": ATTACK}
    drift["detail"]["window"] = {ATTACK: ATTACK}
    groups = site.evidence[3].to_json()
    groups["detail"]["groups"]["critical_care"][0] |= {"group": ATTACK, "attribute": ATTACK}
    documents = [
        replace(old, detail=new["detail"]) for old, new in ((site.evidence[-1], drift), (site.evidence[3], groups))
    ]
    html = render_index(
        replace(model, use_cases=(replace(use_case, sites=(replace(site, evidence=tuple(documents)),)),))
    )
    assert {"script", "img"}.isdisjoint(Page(html).tags)
    assert html.count("&lt;script&gt;") >= 3


@pytest.mark.parametrize(
    "path",
    [
        "javascript:alert(1)",
        "https://example.org",
        "//example.org",
        "/etc/passwd",
        "\\\\host",
        "data:text/html,x",
        "",
        "a?b",
    ],
)
def test_a_link_that_leaves_the_pages_is_refused(path):
    with pytest.raises(ReportError, match="no relative path"):
        Link("report", path)


@pytest.mark.parametrize("path", ["drift.html", "drift/city-2020.html", "../drift/city.html", "index.html#triage-city"])
def test_a_relative_link_is_kept(path):
    assert Link("report", path).path == path


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "a b", "-a", "a" * 101])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(ReportError, match="cannot name a file"):
        SiteView(name, "label", is_simulated=False, stage="off")


def test_writing_gives_the_index_first_and_a_card_for_every_site(model, tmp_path):
    paths = write_reports(tmp_path / "reports", model)
    assert paths[0] == tmp_path / "reports" / "index.html"
    sites = ("city", "nhamcs", "rural")
    assert [path.name for path in paths[1:4]] == [f"index-{site}.html" for site in sites]
    assert {path.name for path in paths[4:]} == {
        f"model-card-triage-{site}.{ending}" for site in sites for ending in ("html", "json")
    }
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == sorted(path.name for path in paths)
    linked = {link for link in Page(paths[0].read_text()).links if link.startswith("model-card")}
    assert linked == {path.name for path in paths[4:]}


def test_the_index_of_one_site_holds_nothing_of_another(model, tmp_path):
    write_reports(tmp_path, replace(model, links=(Link("Operations", "operations.html"),)))
    links = set(Page((tmp_path / "index-rural.html").read_text()).links)
    assert {link for link in links if link.startswith("model-card")} == {
        "model-card-triage-rural.html", "model-card-triage-rural.json",
    }  # fmt: skip
    text = (tmp_path / "index-rural.html").read_text()
    assert "operations.html" not in links and 'id="triage-rural"' in text and 'id="triage-city"' not in text


def test_writing_again_replaces_and_the_same_model_gives_the_same_pages(model, tmp_path):
    first = [path.read_bytes() for path in write_reports(tmp_path, model)]
    assert [path.read_bytes() for path in write_reports(tmp_path, model)] == first


def test_model_card_has_the_sections_of_the_published_schema(model, tmp_path):
    card = json.loads(write_reports(tmp_path, model)[5].read_text())["AppliedModelCard"]
    assert list(card) == [
        "BasicInfo",
        "ReleaseInfo",
        "ModelSummary",
        "UsesAndDirections",
        "Warnings",
        "TrustIngredients",
        "KeyMetrics",
        "Resources",
        "Bibliography",
    ]
    assert card["ReleaseInfo"]["ReleaseStage"] == "Shadow"
    assert "Simulated data" in card["Warnings"]["KnownRisksAndLimitations"]
    results = card["KeyMetrics"]["UsefulnessUsabilityEfficacy"]["Results"]["MetricResult"]
    values = {result["Label"]: json.loads(result["ValueJson"]) for result in results}
    assert values["critical_care.auroc"]["n"] == 2000
    assert values["Shadow results"] == "NOT EVIDENCED"


def test_model_card_says_not_evidenced_for_everything_nobody_wrote(model):
    use_case = replace(model.use_cases[0], facts=CardFacts())
    words = Page(render_card(model, use_case, use_case.sites[2])).words
    for name in (
        "Model developer",
        "Clinical risk level",
        "Funding source",
        "Stakeholders consulted",
        "Release version",
    ):
        assert f"{name} NOT EVIDENCED" in words


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_any_text_in_a_label_is_printed_as_text(text):
    site = SiteView("city", f"[{text}]", is_simulated=False, stage="off")
    use_case = UseCaseView("triage", "t", "u", "p", (), "o", "a", (), (site,))
    page = Page(render_index(ReportModel(datetime(2026, 11, 22, tzinfo=UTC), "0.1.0", (use_case,))))
    assert f"[{text}]" in "".join(page.text)


def test_a_decision_of_the_gate_is_shown_clause_by_clause(model):
    subject = Subject(*(letter * 64 for letter in "abcde"))
    decision = decide(load_policy("triage"), Stage.SHADOW, [], subject, site="city", now=model.generated_at)
    view = DecisionView.of(decision)
    assert (view.stage, view.allowed, view.digest) == ("shadow", False, decision.digest)
    assert [line.clause for line in view.clauses] == [result.clause for result in decision.results]
    use_case = model.use_cases[0]
    site = replace(use_case.sites[2], decision=view)
    words = Page(render_index(replace(model, use_cases=(replace(use_case, sites=(site,)),)))).words
    assert f"refused 0 of {len(view.clauses)} clauses met" in words
