"""Figures from literals: what clients got, what the primary noted, and what gateways said, second by second."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from loadtests.chaos.crowd import WORDS, hear, outcome
from loadtests.chaos.doors import Doors
from loadtests.chaos.judge import Call, Figures, Outage, Scores, complaints, judge
from loadtests.chaos.report import markdown
from loadtests.chaos.schedule import SCHEDULE, Kind, Phase, chosen, seconds
from loadtests.record.sample import Mark, MarkKind, Outcome, Sample
from loadtests.record.sample import Phase as Stage

PRIMARY, FALLBACK = "cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"
DOWN, FULL, REDIS = Phase(Kind.DOWN, "down", 10, 5), Phase(Kind.FULL, "full", 20), Phase(Kind.REDIS, "redis", 10)
CALM = Phase(Kind.CALM, "calm", 10)
WHOLE = Sample(
    id="a",
    stage="calm",
    phase=Stage.STEADY,
    way="express lane",
    workload="gpt-oss-120b",
    outcome=Outcome.WHOLE,
    intended=1.0,
    sent=1.01,
    first=1.06,
    end=1.6,
    status=200,
    target=PRIMARY,
)
BROKEN = replace(WHOLE, outcome=Outcome.BROKEN)
LOST = replace(WHOLE, outcome=Outcome.FAILED, first=None, status=503, target=None)


def marked(*phases: Phase) -> list[Mark]:
    """Each from where the one before ended, beginning at 10."""
    at, marks = 10.0, []
    for phase in phases:
        marks.append(Mark(kind=MarkKind.FAULT, what=phase.title, at=at, until=at + phase.seconds))
        at += phase.seconds + phase.rest
    return marks


def judged(*phases: Phase, samples: Any = (), calls: Any = (), events: Any = ()) -> Scores:
    return judge("express lane", 36, phases, samples, marked(*phases), calls, events)


def outage(*at: float, events: Any = (), samples: Any = ()) -> Outage:
    found = judged(DOWN, calls=[Call(each) for each in at], events=events, samples=samples).outage
    assert found is not None
    return found


def test_requests_are_whole_broken_lost_or_a_lie_and_those_of_the_killed_gateway_stand_apart() -> None:
    lie = replace(WHOLE, outcome=Outcome.TRUNCATED)
    killed = [replace(each, error="killed") for each in (BROKEN, LOST)]

    total = judged(CALM, samples=[WHOLE, WHOLE, BROKEN, LOST, lie, *killed]).total

    assert (total.requests, total.whole, total.broken, total.lost, total.lies, total.killed) == (7, 2, 1, 1, 1, 2)
    assert total.whole_share == pytest.approx(2 / 7)


@pytest.mark.parametrize("kind", [Outcome.FAILED, Outcome.LIMITED, Outcome.REFUSED, Outcome.SHED, Outcome.EMPTY])
def test_whoever_got_no_first_token_is_lost_whatever_it_was_told_instead(kind: Outcome) -> None:
    assert judged(CALM, samples=[replace(LOST, outcome=kind)]).total.lost == 1


def test_a_lie_without_a_word_is_a_lie() -> None:
    total = judged(CALM, samples=[replace(WHOLE, outcome=Outcome.TRUNCATED, first=None)]).total

    assert (total.lost, total.lies) == (0, 1)


def test_first_tokens_are_counted_from_when_they_were_due_and_compared_with_the_calm() -> None:
    late = replace(WHOLE, stage="down", first=1.36)

    stages = judged(CALM, DOWN, samples=[*[WHOLE] * 100, *[late] * 100]).stages

    assert (stages["calm"].first_p50_ms, stages["down"].first_p50_ms) == (60.0, 360.0)
    assert (stages["down"].added_p50_ms, stages["down"].added_p99_ms) == (300.0, 300.0)


def test_a_hundredth_of_few_is_not_told() -> None:
    assert judged(CALM, samples=[WHOLE] * 99).total.first_p99_ms is None


def test_a_primary_is_left_alone_from_its_last_call_before_a_quiet_second() -> None:
    found = outage(10.1, 10.4, 10.9, 15.9, 16.0)

    assert (found.calls, found.trip_seconds, found.calls_while_open) == (5, 0.9, 2)


def test_a_primary_that_is_called_all_the_time_is_never_left_alone() -> None:
    found = outage(*(10 + number / 2 for number in range(20)))

    assert (found.calls, found.trip_seconds, found.calls_while_open) == (20, None, None)


def test_a_primary_that_is_not_called_at_all_was_left_alone_at_once() -> None:
    assert outage().trip_seconds == 0


def test_what_was_called_before_and_after_is_not_counted() -> None:
    assert outage(9.9, 10.2, 20.0).calls == 1


def test_probes_are_counted_against_the_periods_of_the_gateway_that_opened_most() -> None:
    def opened(gateway: int, at: float, seconds: float = 2) -> dict[str, Any]:
        return {"event": "circuit.opened", "at": at, "seconds": seconds, "gateway": gateway}

    mine, still_open, later = [opened(0, 10.1), opened(0, 13.0, 4)], opened(0, 17.0, 8), opened(1, 25.0)
    found = outage(10.1, 13.0, 17.0, events=[*mine, still_open, opened(1, 10.2), later])

    assert (found.calls_while_open, found.open_periods, found.probes_per_period) == (2, 2, 1.0)
    assert outage(10.1).probes_per_period is None


def test_a_primary_is_back_in_the_first_second_in_which_it_serves_nearly_all() -> None:
    def served(at: float, target: str) -> Sample:
        return replace(WHOLE, intended=at, target=target)

    mixed = [served(20.1, FALLBACK), served(21.2, PRIMARY), served(21.4, FALLBACK), served(22.5, PRIMARY)]

    assert outage(samples=[*mixed, served(24.0, PRIMARY)]).back_seconds == 2
    assert outage(samples=mixed[:1]).back_seconds is None


def test_calls_before_the_time_that_was_told_are_counted_over_the_fleet() -> None:
    calls = [Call(at, "429_tokens", 429) for at in (10.0, 10.1, 14.9, 15.1, 20.2)]

    assert judged(FULL, calls=calls).early_calls == 2
    assert judged(DOWN, calls=calls).early_calls is None


def test_redis_is_told_once_lost_and_once_back() -> None:
    events = [{"event": name, "at": 12.0, "gateway": 0} for name in ("sharing.lost", "sharing.back", "sharing.lost")]

    assert judged(REDIS, events=events).redis == (2, 1)


def test_only_what_must_not_be_is_complained_of() -> None:
    scores = judged(CALM, samples=[WHOLE, BROKEN, replace(LOST, error="killed")])

    assert complaints(scores) == []
    assert complaints(replace(scores, total=replace(scores.total, lost=2, lies=1))) == [
        "2 requests were lost before their first token, must be 0",
        "1 answers looked whole and were not, must be 0",
    ]


def test_the_page_shows_every_gateway_and_phase() -> None:
    scores = judged(CALM, DOWN, samples=[WHOLE, replace(LOST, stage="down", error="killed")], calls=[Call(20.2)])

    page = markdown([scores, replace(scores, name="stock LiteLLM", outage=None)], {"litellm": "1"})

    assert "|  | express lane | stock LiteLLM |" in page
    assert "| **lost before the first token** (must be 0) | **0** | **0** |" in page
    assert "| down | 1 | 0 | 0 | 0 (and 1 killed) | 0 |" in page
    assert "| until the dead primary is left alone | 0.2 s |  |" in page


# ---- what comes over the wire --------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-waferline-deployment: fallback/m\r\n\r\n"
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def word(number: int) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"delta": {"content": f"w{number:04} "}}]}) + b"\n\n"


WORDS_SENT = b"".join(map(word, range(1, WORDS + 1)))


@pytest.mark.parametrize(
    ("parts", "trouble", "expected"),
    [
        ([HEAD + WORDS_SENT + STOP], None, Outcome.WHOLE),
        ([HEAD + word(1) + STOP], None, Outcome.TRUNCATED),
        ([HEAD + word(1)], "the connection was lost", Outcome.BROKEN),
        ([HEAD + ROLE], "the connection was lost", Outcome.FAILED),
        ([HEAD[:20]], "the connection was lost", Outcome.FAILED),
        ([], "the connection was lost", Outcome.FAILED),
        ([b'HTTP/1.1 503 No\r\n\r\n{"error":{"code":"upstream_unavailable"}}'], None, Outcome.FAILED),
        ([b'HTTP/1.1 503 No\r\n\r\n{"error":{"code":"overloaded"}}'], None, Outcome.SHED),
        ([b'HTTP/1.1 429 No\r\n\r\n{"error":{"code":"rate_limit_exceeded"}}'], None, Outcome.LIMITED),
        ([b'HTTP/1.1 400 No\r\n\r\n{"error":{"code":"invalid_request"}}'], None, Outcome.REFUSED),
    ],
)
def test_an_answer_is_what_its_bytes_say(parts: list[bytes], trouble: str | None, expected: Outcome) -> None:
    heard = hear(parts, [0.1] * len(parts), trouble)

    assert outcome(heard.answer, spoke=heard.first is not None) is expected


def test_the_first_token_is_the_first_word_and_not_the_role() -> None:
    heard = hear([HEAD, ROLE, word(1)[:50], word(1)[50:] + STOP], [0.1, 0.2, 0.3, 0.4], None)

    assert heard.first in (0.3, 0.4), "in whichever delivery its text began"
    assert (heard.status, heard.answer.deployment) == (200, "fallback/m")
    assert hear([HEAD, ROLE], [0.1, 0.2], None).first is None


def test_a_request_goes_to_the_next_door_and_past_those_that_are_not_ready() -> None:
    doors = Doors([1, 2, 3])
    doors.all[1].ready = False

    turns = [[door.port for door in doors.in_turn()] for _ in range(4)]

    assert {turn[0] for turn in turns} == {1, 3}
    assert {turn[-1] for turn in turns} == {2}
    doors.all[1].ready, doors.all[2].leaving = True, True
    assert {doors.in_turn()[-1].port for _ in range(3)} == {3}


def test_only_what_was_under_way_when_its_gateway_was_killed_is_the_killed_ones() -> None:
    (door,) = Doors([1]).all
    door.killed_at.append(5.0)

    assert door.was_killed_between(4.0, 5.1)
    assert not door.was_killed_between(5.5, 6.0)


def test_the_schedule_is_long_enough_for_ten_thousand_and_has_each_kind_once() -> None:
    assert [phase.kind for phase in SCHEDULE] == list(Kind)
    assert seconds(SCHEDULE) * 36 > 10_000
    assert seconds(chosen([], 0.2)) == pytest.approx(seconds(SCHEDULE) / 5)
    assert [phase.kind for phase in chosen(["cut", "calm"], 1)] == [Kind.CALM, Kind.CUT]


def test_figures_of_nothing_are_nothing() -> None:
    assert judged(CALM).total == Figures(0, 0, 0, 0, 0, 0, None, None)
