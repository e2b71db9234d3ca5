"""The report holds what a run holds, whatever it is named and however large it was."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from loadtests.commands import report as command
from loadtests.conclude import conclude
from loadtests.figures.figure import FIRST_TOKEN
from loadtests.figures.pairs import added
from loadtests.record import folder
from loadtests.record.folder import Run
from loadtests.record.sample import Mark, MarkKind, Outcome, Sample
from loadtests.report.bins import histogram, lanes, slices
from loadtests.report.charts import distribution
from loadtests.report.content import coded
from loadtests.report.svg import fitting, line, tag
from tests.loadtests.synthetic import FALLBACK, PRIMARY, beside, broken, run, some

NASTY = "</script><img src=x onerror=alert(1)>\"'&`|"


def concluded(tmp_path: Path, made: Run) -> str:
    folder.write(tmp_path, made)
    conclude(tmp_path, made)
    return (tmp_path / "report.html").read_text("utf-8")


class Page(HTMLParser):
    """The elements of a page, and whether each was closed."""

    VOID = frozenset("meta link input br img".split())

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()
        self.texts: list[str] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_four_files_say_the_same(tmp_path: Path) -> None:
    page = concluded(tmp_path, run(first_ms=1500))

    told = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    summary = (tmp_path / "summary.md").read_text("utf-8")
    assert told["headline"] == "missed: 3 of 9 promises"
    assert "missed: 3 of 9 promises" in page
    assert "## Load test steady: missed: 3 of 9 promises" in summary
    assert (tmp_path / "junit.xml").read_text("utf-8").count("<failure") == 3
    assert "| chat: First token p95 | 1,5" in summary


def test_a_fault_stands_in_page_summary_and_data(tmp_path: Path) -> None:
    fault = Mark(kind=MarkKind.FAULT, what="503", at=8.0, until=12.0, target="cerebras")
    dead = run(change=lambda one, _: broken(one, Outcome.FAILED) if 8 <= one.intended < 12 else one, marks=[fault])
    page = concluded(tmp_path, dead)

    told = json.loads((tmp_path / "verdict.json").read_text("utf-8"))["faults"]
    assert [(each["what"], each["lost"], each["requests"]) for each in told] == [("503", 240, 240)]
    assert "| 503 at cerebras | 4 s |" in (tmp_path / "summary.md").read_text("utf-8")
    assert "240 of 240" in page


def test_names_are_text_wherever_they_stand(tmp_path: Path) -> None:
    def named(one: Sample, _: Random) -> Sample:
        odd = {"id": NASTY, "workload": NASTY, "target": NASTY, "model_served": NASTY, "lane": NASTY, "error": NASTY}
        return replace(one, **odd)  # type: ignore[arg-type]

    marks = [Mark(kind=kind, what=NASTY, at=1.0, until=2.0, target=NASTY) for kind in MarkKind]
    stages = [
        {"name": NASTY, "begin": 0.0, "end": 10.0, "users": 1},
        {"name": NASTY * 2, "begin": 10.0, "end": 20.0, "users": 1},
    ]
    about = {"scenario": {"name": NASTY}, "target": {"url": NASTY}, "versions": {NASTY: NASTY}, "name": NASTY}
    page = Page(concluded(tmp_path, run(count=200, change=some(0.9, named), marks=marks, stages=stages, about=about)))

    assert page.count["img"] == 0
    assert page.count["script"] == 1
    assert page.unbalanced == []
    assert sum(NASTY in text for text in page.texts) > 10
    assert "<img" not in re.sub(r"\\.", "", (tmp_path / "summary.md").read_text("utf-8"))


def test_a_page_grows_with_time_and_names_and_not_with_requests(tmp_path: Path) -> None:
    """100,000 requests made one of 200 kB."""
    sizes = []
    for times in (1, 4):
        made = run()
        samples = [each for each in made.samples for _ in range(times)]
        sizes.append(len(concluded(tmp_path / str(times), Run(made.info, samples)).encode()))

    assert sizes[1] < sizes[0] * 1.1
    assert sizes[1] < 400_000


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(Run({}, []), id="nothing"),
        pytest.param(run(count=1), id="one request"),
        pytest.param(run(count=40, change=lambda one, _: broken(one, Outcome.FAILED)), id="all failed"),
        pytest.param(
            run(count=40, change=lambda one, _: replace(one, gap=None, completion_tokens=None)), id="no usage"
        ),
        pytest.param(Run({}, run(count=40).samples), id="no facts"),
    ],
)
def test_there_is_a_page_of_any_run(made: Run, tmp_path: Path) -> None:
    assert Page(concluded(tmp_path, made)).unbalanced == []


def test_every_chart_stands_there_twice_and_has_its_figures_in_a_table(tmp_path: Path) -> None:
    made = run()
    page = concluded(tmp_path, Run(made.info, [*made.samples, *beside(made, "direct", 2)]))

    assert page.count('<figure class="chart">') == 5
    assert page.count('role="img"') == 2 * 5
    assert page.count("<summary>The same in figures</summary>") == 5


def test_worst_requests_are_those_that_were_silently_cut_then_those_that_failed(tmp_path: Path) -> None:
    made = run()
    made.samples[700] = replace(made.samples[700], outcome=Outcome.TRUNCATED)
    made.samples[500] = broken(made.samples[500], Outcome.FAILED, status=503)
    page = concluded(tmp_path, made)
    worst = page[page.index('id="worst"') :]

    assert re.findall(r"wl-\d+", worst)[:2] == ["wl-000700", "wl-000500"]


def test_what_the_gateway_adds_is_the_difference_of_pairs() -> None:
    made = run(3, first_ms=181)
    over = added([*made.samples, *beside(made, "direct", 2)], "direct")

    assert over
    assert over.low < 10 < over.high
    assert over.first_ms == pytest.approx(10, abs=0.7)
    assert over.rate_share == pytest.approx(1, abs=0.01)
    assert added(made.samples, "direct") is None


def test_a_circuit_is_closed_until_a_mark_says_otherwise() -> None:
    marks = [
        Mark(kind=MarkKind.CIRCUIT, what="opened", at=5.0, target=PRIMARY),
        Mark(kind=MarkKind.CIRCUIT, what="closed", at=8.0, target=PRIMARY),
    ]
    (lane,) = lanes(marks, 20)

    assert [(each.what, each.at, each.until) for each in lane.stretches] == [
        ("closed", 0, 5),
        ("opened", 5, 8),
        ("closed", 8, 20),
    ]


def test_slices_of_time_hold_every_request_once() -> None:
    def elsewhere(one: Sample, _: Random) -> Sample:
        return replace(one, target=FALLBACK)

    made = run(change=some(0.3, elsewhere))
    cut = slices(made.samples, 20, frozenset({PRIMARY}))

    assert sum(each.requests for each in cut) == 1200
    assert sum(each.by_other for each in cut) == sum(each.target == FALLBACK for each in made.samples)
    assert sum(each.by_first + each.by_other + each.failed for each in cut) == 1200


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200), st.integers(1, 60))
def test_a_histogram_holds_every_value_once(seen: list[float], bins: int) -> None:
    held = histogram(sorted(seen), bins)

    assert held
    assert sum(held.counts) == len(seen)


@given(st.lists(st.floats(0, 1e7), max_size=50))
def test_any_values_fit_on_their_scale_with_a_few_round_ticks(seen: list[float]) -> None:
    scale = fitting(seen, 0, 100)

    assert all(-1e-6 <= scale(value) <= 100 + 1e-6 for value in seen)
    assert 1 <= len(scale.ticks(4)) <= 12
    assert distribution(FIRST_TOKEN, sorted(seen), 480)


def test_a_tag_escapes_what_it_is_given_and_a_line_breaks_where_a_point_is_missing() -> None:
    assert tag("text", Markup("&amp;"), "<b>", data_tip='"&') == Markup(
        '<text data-tip="&#34;&amp;">&amp;&lt;b&gt;</text>'
    )
    assert 'd="M0.0 0.0L1.0 1.0M3.0 3.0h.01"' in line([(0, 0), (1, 1), None, (3, 3)], "x")
    assert coded("say `a<b` now") == "say <code>a&lt;b</code> now"


def test_the_command_writes_the_report_of_a_run_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(tmp_path, run())
    (tmp_path / "mine.yaml").write_text("default: {first_token_ms: {p50: 100}}\n", "utf-8")

    assert ended(tmp_path) == 0
    assert ended(tmp_path, "--slo", tmp_path / "mine.yaml") == 1
    assert "missed: 1 of 1 promise" in capsys.readouterr().out


def test_service_levels_that_are_wrong_are_told_and_nothing_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write(tmp_path, run())
    (tmp_path / "mine.yaml").write_text("default: {error_share: 7}\n", "utf-8")

    assert ended(tmp_path, "--slo", tmp_path / "mine.yaml") == 3
    assert "mine.yaml:1 default.error_share: must be at most 1 (was 7)" in capsys.readouterr().err


def ended(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))
