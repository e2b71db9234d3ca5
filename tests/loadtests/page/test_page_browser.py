"""Locust's own page in a real browser: first token, tokens/s and gap are charted as they happen, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.support.processes import BIN, ROOT, clean_environment, eventually, free_port, started
from tests.support.provider import provider

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FIRST_TOKEN_MS = 50
KNOBS = f"--first-token {FIRST_TOKEN_MS / 1000} --pace 1000 --tokens 60".split()

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of Locust's page, while a master and a worker load a provider: what is charted comes from the worker."""
    folder, port = tmp_path_factory.mktemp("locust"), free_port()
    with provider("cerebras", folder, *KNOBS) as target:
        command = [str(BIN / "locust"), "-f", str(ROOT / "loadtests" / "locustfile.py"), "--host", target.base]
        more = (
            f"--web-host 127.0.0.1 --web-port {port} --autostart -u 4 -r 4 --processes 1 --master-bind-host 127.0.0.1"
        )
        environment = clean_environment(OPENAI_API_KEY="simulated")
        with started([*command, *more.split()], folder / "locust.log", environment, folder):
            origin = f"http://127.0.0.1:{port}/"
            eventually(lambda: is_running(origin), 30, "the test's start")
            yield origin


def is_running(origin: str) -> bool:
    try:
        with urlopen(f"{origin}stats/requests", timeout=2) as answer:
            return bool(json.load(answer)["state"] == "running")
    except OSError:
        return False


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=False, args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_locust_s_page_charts_first_tokens_speed_and_gaps_as_they_happen(page: Page, address: str) -> None:
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    page.get_by_role("tab", name="Charts").click()
    page.wait_for_function("document.querySelectorAll('#streams path[d*=L]').length >= 10", timeout=20_000)
    charts = page.locator("#streams figure")
    now = [float(said.replace(",", "")) for said in charts.locator("figcaption span b").all_inner_texts()]

    assert [each.split(",")[0] for each in charts.locator("figcaption > b").all_inner_texts()] == [
        "First token",
        "Tokens/s of one stream",
        "Longest gap within an answer",
        "Whole answer",
    ]
    first_p50, first_p95, first_p99, rate_p50, rate_p5 = now[:5]
    assert FIRST_TOKEN_MS <= first_p50 <= first_p95 <= first_p99
    assert rate_p5 <= rate_p50 <= 1500
    assert wrong == []
    assert {url for url in asked if not url.startswith(address)} == set()


def test_they_are_on_the_tab_of_charts_alone(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("tab", name="Charts").click()
    page.wait_for_selector("#streams figure")
    page.get_by_role("tab", name="Statistics").click()

    page.wait_for_selector("#streams", state="hidden", timeout=5_000)
