"""The board as a charge nurse meets it: two clicks in Chromium, at desktop and phone width, by day and by night."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from serving_homes import BOARD, KEY, NOW, SITE, Home, line

from ml.registry.stages import Stage
from ml.serving.background import running
from ml.serving.config import SiteContext

pytestmark = pytest.mark.browser
UNITS = {"MED": "General Medicine"}


@pytest.fixture
def address(home: Home) -> Iterator[str]:
    """A running service whose board has a plan of three shifts."""
    release = home.release(BOARD, use_case="staffing")
    home.point(release, Stage.ASSISTIVE, use_case="staffing")
    starts = {name: NOW + timedelta(hours=hours) for name, hours in (("evening", 7), ("night", 15), ("day", 23))}
    lines = [
        line(target, median, starts=at, shift=shift, planned=planned)
        for shift, at in starts.items()
        for target, median, planned in (("census", 118.0, None), ("rn", 17.3, 16.0))
    ]
    home.plan(release, lines)
    config = home.config(sites={SITE: SiteContext("America/New_York", KEY, "Harbour City", UNITS)})
    with running(config) as port:
        yield f"http://127.0.0.1:{port}/board/{SITE}/MED"


@pytest.fixture
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_two_clicks_change_a_shift_and_the_board_shows_whose_figure_it_is(address: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    evening = page.locator("article").first
    evening.get_by_text("One more").click()
    evening.get_by_role("button", name="Patients are sicker or better than recorded").first.click()
    page.wait_for_load_state()
    adjusted = page.locator("article").first
    assert "19 set by a person: patients are sicker or better than recorded; advice 17.3" in adjusted.inner_text()
    assert "3 registered nurses missing" in adjusted.inner_text()
    assert page.url == address and said == []


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "light"), (390, "dark")])
def test_the_board_fits_its_screen_and_its_words_stand_out_from_their_ground(
    address: str, browser: Any, width: int, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("heading", level=3).count() == 3
    smallest = page.evaluate("Math.min(...[...document.querySelectorAll('summary')].map(e => e.offsetHeight))")
    assert smallest >= 32  # a thumb must hit it
    assert min(page.evaluate(CONTRASTS)) >= 4.5  # WCAG 2.2, 1.4.3
    context.close()


def test_a_screen_reader_hears_what_each_figure_belongs_to(address: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(address)
    heard = page.locator("section").first.aria_snapshot()
    for words in (
        'table "Needed and rostered, evening of Mon 2 Mar"',
        'rowheader "Registered nurses"',
        "One more of Registered nurses, evening of Mon 2 Mar",
    ):
        assert words in heard, heard


CONTRASTS = """
    () => {
      const channels = text => text.match(/[\\d.]+/g).map(Number);
      const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const ground = element => {
        for (let at = element; at; at = at.parentElement) {
          const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
          if (a > 0) return [r, g, b];
        }
        return [255, 255, 255];
      };
      return [...document.querySelectorAll("main *")]
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .map(e => [luminance(channels(getComputedStyle(e).color)), luminance(ground(e))])
        .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
"""
