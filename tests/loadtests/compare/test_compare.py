"""Two runs of one build show no difference, a regression shows, and runs that are not alike are not compared."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from loadtests.commands import compare as command
from loadtests.compare.comparison import compare_runs
from loadtests.compare.difference import Change, compare
from loadtests.exits import Exit
from loadtests.figures.blocks import draw, quantiles, stretch_of
from loadtests.record import folder
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome, Sample
from tests.loadtests.synthetic import FALLBACK, broken, run, some


def drifting(seed: int, milliseconds: float = 1.5) -> Callable[[Sample, Random], Sample]:
    """Luck that requests of the same seconds share: it comes and goes over about five of them."""
    chance = Random(seed)
    levels = [0.0]
    for _ in range(60):
        levels.append(0.8 * levels[-1] + chance.gauss(0, milliseconds / 1000 * 0.6))

    def late(one: Sample, _: Random) -> Sample:
        by = levels[int(one.intended)]
        return replace(one, first=(one.first or 0) + by, last=(one.last or 0) + by, end=one.end + by)

    return late


def changes(before: Run, after: Run) -> dict[str, Change]:
    return {each.name: each.change for each in compare(before.samples, after.samples)}


def differ(before: Run, after: Run) -> list[str]:
    return [name for name, change in changes(before, after).items() if change in (Change.WORSE, Change.BETTER)]


BEFORE = run(100, change=drifting(1))


def test_two_runs_of_one_build_show_no_difference_in_nine_of_ten() -> None:
    """Of 400 such pairs made offline none differed; the README of the load tests has the harder kinds."""
    clean = sum(not differ(BEFORE, run(seed, change=drifting(seed))) for seed in range(101, 111))

    assert clean >= 9


def test_a_first_token_that_is_15_percent_later_is_found_and_the_other_way_round_too() -> None:
    slower = run(111, first_ms=171 * 1.15, change=drifting(3))

    assert changes(BEFORE, slower)["first_token_ms.p50"] is Change.WORSE
    assert changes(slower, BEFORE)["first_token_ms.p50"] is Change.BETTER


def test_a_slower_answer_is_found_in_its_rate_and_its_end_and_nowhere_else() -> None:
    assert set(differ(run(1), run(2, rate=2000))) == {"tokens_per_s.p50", "tokens_per_s.p5", "total_ms.p50"}


def test_a_difference_too_small_to_matter_is_none_however_sure_it_is() -> None:
    assert differ(run(1, count=4000), run(2, count=4000, first_ms=172.5)) == []


def test_what_did_not_show_says_how_much_would_have() -> None:
    (first, *_) = compare(BEFORE.samples, run(112).samples)

    assert first.unseen is not None
    assert 0.03 <= first.unseen < 0.1


@pytest.mark.parametrize(("share", "found"), [(0.0, Change.SAME), (0.001, Change.SAME), (0.04, Change.WORSE)])
def test_errors_are_worse_when_they_are_more_than_chance(share: float, found: Change) -> None:
    after = run(2, change=some(share, lambda one, _: broken(one, Outcome.FAILED)))

    assert changes(run(1), after)["errors"] is found


def test_more_answers_by_a_fallback_are_worse_than_fewer() -> None:
    after = run(2, change=some(0.1, lambda one, _: replace(one, target=FALLBACK)))

    assert "  worse         Answers by a fallback  0 % -> " in compare_runs(run(1), after).text
    assert compare_runs(after, run(1)).exit_code is Exit.HELD


def test_errors_that_come_evenly_are_still_held_against_chance() -> None:
    """Every stretch of time then has the same share, and knows of no noise."""

    def one_in(step: int) -> Run:
        made = run(1)
        return Run(made.info, [broken(s, Outcome.FAILED) if i % step == 0 else s for i, s in enumerate(made.samples)])

    assert changes(one_in(60), one_in(40))["errors"] is Change.SAME
    assert changes(one_in(60), one_in(12))["errors"] is Change.WORSE


def test_one_truncated_answer_in_2000_is_worse_than_none() -> None:
    before, after = run(1, count=2000), run(2, count=2000)
    after.samples[777] = replace(after.samples[777], outcome=Outcome.TRUNCATED)

    assert changes(before, after)["silent_truncation"] is Change.WORSE
    assert changes(after, before)["silent_truncation"] is Change.BETTER


def test_a_run_in_which_no_answer_came_is_worse_and_not_an_error_of_ours() -> None:
    dead = run(2, change=lambda one, _: broken(one, Outcome.FAILED))

    assert changes(run(1), dead)["first_token_ms.p50"] is Change.WORSE
    assert changes(dead, dead)["first_token_ms.p50"] is Change.SAME


def test_a_few_requests_cannot_tell() -> None:
    assert changes(run(1, count=9), run(2, count=9))["first_token_ms.p99"] is Change.UNKNOWN


def test_luck_shared_over_time_widens_the_noise() -> None:
    """If requests were drawn one by one, a drift would look like proof."""
    samples = run(5, change=drifting(5, 8)).samples
    values = [(each.ttft or 0) * 1000 for each in samples]
    mixed = Random(1).sample(values, len(values))
    draws, columns = draw(stretch_of(samples), 1)

    assert quantiles(draws, columns, values, 0.5).std() > 3 * quantiles(draws, columns, mixed, 0.5).std()


def test_runs_that_are_not_alike_are_refused_with_what_differs_unless_forced() -> None:
    other = run(2, about={"max_tokens": 512, "prompts": {"hash": "ffff"}})

    refused, forced = compare_runs(run(1), other), compare_runs(run(1), other, force=True)

    assert refused.exit_code is Exit.SET_UP
    assert refused.unlike == ("prompts was 'ab12' and is 'ffff'", "max_tokens was '256' and is '512'")
    assert forced.exit_code is Exit.HELD
    assert "unlike: max_tokens" in forced.text


def command_of(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))


def test_the_command_tells_what_is_worse_first_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write(tmp_path / "a", run(1))
    folder.write(tmp_path / "b", run(2, first_ms=200))

    assert command_of(tmp_path / "a", tmp_path / "b") == 1
    lines = capsys.readouterr().out.splitlines()
    assert "worse" in lines[0]
    assert lines[1].startswith("  worse         First token p50        173 ms -> 202 ms, +1")

    assert command_of(tmp_path / "b", tmp_path / "a", "--json") == 0
    assert json.loads(capsys.readouterr().out)["headline"].endswith("better")


def test_a_folder_that_is_no_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_of(tmp_path, tmp_path) == 3
    assert "a run cannot be read" in capsys.readouterr().err


def test_what_cannot_be_told_says_how_many_more_requests_would_do() -> None:
    text = compare_runs(run(7, count=160), run(8, count=160)).text
    (said,) = [line for line in text.splitlines() if "First token p99" in line]

    assert said.split()[:2] == ["cannot", "tell"]
    assert said.endswith(
        ": it takes 500 requests in each run, and one has 144; "
        "356 more would do, so run both 3.5 times as long (`--seconds`)"
    )


def test_two_scenarios_that_differ_are_told_apart_by_their_settings() -> None:
    scenarios = [
        {"name": "steady", "hash": made, "asks": [{"model": "chat", "max_tokens": size}], "think_seconds": 0}
        for made, size in (("aa", 128), ("bb", 256))
    ]
    one, other = (run(9, count=50, about={"scenario": scenario}) for scenario in scenarios)

    assert compare_runs(one, other).unlike == ("the scenario is another, in asks",)


def test_of_two_sweeps_the_levels_that_both_have_are_compared() -> None:
    """One may have ended earlier."""
    scenario = {"scenario": {"name": "sweep", "hash": "aa", "ends_at_knee": True}}
    low = {"name": "low", "begin": 0.0, "end": 20.0, "users": 8}
    high = {"name": "high", "begin": 20.0, "end": 40.0, "users": 16}
    short = run(10, count=1200, stages=[low], about=scenario)
    far = run(11, count=2400, stages=[low, high], about=scenario)
    slow = [replace(one, first=(one.first or 0) + 1) if one.stage == "high" else one for one in far.samples]
    compared = compare_runs(short, Run(far.info, slow))

    assert (compared.unlike, compared.headline) == ((), "no difference beyond the noise")
