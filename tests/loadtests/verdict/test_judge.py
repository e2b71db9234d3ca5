"""A run is judged by what it proves: held, missed by so much, or so many requests short of an answer."""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from random import Random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exits import Exit
from loadtests.figures.proof import Answer
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome, Phase, Sample
from loadtests.verdict.judge import judge
from loadtests.verdict.junit import junit
from loadtests.verdict.levels import read
from loadtests.verdict.result import Result, Verdict
from plugins.policy.slo import SloFile
from tests.loadtests.synthetic import FALLBACK, broken, run, some

SHIPPED = read()


def slo(**levels: object) -> SloFile:
    return SloFile.model_validate({"default": levels})


def only(verdict: Verdict) -> Result:
    (result,) = verdict.results
    return result


def failing(share: float) -> Run:
    return run(change=some(share, lambda one, _: broken(one, Outcome.FAILED, status=503)))


def test_a_healthy_run_holds_every_promise_we_ship() -> None:
    verdict = judge(run(), SHIPPED)

    assert verdict.exit_code is Exit.HELD
    assert verdict.headline == "held: all 9 promises"
    assert {result.answer for result in verdict.results} == {Answer.HELD}


def test_a_late_first_token_is_a_miss_by_how_much_and_how_sure() -> None:
    verdict = judge(run(first_ms=300), slo(first_token_ms={"p95": 200}))

    assert verdict.exit_code is Exit.MISSED
    missed = only(verdict)
    assert missed.missed_by == pytest.approx(118, abs=10)
    assert "promised at most 200 ms: missed by 1" in missed.sentence
    assert "1,080 of 1,080 beyond where 54 may be, over 99.9 % sure" in missed.sentence
    assert verdict.text.splitlines()[1].startswith("  MISSED  chat: First token p95")


def test_few_requests_prove_no_p99_and_say_how_many_more_would() -> None:
    verdict = judge(run(count=120), slo(first_token_ms={"p99": 2000}))

    assert verdict.exit_code is Exit.VOID
    assert verdict.headline == "not proven: 1 of 1 promise lack samples"
    assert only(verdict).more == 299 - 108
    assert only(verdict).sentence.endswith("0 of 108 beyond where 1 may be; 191 more with none beyond would prove it")


def test_where_nothing_must_be_proven_few_requests_hold_what_they_do_not_contradict() -> None:
    asked = {"scenario": {"name": "smoke", "must_prove": False}}
    healthy = run(count=60, about=asked)
    slow = run(count=60, first_ms=4000, about=asked)
    one_error = Run(healthy.info, [*healthy.samples[:-1], broken(healthy.samples[-1], Outcome.BROKEN)])

    assert judge(healthy, SHIPPED).exit_code is Exit.HELD
    assert judge(healthy, SHIPPED).headline.startswith("held: nothing contradicts 9 promises")
    assert judge(slow, SHIPPED).exit_code is Exit.MISSED
    assert judge(one_error, SHIPPED).exit_code is Exit.MISSED


def test_one_silently_truncated_answer_in_2000_is_found() -> None:
    whole = run(count=2000)
    cut = Run(
        whole.info, [*whole.samples[:777], replace(whole.samples[777], outcome=Outcome.TRUNCATED), *whole.samples[778:]]
    )

    assert judge(whole, SHIPPED).exit_code is Exit.HELD
    assert judge(cut, SHIPPED).exit_code is Exit.MISSED
    assert [result.name for result in judge(cut, SHIPPED).missed] == ["silent_truncation"]


def test_a_truncated_answer_is_found_in_the_ramp_and_in_a_void_run_too() -> None:
    def cut(one: Sample, _: Random) -> Sample:
        return replace(one, outcome=Outcome.TRUNCATED) if one.phase is Phase.RAMP else one

    bottleneck = {"generator": {"bottleneck": "its CPU was at 97 %"}}

    assert judge(run(change=cut), slo(silent_truncation=0)).exit_code is Exit.MISSED
    assert judge(run(change=cut, about=bottleneck), slo(silent_truncation=0)).exit_code is Exit.MISSED


def test_a_run_whose_generator_was_the_bottleneck_is_void_whatever_it_shows() -> None:
    verdict = judge(run(first_ms=9000, about={"generator": {"bottleneck": "its CPU was at 97 %"}}), SHIPPED)

    assert verdict.exit_code is Exit.VOID
    assert verdict.headline == "void: its CPU was at 97 %"


def test_a_run_without_a_steady_request_is_void() -> None:
    assert judge(run(count=0), SHIPPED).exit_code is Exit.VOID


def test_ramp_and_other_ways_are_no_part_of_the_figures() -> None:
    def late(one: Sample, _: Random) -> Sample:
        return replace(one, first=one.intended + 9, last=one.intended + 10) if one.phase is Phase.RAMP else one

    ramped = run(change=late)
    direct = [replace(each, way="direct", outcome=Outcome.FAILED) for each in run(2).samples]

    assert judge(Run(ramped.info, [*ramped.samples, *direct]), SHIPPED).exit_code is Exit.HELD


def test_what_never_got_a_first_token_is_later_than_any_limit() -> None:
    verdict = judge(failing(0.5), slo(first_token_ms={"p95": 2000}))

    assert only(verdict).answer is Answer.MISSED
    assert "First token p95 never, promised at most 2,000 ms: missed" in only(verdict).sentence


def test_answers_by_a_fallback_are_counted_where_it_is_known_who_comes_first() -> None:
    def elsewhere(one: Sample, _: Random) -> Sample:
        return replace(one, target=FALLBACK)

    told = judge(run(change=some(0.2, elsewhere)), slo(fallback_share=0.05))
    untold = judge(run(change=lambda one, _: replace(one, target=None, attempts=None)), slo(fallback_share=0.05))

    assert only(told).answer is Answer.MISSED
    assert untold.results == ()
    assert untold.exit_code is Exit.VOID


def test_answers_too_short_to_have_a_speed_are_promised_none() -> None:
    short = run(change=lambda one, _: replace(one, completion_tokens=5))
    dead = run(change=lambda one, _: broken(one, Outcome.FAILED))
    promised = slo(tokens_per_s={"p5": 800}, first_token_ms={"p50": 500})

    assert [result.title for result in judge(short, promised).results] == ["First token p50"]
    assert judge(short, promised).exit_code is Exit.HELD
    assert judge(dead, slo(tokens_per_s={"p5": 800})).exit_code is Exit.VOID


def test_answers_that_were_not_streamed_are_promised_neither_speed_nor_gaps() -> None:
    at_once = run(change=lambda one, _: replace(one, last=one.first, gap=None))

    assert judge(at_once, SHIPPED).exit_code is Exit.HELD
    assert not {"tokens_per_s.p5", "gap_ms.p99"} & {result.name for result in judge(at_once, SHIPPED).results}


def test_a_run_of_which_nothing_is_promised_proves_nothing() -> None:
    assert judge(run(), slo()).headline == "void: nothing is promised of what was asked for"
    assert judge(run(), slo()).exit_code is Exit.VOID


def test_goodput_counts_a_failed_request_as_not_good() -> None:
    verdict = judge(failing(0.1), slo(goodput={"share": 0.95}))

    assert only(verdict).answer is Answer.MISSED
    assert only(verdict).value == pytest.approx(0.9, abs=0.03)


def test_each_workload_is_held_to_its_own_promises() -> None:
    def talk(one: Sample, chance: Random) -> Sample:
        return replace(one, workload="voice" if chance.random() < 0.5 else "chat")

    levels = SloFile.model_validate(
        {"default": {"first_token_ms": {"p95": 1000}}, "workloads": {"voice": {"first_token_ms": {"p95": 100}}}}
    )
    verdict = judge(run(change=talk), levels)

    assert {result.workload: result.answer for result in verdict.results} == {
        "chat": Answer.HELD,
        "voice": Answer.MISSED,
    }


@settings(max_examples=30)
@given(errors=st.integers(0, 100))
def test_more_errors_never_make_a_verdict_better(errors: int) -> None:
    order = [Answer.HELD, Answer.UNPROVEN, Answer.MISSED]

    def answer(count: int) -> int:
        samples = [broken(each, Outcome.BROKEN) if i < count else each for i, each in enumerate(HEALTHY.samples[-600:])]
        return order.index(only(judge(Run(HEALTHY.info, samples), slo(error_share=0.05))).answer)

    assert answer(errors) <= answer(errors + 1)


HEALTHY = run()


def test_junit_has_a_case_for_each_promise_and_survives_any_name() -> None:
    slow = run(first_ms=5000, change=lambda one, _: replace(one, workload='a<b>&"c\x00'))
    tree = ET.fromstring(junit(judge(slow, SHIPPED), 'run "1" <&>'))

    (suite,) = tree.findall("testsuite")
    assert int(suite.get("tests", "")) == len(suite.findall("testcase")) == 9
    assert int(suite.get("failures", "")) == len(suite.findall(".//failure")) == 4
    assert suite.find("testcase[@name='first_token_ms.p95']/failure") is not None


def test_what_is_not_proven_is_an_error_in_junit_where_it_must_be_and_skipped_where_not() -> None:
    must, need_not = (
        judge(run(count=30, about={"scenario": {"name": "x", "must_prove": flag}}), slo(first_token_ms={"p99": 2000}))
        for flag in (True, False)
    )

    assert ET.fromstring(junit(must, "x")).find(".//error") is not None
    assert ET.fromstring(junit(need_not, "x")).find(".//skipped") is not None


def test_a_verdict_as_data_is_json_whatever_was_never_seen() -> None:
    held = judge(failing(0.5), SHIPPED).as_dict()

    first = next(row for row in held["promises"] if row["promise"] == "first_token_ms.p95")
    assert first["value"] is None
    assert held["exit_code"] == 1
    assert isclose(held["confidence"], 0.95)
