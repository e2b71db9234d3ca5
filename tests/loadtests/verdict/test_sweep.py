"""A sweep names its knee where throughput stops following load, and the highest level that keeps every promise."""

from __future__ import annotations

from random import Random

import pytest

from loadtests.figures.facts import Stage
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome, Sample
from loadtests.verdict.levels import read
from loadtests.verdict.sweep import Level, Sweep, knee_at, settled, sweep
from plugins.policy.slo import SloFile
from tests.loadtests.synthetic import broken, climbing, run

LATE = SloFile.model_validate({"default": {"first_token_ms": {"p95": 500}}})


def found(loads: list[float], carries: float, slo: SloFile = LATE) -> Sweep:
    made = sweep(climbing(loads, carries), slo)
    assert made
    return made


def load_of(made: Sweep) -> tuple[float | None, float | None]:
    return made.knee.load if made.knee else None, made.safe.load if made.safe else None


@pytest.mark.parametrize("carries", [16, 32, 64])
def test_the_knee_is_the_last_level_that_still_gained(carries: float) -> None:
    made = found([8, 16, 32, 64, 128, 256], carries)

    assert made.knee
    assert made.knee.load == carries
    assert made.confirmed


def test_a_target_that_carries_everything_has_no_knee() -> None:
    made = found([8, 16, 32, 64], 1000)

    assert load_of(made) == (None, 64)
    assert made.sentence == (
        "no knee up to 64 users, the last level: go on to more (`--users 128`) to find it; "
        "the highest safe level is 64 users (proven)"
    )


def test_a_knee_at_the_last_step_is_named_and_not_confirmed_unless_promises_are_missed_there() -> None:
    assert found([8, 16, 32, 64], 32).confirmed  # LATE
    made = found([8, 16, 32, 64], 32, SloFile.model_validate({"default": {"first_token_ms": {"p95": 5000}}}))

    assert made.knee
    assert (made.knee.load, made.confirmed) == (32, False)
    assert "the knee is at 32 users, by the last level alone: go on to more (`--users 128`) to confirm it" in (
        made.sentence
    )


def test_the_safe_level_is_below_the_first_that_misses_a_promise() -> None:
    assert load_of(found([8, 16, 32, 64, 128], 32)) == (32, 32)
    assert found([8, 16, 32], 1, LATE).safe is None


def test_steps_too_small_to_show_a_gain_are_no_knee() -> None:
    assert found([30, 31, 32], 30).knee is None


@pytest.mark.parametrize(
    ("loads", "throughput", "p99", "knee"),
    [
        pytest.param((8, 16, 32), (8, 16, 16), (170, 170, 400), (1, False), id="the last level alone says so"),
        pytest.param((8, 16, 32, 64), (8, 16, 16, 16), (170, 170, 400, 900), (1, True), id="the one after says so too"),
        pytest.param((8, 16, 32, 64), (8, 16, 16, 40), (170, 170, 400, 170), (None, False), id="a dip and no more"),
        pytest.param((8, 16, 32), (8, 16, 16), (170, 170, 180), (None, False), id="nobody waits"),
        pytest.param((8, 16, 32), (8, 16, 17), (170, 170, 900), (None, False), id="it still gains"),
        pytest.param((30, 31, 32), (30, 30, 30), (170, 400, 900), (None, False), id="hardly more load"),
        pytest.param((8, 16, 32), (8, 16, 0), (170, 170, None), (1, False), id="nothing answers any more"),
    ],
)
def test_a_knee_is_where_load_grows_waiting_doubles_and_nothing_is_gained(
    loads: tuple[float, ...],
    throughput: tuple[float, ...],
    p99: tuple[float | None, ...],
    knee: tuple[int | None, bool],
) -> None:
    levels = [
        Level(Stage(str(load), 0, 1, users=load), load, 100, 100, rate, rate, None, 170, late, (), True)
        for load, rate, late in zip(loads, throughput, p99, strict=True)
    ]

    assert knee_at(levels) == knee


@pytest.mark.parametrize(
    ("loads", "carries", "why"),
    [
        pytest.param([8, 16, 32], 1000, None, id="it still gains"),
        pytest.param([8, 16, 32, 64], 32, None, id="one level alone says so"),
        pytest.param([8, 16, 32, 64, 128], 32, "knee", id="two levels say so"),
    ],
)
def test_a_sweep_need_not_go_on_once_its_knee_is_confirmed(loads: list[float], carries: float, why: str | None) -> None:
    assert settled(found(loads, carries)) == why


def test_a_sweep_need_not_go_on_when_two_levels_in_a_row_miss_a_promise_though_nothing_waits() -> None:
    def some_turned_away(one: Sample, chance: Random) -> Sample:
        return broken(one, Outcome.SHED) if one.intended >= 20 and chance.random() < 0.4 else one

    levels = climbing([8, 16, 32, 64], 1000)
    shed = Run(
        levels.info | {"ended": {"why": "missed", "text": ""}},
        [some_turned_away(one, Random(one.id)) for one in levels.samples],
    )
    made = sweep(shed, SloFile.model_validate({"default": {"error_share": 0.01}}))

    assert made
    assert settled(made) == "missed"
    assert made.sentence == (
        "no knee up to 64 users, but promises are missed from 32 users on, so it went no further; "
        "the highest safe level is 16 users (not contradicted, though not proven)"
    )


def test_a_sweep_that_its_generator_ended_says_so_even_after_two_levels() -> None:
    levels = climbing([8, 16], 1000)
    text = "at 32 users the generator used 96% of a core, and 90% is allowed"
    about = {"ended": {"why": "generator", "text": text}, "scenario": {"ends_at_knee": True}}
    made = sweep(Run(levels.info | about, levels.samples), LATE)

    assert made
    assert made.sentence.startswith(f"no knee up to 16 users, as {text}: give it more processes (`--processes 2`)")


def test_a_run_on_one_level_is_no_sweep() -> None:
    assert sweep(run(), read()) is None
