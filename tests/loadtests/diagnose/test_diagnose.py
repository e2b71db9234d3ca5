"""Each cause is named with its evidence and cure, and a healthy run is not accused of anything."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.diagnose.diagnose import diagnose
from loadtests.diagnose.finding import Finding, Weight
from loadtests.record.folder import Run
from loadtests.record.sample import Mark, MarkKind, Outcome, Phase, Sample
from tests.loadtests.synthetic import FALLBACK, Change, beside, broken, run, some


def buffered(one: Sample, _: Random) -> Sample:
    held = one.last or one.end
    return replace(one, outcome=Outcome.BUFFERED, first=held, last=held, deliveries=1, first_events=one.events)


def later(seconds: float) -> Change:
    return lambda one, _: replace(
        one, first=(one.first or 0) + seconds, last=(one.last or 0) + seconds, end=one.end + seconds
    )


def cold(one: Sample, chance: Random) -> Sample:
    return later(0.09)(replace(one, reused=False), chance)


def slow_ramp(one: Sample, chance: Random) -> Sample:
    return later(0.6)(one, chance) if one.phase is Phase.RAMP else one


def limited(one: Sample, _: Random) -> Sample:
    return broken(one, Outcome.LIMITED, status=429, retry_after=2.0)


def retired(one: Sample, _: Random) -> Sample:
    return broken(one, Outcome.REFUSED, status=404, error="model_retired")


def with_direct(through: Run) -> Run:
    return Run(through.info, [*through.samples, *beside(through, "direct", 9)])


OPEN_LOOP: dict[str, Any] = {"name": "steady", "begin": 0.0, "end": 20.0, "ramp_until": 2.0, "rate": 60}
LONG = [OPEN_LOOP | {"end": 200.0}]
SPIKE = [
    {"name": name, "begin": begin, "end": begin + 10.0, "rate": rate}
    for name, begin, rate in (("before", 0.0, 10), ("spike", 10.0, 50), ("after", 20.0, 10))
]


def within(begin: float, end: float, change: Change) -> Change:
    return lambda one, chance: change(one, chance) if begin <= one.intended < end else one


CAUSES = {
    "burst": (run(stages=SPIKE, change=within(10, 30, later(0.1))), "at 50 requests/s, and 2"),
    "drift": (
        run(count=4000, stages=LONG, change=within(150, 200, later(0.06))),
        "first token p50 233 ms in its last quarter, 173 ms in its first",
    ),
    "rate.doubtful": (run(rate=600), "3.1 times lower than published: 595 tokens/s measured, 1,844 tokens/s published"),
    "rate.wrong": (run(rate=120), "15.5 times lower than published"),
    "rate.burst": (run(rate=40_000), "faster than any model is"),
    "first_token.doubtful": (run(first_ms=900), "3.0 times longer than published"),
    "buffering": (run(change=buffered), "1,080 of 1,080 (100 %) of the longer answers came in one or two deliveries"),
    "another_model": (
        run(change=some(0.3, lambda one, _: replace(one, outcome=Outcome.WRONG_MODEL, model_served="tiny"))),
        "answers came from tiny (",
    ),
    "unknown_model": (run(change=lambda one, _: replace(one, model_served="new")), "answers came from new"),
    "model_refused": (run(change=some(0.2, retired)), "model_retired ("),
    "key_refused": (
        run(change=lambda one, _: broken(one, Outcome.REFUSED, status=401)),
        "1,080 of 1,080 (100 %) requests got 401",
    ),
    "rate_limits": (run(change=some(0.2, limited)), "requests got 429; Retry-After was 2 s at the median"),
    "fallbacks": (run(change=some(0.2, lambda one, _: replace(one, target=FALLBACK))), "answers came from a fallback"),
    "queueing": (run(change=lambda one, _: replace(one, queue_seconds=0.12)), "120 ms in the queue, of 173 ms"),
    "cold_connections": (run(change=some(0.3, cold)), "173 ms on a connection that was open"),
    "cold_start": (run(change=slow_ramp), "first token after 773 ms while load rose, 173 ms later"),
    "pauses": (
        run(change=some(0.05, lambda one, _: replace(one, gap=3.0))),
        "3.0 s at the longest, 100 % of them from",
    ),
    "gateway": (
        run(about={"gateway": {"cpu_share": 0.98, "lag_p99_ms": 140}}),
        "98 % of a CPU, its loop was 140 ms late",
    ),
    "generator": (run(about={"generator": {"cpu_share": 0.99, "lag_p99_ms": 60}}), "99 % of a CPU, it was 60 ms late"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_named_with_its_evidence(cause: str) -> None:
    made, evidence = CAUSES[cause]
    found = {finding.name: finding for finding in diagnose(made)}

    assert cause in found
    assert evidence in found[cause].sentence
    assert found[cause].cure


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if "." not in cause and cause != "unknown_model"])
def test_a_cause_that_leaves_the_speed_alone_is_the_only_accusation(cause: str) -> None:
    accused = {finding.name for finding in diagnose(CAUSES[cause][0]) if finding.weight in (Weight.WARN, Weight.BAD)}

    assert accused == {cause}


def test_a_gateway_that_slows_answers_down_shows_beside_the_direct_way() -> None:
    (finding,) = accusations(with_direct(run(first_ms=290, rate=1100)))

    assert finding.name == "gateway"
    assert "it adds 118 ms to the first token over the way 'direct', it leaves 48 % of the speed of" in finding.evidence


def test_an_answer_through_litellms_lane_is_told_what_keeps_it_there() -> None:
    slow = run(first_ms=290, rate=1100, change=lambda one, _: replace(one, lane="litellm"))
    (finding,) = accusations(with_direct(slow))

    assert "answers went through LiteLLM's lane" in finding.evidence
    assert "`waferline explain`" in finding.cure


def test_a_provider_that_is_slow_itself_is_told_from_a_gateway_that_is() -> None:
    slow = run(rate=120)
    both = Run(slow.info, [*slow.samples, *beside(slow, "direct", 9, rate=121)])
    (finding,) = accusations(both)

    assert finding.name == "rate.wrong"
    assert "120 tokens/s by the way 'direct'" in finding.evidence


def test_a_few_answers_that_arrive_at_once_are_blamed_on_who_was_busy_and_not_on_a_proxy() -> None:
    (finding,) = accusations(run(change=some(0.2, buffered)))

    assert finding.what == "some answers arrive at once"
    assert "too much to do" in finding.cure


def test_a_gateway_that_a_burst_overworks_is_blamed_for_what_arrives_at_once() -> None:
    busy = {"gateway": {"cpu_share": 0.5, "cpu_share_busiest": 0.99}}
    found = {each.name: each for each in accusations(run(change=some(0.6, buffered), about=busy))}

    assert found["gateway"].evidence == "its worker used 99 % of a CPU for 5 s on end"
    assert found["buffering"].what == "some answers arrive at once"


def test_a_fallback_that_serves_while_faults_are_put_in_is_no_accusation() -> None:
    fault = Mark(kind=MarkKind.FAULT, what="503", at=5.0, until=9.0)

    assert accusations(run(change=some(0.2, lambda one, _: replace(one, target=FALLBACK)), marks=[fault])) == []


def test_what_was_asked_for_without_a_stream_may_come_at_once() -> None:
    asks = {"scenario": {"name": "mix", "asks": [{"model": "chat", "stream": False}]}}

    def at_once(one: Sample, chance: Random) -> Sample:
        return replace(buffered(one, chance), outcome=Outcome.WHOLE)

    assert accusations(run(first_ms=900, change=at_once, about=asks)) == []
    assert {"buffering"} < {each.name for each in accusations(run(first_ms=900, change=at_once))}


def test_levels_beyond_the_safe_one_are_not_asked_why() -> None:
    def overwhelmed(one: Sample, chance: Random) -> Sample:
        return buffered(one, chance) if one.stage == "high" else one

    stages = [
        {"name": "low", "begin": 0.0, "end": 10.0, "users": 8},
        {"name": "high", "begin": 10.0, "end": 20.0, "users": 80},
    ]
    made = run(change=overwhelmed, stages=stages)

    assert [each.weight for each in diagnose(made, frozenset({"low"}))] == [Weight.FINE, Weight.FINE]
    assert Weight.BAD in [each.weight for each in diagnose(made)]


def test_new_connections_that_cost_nothing_and_a_queue_beside_a_long_wait_are_no_cause() -> None:
    reopened = run(change=some(0.5, lambda one, _: replace(one, reused=False)))
    thinking = run(first_ms=590, change=lambda one, _: replace(one, queue_seconds=0.06))

    assert accusations(reopened) == []
    assert accusations(thinking) == []


def test_connections_that_an_open_loop_opens_for_a_burst_are_no_cause() -> None:
    """Sixteen, and some twenty requests are under way at once."""
    made = run(count=1200, stages=[OPEN_LOOP], change=within(5, 5.27, cold))
    burst = Run(made.info, [one for one in made.samples if one.intended < 7])
    closed = Run(run().info, burst.samples)

    assert accusations(burst) == []
    assert [each.name for each in accusations(closed)] == ["cold_connections"]


def test_requests_that_leave_late_accuse_the_generator_of_an_open_loop_only() -> None:
    def held_up(one: Sample, _: Random) -> Sample:
        return replace(one, sent=one.intended + 0.2)

    (finding,) = accusations(run(change=held_up, stages=[OPEN_LOOP]))

    assert finding.name == "generator"
    assert "requests left 200 ms after they were due at p99" in finding.evidence
    assert accusations(run(change=held_up)) == []


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (run(stages=SPIKE), "nobody felt the burst"),
        (run(stages=SPIKE, change=within(10, 24, later(0.1))), "users felt the burst, and it recovered"),
        (run(count=4000, stages=LONG), "it stayed as it was"),
        (
            run(count=4000, stages=LONG, about={"gateway": {"memory_mb_begin": 300, "memory_mb_end": 900}}),
            "it did not stay as it was: the gateway's memory grew from 300 to 900 MB",
        ),
        (
            run(count=4000, stages=LONG, about={"gateway": {"memory_mb_begin": 300, "memory_mb_end": 310}}),
            "no more than noise; the gateway's memory went from 300 to 310 MB",
        ),
    ],
)
def test_what_a_spike_and_a_soak_are_to_find_out_is_said(made: Run, said: str) -> None:
    assert [finding.sentence for finding in diagnose(made) if said in finding.sentence]


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    first_ms=st.floats(100, 400),
    rate=st.floats(1000, 3500),
    count=st.integers(1, 400),
    direct=st.booleans(),
)
def test_a_healthy_run_is_accused_of_nothing(seed: int, first_ms: float, rate: float, count: int, direct: bool) -> None:
    healthy = run(seed, first_ms=first_ms, rate=rate, count=count)
    if direct:
        healthy = Run(
            healthy.info, [*healthy.samples, *beside(healthy, "direct", seed + 1, first_ms=first_ms, rate=rate)]
        )

    assert accusations(healthy) == []


def test_a_healthy_run_is_told_that_it_is_configured_right() -> None:
    assert [finding.name for finding in diagnose(run())] == ["rate.right", "first_token.right"]


def test_a_run_of_which_nothing_is_known_is_accused_of_nothing() -> None:
    assert diagnose(Run({}, [])) == []
    assert diagnose(Run({}, run().samples)) == []


def accusations(made: Run) -> list[Finding]:
    return [finding for finding in diagnose(made) if finding.weight in (Weight.WARN, Weight.BAD)]
