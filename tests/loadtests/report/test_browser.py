"""The report in a real browser: it asks nothing of any network, tells of no error, and fits on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from loadtests.conclude import conclude
from loadtests.record import folder
from loadtests.record.folder import Run
from loadtests.record.sample import Mark, MarkKind, Outcome, Sample
from tests.loadtests.synthetic import FALLBACK, PRIMARY, beside, broken, run

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: apt-get install chromium")


@dataclass
class Seen:
    page: Page
    said: list[str] = field(default_factory=list)  # on the console
    asked: list[str] = field(default_factory=list)  # of any network


def failing_over(one: Sample, _: Random) -> Sample:
    if 8 <= one.intended < 8.5:
        return broken(one, Outcome.FAILED, status=503)
    return replace(one, target=FALLBACK) if 8 <= one.intended < 13 else one


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    marks = [
        Mark(kind=MarkKind.FAULT, what="503", at=8.0, until=12.0, target="cerebras"),
        Mark(kind=MarkKind.CIRCUIT, what="opened", at=8.5, target=PRIMARY),
        Mark(kind=MarkKind.CIRCUIT, what="closed", at=13.0, target=PRIMARY),
    ]
    made = run(change=failing_over, marks=marks)
    whole = Run(made.info, [*made.samples, *beside(made, "direct", 2)], made.marks)
    where = tmp_path_factory.mktemp("run")
    folder.write(where, whole)
    conclude(where, whole)
    return where / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=False, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, report: Path) -> Seen:
    held = Seen(browser.new_page())
    held.page.on("console", lambda message: held.said.append(message.text))
    held.page.on("pageerror", lambda error: held.said.append(str(error)))
    held.page.on("request", lambda asked: held.asked.append(asked.url))
    held.page.goto(report.as_uri())
    return held


@pytest.fixture
def seen(opened: Seen) -> Seen:
    opened.page.set_viewport_size({"width": 1180, "height": 800})
    opened.page.evaluate("scrollTo(0, 0)")
    return opened


def test_it_opens_without_an_error_and_asks_nothing_of_any_network(seen: Seen, report: Path) -> None:
    assert seen.said == []
    assert [url for url in seen.asked if not url.startswith("data:")] == [report.as_uri()]


def test_the_verdict_is_seen_without_scrolling(seen: Seen) -> None:
    stamp = seen.page.locator("#verdict")
    box = stamp.bounding_box()

    assert stamp.inner_text() == "Missed"
    assert box
    assert box["y"] + box["height"] < 800


def test_a_chart_says_under_the_pointer_what_it_shows(seen: Seen) -> None:
    tip, spot = seen.page.locator("#tip"), seen.page.locator(".wide rect.hit").nth(19)
    assert tip.is_hidden()

    spot.scroll_into_view_if_needed()
    spot.hover(force=True)
    assert "first token p50" in tip.inner_text()
    assert "from a fallback" in tip.inner_text()

    seen.page.mouse.move(2, 2)
    assert tip.is_hidden()


def test_the_worst_requests_can_be_filtered(seen: Seen) -> None:
    rows = seen.page.locator("#worst tbody tr:visible")
    before = rows.count()

    seen.page.get_by_role("searchbox").fill("wl-0004")
    assert 0 < rows.count() <= before == 25
    assert all("wl-0004" in text for text in rows.all_inner_texts())

    seen.page.get_by_role("searchbox").fill("no such request")
    assert rows.count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1180])
def test_it_never_scrolls_sideways_and_shows_each_chart_once(seen: Seen, width: int) -> None:
    seen.page.set_viewport_size({"width": width, "height": 800})
    wide = seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    charts = seen.page.locator("figure.chart").count()

    assert wide == 0
    assert seen.page.locator("figure.chart svg:visible").count() == charts == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_text_can_be_read_in_light_and_in_darkness(seen: Seen, scheme: str) -> None:
    """Each text colour against its ground, by the contrast that WCAG asks for."""
    seen.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    faint = seen.page.evaluate(CONTRAST)

    assert faint == []


CONTRAST = """() => {
  const part = (value) => { const v = value / 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const held = parse(getComputedStyle(node).backgroundColor);
      if (held.length < 4 || held[3] > 0) return held;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const node of document.querySelectorAll("h1,h2,h3,p,th,td,dt,dd,small,b,li,summary,.weight")) {
    if (!node.textContent.trim() || !node.offsetParent) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort().reverse();
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) faint.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...faint];
}"""
