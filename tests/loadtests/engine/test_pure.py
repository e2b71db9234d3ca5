"""What a run's records come down to, from literals."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.engine.course import rows
from loadtests.engine.merge import on_the_clock, stage_marks
from loadtests.engine.soundness import generator_facts, late_marks, overtaxed
from loadtests.engine.truth import compare
from loadtests.plan.scenario import Ask, Scenario, Stage
from loadtests.plan.timeline import stretches
from loadtests.record.sample import MarkKind, Outcome, Phase, Sample

LINE = stretches([Stage(name="low", seconds=10, users=1, ramp_seconds=2), Stage(name="high", seconds=10, users=2)])


def sample(at: float, ttft: float = 0.2, outcome: Outcome = Outcome.WHOLE, **more: Any) -> Sample:
    known: dict[str, Any] = {
        "id": f"{at}",
        "stage": "",
        "phase": Phase.RAMP,
        "way": "target",
        "workload": "chat",
        "outcome": outcome,
        "intended": at,
        "sent": at,
        "first": at + ttft,
        "last": at + ttft + 0.4,
        "end": at + ttft + 0.5,
        "events": 100,
        "first_events": 1,
        "completion_tokens": 1000,
    }
    return Sample(**(known | more))


def test_samples_of_all_processes_are_put_on_the_run_s_clock_in_the_order_in_which_they_were_due() -> None:
    moved = on_the_clock([sample(115.0), sample(101.0, ttft=30), sample(108.5), sample(121.0)], 100.0, LINE)

    assert [(each.intended, each.stage, each.phase) for each in moved] == [
        (1.0, "low", Phase.RAMP),
        (8.5, "low", Phase.STEADY),
        (15.0, "high", Phase.STEADY),
        (21.0, "high", Phase.DRAIN),
    ]
    assert moved[1].ttft == pytest.approx(0.2)
    assert [(mark.what, mark.at, mark.until) for mark in stage_marks(LINE)] == [("low", 0, 10), ("high", 10, 20)]


def scenario(arrival: str = "closed") -> Scenario:
    stage = Stage(name="one", seconds=1, users=1) if arrival == "closed" else Stage(name="one", seconds=1, rate=1)
    return Scenario(purpose="x", arrival=arrival, asks=[Ask(model="chat")], stages=[stage])


def lag(cpu: float = 0.2, p99: float = 2.0) -> dict[str, Any]:
    return {
        "cpu_share": cpu,
        "cpu_seconds": cpu,
        "p50_ms": 0.5,
        "p99_ms": p99,
        "most_ms": p99,
        "looks": 100,
        "spells": [],
    }


@pytest.mark.parametrize(
    ("arrival", "lags", "late", "said"),
    [
        ("closed", [lag(), lag()], 0.0, None),
        ("closed", [lag(), lag(cpu=0.95)], 0.0, "used 95% of a core, and 90% is allowed"),
        ("closed", [lag(p99=31.5), lag()], 0.0, "was 31.5 ms late at the 99th percentile, and 20.0 is allowed"),
        ("poisson", [lag()], 0.5, "sent requests 500.0 ms late at the 99th percentile, and 20.0 is allowed"),
        ("closed", [lag()], 0.5, None),  # nobody was due earlier
    ],
)
def test_a_run_in_which_the_generator_was_the_bottleneck_is_void(
    arrival: str, lags: list[dict[str, Any]], late: float, said: str | None
) -> None:
    samples = [sample(float(at), sent=at + late, stage="one") for at in range(10)]
    found = generator_facts(scenario(arrival), lags, samples, ["one"])["bottleneck"]

    assert found is None if said is None else said in found


def test_of_a_sweep_only_the_levels_that_count_speak_for_the_generator() -> None:
    sweep = scenario().model_copy(update={"ends_at_knee": True})
    lags = [lag(p99=300.0) | {"stages": {"low": lag(p99=2.0), "high": lag(p99=300.0)}}]

    assert generator_facts(sweep, lags, [], ["low"])["lag_p99_ms"] == 2.0
    assert generator_facts(sweep, lags, [], ["low"])["bottleneck"] is None
    assert overtaxed(sweep, lags, "low") is None
    assert overtaxed(sweep, lags, "high") == "was 300.0 ms late at the 99th percentile, and 20.0 is allowed"


def test_spells_in_which_the_generator_was_late_are_marked_on_the_timeline() -> None:
    spells = [(105.0, 0.015), (107.0, 0.25)]
    (mark,) = late_marks(scenario(), [lag() | {"spells": spells}], 100.0)

    assert (mark.kind, mark.what, mark.at, mark.until) == (MarkKind.GENERATOR, "250 ms late", 6.75, 7.0)


def entry(at: float, first: float = 0.19, last: float = 0.6) -> dict[str, Any]:
    return {
        "headers": {"x-request-id": f"{at}"},
        "at": at + 0.001,
        "first_token_at": at + first,
        "last_token_at": at + last,
        "tokens_sent": 1000,
        "first_tokens": 10,
    }


def test_accuracy_is_the_distance_from_what_the_provider_has_sent() -> None:
    times = [1.0 + at for at in range(50)]
    found = compare([sample(at) for at in times], [entry(at) for at in times], 0.0, 0.1, 4)

    assert (found.answers, found.missing) == (50, 0)
    assert found.first_p50_error_ms == pytest.approx(10)
    assert found.first_p99_error_ms == pytest.approx(10)
    assert found.rate_error_share == pytest.approx(0.41 / 0.4 - 1)
    assert found.cpu_us_per_token == pytest.approx(2)
    assert found.sent.first_p50_ms == pytest.approx(189)  # from when the request arrived
    assert found.sent.tokens_per_s == pytest.approx(990 / 0.41)
    assert found.failings == [
        "first token p50 is off by +10.0 ms",
        "first token p99 is off by +10.0 ms",
        "tokens/s are off by +2.5%",
    ]


def test_an_answer_that_was_not_measured_as_sent_is_missed() -> None:
    samples = [sample(1.0), sample(2.0, outcome=Outcome.TRUNCATED), sample(3.0)]
    found = compare(samples, [entry(1.0, 0.2), entry(2.0, 0.2)], 0.0, 0.1, 1)

    assert (found.answers, found.failings[-1]) == (1, "2 answers are not as they were sent")


def test_so_far_each_workload_and_way_has_its_row() -> None:
    samples = [sample(at / 10, ttft=0.1 + at / 1000) for at in range(100)]
    samples += [sample(1.0, way="direct"), sample(2.0, outcome=Outcome.BROKEN, workload="voice", first=None)]
    chat, voice, direct = rows(samples)

    assert (chat.name, chat.requests, chat.troubles) == ("chat", 100, "")
    assert chat.first_p50_ms == pytest.approx(150)
    assert chat.first_p99_ms == pytest.approx(199)
    assert (direct.name, voice.first_p50_ms, voice.troubles) == ("chat (direct)", None, "1 broken")
