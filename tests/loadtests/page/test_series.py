"""What the charts on Locust's page are drawn from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from loadtests.page.mount import MOST_POINTS, Series
from loadtests.users.rows import FIRST, GAP, RATE, TOTAL, name_of


def environment(**seen: dict[float, int]) -> Any:
    """As Locust keeps its statistics: a table by name and row."""
    entries = {
        (name_of("chat", way), FIRST): SimpleNamespace(response_times=response_times)
        for way, response_times in seen.items()
    }
    return SimpleNamespace(stats=SimpleNamespace(entries=entries), runner=None)


def lines(series: Series, place: int) -> dict[str, list[float | None]]:
    return {line["name"]: line["values"] for line in series.told()["charts"][place]["lines"]}


def test_a_chart_has_a_line_for_each_percentile_of_the_target_alone() -> None:
    series = Series(environment(target={170.0: 98, 200.0: 1, 900.0: 1}, direct={20.0: 500}))
    series.look()

    assert lines(series, 0) == {"p50": [170.0], "p95": [170.0], "p99": [200.0]}
    assert lines(series, 1) == {"p50": [None], "p5": [None]}  # nothing is known of it
    assert len(series.told()["times"]) == 1


def test_all_four_figures_are_charted() -> None:
    names = {RATE: "Tokens/s", FIRST: "First token", GAP: "Longest gap", TOTAL: "Whole answer"}
    titles = [chart["title"] for chart in Series(environment()).told()["charts"]]

    assert [title for title in titles if not title.startswith(tuple(names.values()))] == []
    assert len(titles) == len(names)


def test_a_long_test_keeps_its_last_hour() -> None:
    series = Series(environment(target={170.0: 1}))
    for _ in range(MOST_POINTS + 5):
        series.look()

    assert len(series.told()["times"]) == MOST_POINTS
