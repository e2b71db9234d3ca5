"""From permit to report: an attempt and its circuit, through the same caller as in the gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Origin, Permit, Result, State
from plugins.policy.circuits import CircuitsFile
from plugins.policy.engine import Decision
from plugins.policy.size import Size
from plugins.telemetry.record import Fault, Record
from plugins.upstream.admission import Admission, NotCalledError
from plugins.upstream.caller import AttemptFailedError, Call, Caller, Mode
from plugins.upstream.lag import Lag
from plugins.upstream.pool import Pool
from tests.support.processes import free_port
from tests.telemetry.cases import CEREBRAS, DONE, FALLBACK, ROLE, USAGE, decided, failed, finish, record, said
from tests.upstream.provider import Provider, Script, answers, provider, silent, streams

WHOLE = (ROLE, said("a"), finish(usage=USAGE), DONE)
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}


class House:
    def __init__(self, held: Provider, pool: Pool, **settings: Any) -> None:
        self.told: list[dict[str, Any]] = []
        made = CircuitsFile.model_validate(settings)
        self.board = Board([CEREBRAS, FALLBACK], lambda: made, lambda: 0.0, self.told.append)
        lag = Lag(time.monotonic, lambda: 0.1)
        utc = lambda: datetime(2026, 11, 20, tzinfo=UTC)  # noqa: E731
        self.admission = Admission(self.board, lag, time.monotonic, utc)
        self._caller = Caller(pool, time.monotonic, self.admission)
        self.held = held

    async def ask(self, made: Record | None = None, mode: Mode = Mode.COLLECT, first_token: float = 5.0) -> Any:
        made = made or record(started=time.monotonic())
        assert made.decision is not None
        route = made.decision.route.with_first_token(first_token)
        target = FALLBACK if made.attempts else CEREBRAS
        return await self._caller.call(made, route, Call(target, self.held.url, {}, None), BODY, mode)

    @property
    def seen(self) -> dict[str, Any]:
        return self.board.of(CEREBRAS).snapshot(time.monotonic())

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.seen["calls"], self.seen["failures"], self.seen["slow"]

    @property
    def idle(self) -> bool:
        places = [self.board.standing(target).in_flight for target in (CEREBRAS, FALLBACK)]
        return (self.admission.budget.in_flight, self.admission.budget.extra, *places) == (0, 0, 0, 0)


@asynccontextmanager
async def house(script: Script, **settings: Any) -> AsyncIterator[House]:
    pool = Pool()
    async with provider(script) as held:
        try:
            yield House(held, pool, **settings)
        finally:
            await pool.close()


@pytest.mark.parametrize("mode", [Mode.COLLECT, Mode.STREAM])
async def test_a_first_token_is_a_success(mode: Mode) -> None:
    async with house(streams(*WHOLE)) as made:
        begun = await made.ask(mode=mode)
        if begun.stream:
            await begun.stream.read_to_end()

        assert (made.counts, made.idle) == ((1, 0, 0), True)


async def test_an_answer_in_one_piece_is_a_success_that_nobody_calls_slow() -> None:
    whole = b'{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}'
    async with house(answers(200, whole), trips={"slow_first_token_seconds": 1e-9}) as made:
        await made.ask(mode=Mode.PLAIN)

        assert (made.counts, made.idle) == ((1, 0, 0), True)


async def test_a_late_first_token_is_slow() -> None:
    async with house(streams(*WHOLE), trips={"slow_first_token_seconds": 1e-9}) as made:
        await made.ask()

        assert made.counts == (1, 0, 1)


async def test_what_is_late_may_differ_for_a_target() -> None:
    differs = {"cerebras/gpt-oss-120b": {"trips": {"slow_first_token_seconds": 1e-9}}}
    async with house(streams(*WHOLE), targets=differs) as made:
        await made.ask()

        assert made.counts == (1, 0, 1)


async def test_where_a_workload_waits_longer_slow_is_later() -> None:
    async with house(streams(*WHOLE), trips={"slow_first_token_seconds": 0.001}) as made:
        await made.ask(first_token=600)  # 120 times what routing.yaml says

        assert made.counts == (1, 0, 0)


@pytest.mark.parametrize("script", [answers(503, b""), streams(ROLE, cut=True), answers(200, b"{}")])
async def test_a_failure_before_the_first_token_is_one(script: Script) -> None:
    async with house(script) as made:
        with pytest.raises(AttemptFailedError):
            await made.ask()

        assert (made.counts, made.idle) == ((1, 1, 0), True)


async def test_an_answer_that_breaks_later_is_a_call_and_a_failure() -> None:
    async with house(streams(ROLE, said("a"), cut=True)) as made:
        with pytest.raises(AttemptFailedError):
            await made.ask()

        assert (made.counts, made.idle) == ((1, 1, 0), True)


@pytest.mark.parametrize(
    ("url", "late", "origin"),
    [
        (None, False, Origin.PROVIDER),
        ("http://127.0.0.1:1/chat/completions", False, Origin.PATH),
        (None, True, Origin.LATE),
        ("http://127.0.0.1:1/chat/completions", True, Origin.LATE),
    ],
)
@pytest.mark.parametrize("script", [answers(503, b""), streams(ROLE, said("a"), cut=True)])
async def test_the_circuit_hears_where_the_reason_lies(
    script: Script, url: str | None, late: bool, origin: Origin
) -> None:
    async with house(script, trips={"minimum_calls": 1}) as made:
        made.held.url = url or made.held.url
        if late:
            made.admission._lag._late_at = float("inf")
        with pytest.raises(AttemptFailedError):
            await made.ask()

        circuit = made.board.of(CEREBRAS)
        assert (circuit.state, circuit.opened_by) == (State.OPEN, origin)


async def test_a_client_that_leaves_gives_its_permit_back() -> None:
    async with house(silent) as made:
        waiting = asyncio.ensure_future(made.ask())
        await made.held.heard.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        assert (made.counts, made.idle) == ((0, 0, 0), True)


async def test_a_429_is_left_alone_for_what_its_headers_say() -> None:
    async with house(answers(429, b'{"code":"queue_exceeded"}', retry_after="Fri, 20 Nov 2026 00:00:20 GMT")) as made:
        asked = record(started=time.monotonic())
        with pytest.raises(AttemptFailedError):
            await made.ask(asked)
        again = record(started=time.monotonic())
        with pytest.raises(NotCalledError):
            await made.ask(again)

        assert asked.attempts[0].retry_after == pytest.approx(made.seen["seconds"], abs=1)
        assert [(each.target, each.why) for each in again.skipped] == [(CEREBRAS, "capacity")]
        assert made.told[0]["why"] == "queue_exceeded"
        assert made.idle


@pytest.mark.parametrize("for_one_target", [False, True])
async def test_a_probe_is_not_waited_for_as_long_as_others_are(for_one_target: bool) -> None:
    moment = {"seconds": 1e-9, "most_seconds": 1}
    settings: dict[str, Any] = {"trips": {"consecutive_failures": 1}, "open": moment}
    short = {"probe": {"first_token_seconds": 0.02}}
    settings |= {"targets": {"cerebras/gpt-oss-120b": short}} if for_one_target else short
    async with house(silent, **settings) as made:
        with pytest.raises(AttemptFailedError):
            await made.ask(first_token=0.01)

        asked = record(started=time.monotonic())
        with pytest.raises(AttemptFailedError):
            await made.ask(asked, first_token=60)

        assert asked.attempts[0].is_probe
        assert [event["event"] for event in made.told] == ["circuit.opened", "circuit.half_opened", "circuit.opened"]


async def test_a_probe_with_nobody_behind_it_is_waited_for_like_any_other() -> None:
    moment = {"seconds": 1e-9, "most_seconds": 1}
    settings = {"trips": {"consecutive_failures": 1}, "open": moment, "probe": {"first_token_seconds": 1e-9}}
    async with house(streams(*WHOLE), **settings) as made:
        circuit, now = made.board.of(CEREBRAS), time.monotonic()
        permit = circuit.may_call(now)
        assert isinstance(permit, Permit)
        circuit.report(permit, Finding(Result.FAILURE), now)
        made.board.of(FALLBACK).force(State.FORCED_OPEN, now)
        asked = record("gpt-oss-120b", started=now)

        await made.ask(asked)

        assert asked.attempts[0].is_probe


async def test_a_request_that_has_had_its_attempts_gets_no_other() -> None:
    async with house(answers(503, b""), attempts={"most": 2}) as made:
        asked = record(started=time.monotonic())
        for _ in range(2):
            with pytest.raises(AttemptFailedError):
                await made.ask(asked)
        with pytest.raises(NotCalledError):
            await made.ask(asked)

        assert (len(asked.attempts), [each.why for each in asked.skipped]) == (2, ["attempts"])
        assert made.idle


async def test_a_second_attempt_waits_for_its_turn_and_gives_up_in_time() -> None:
    async with house(answers(503, b""), attempts={"extra_minimum": 1, "extra_ratio": 0}) as made:
        asked = record(started=time.monotonic())
        with pytest.raises(AttemptFailedError):
            await made.ask(asked)
        assert await made.admission.budget.take_extra(1)
        with pytest.raises(NotCalledError):
            await made.ask(asked, first_token=0.01)

        assert [each.why for each in asked.skipped] == ["budget"]
        made.admission.budget.give_extra_back()
        assert made.idle


DRIPS = {"minimum_tokens_per_s": 1000, "pace_seconds": 0.02, "stall_seconds": 5}


async def test_an_answer_that_drips_is_slow_and_is_given_up_where_another_may_be_called() -> None:
    async with house(streams(ROLE, said("a"), hang=True)) as made:
        asked = record(started=time.monotonic(), decision=_with_deadlines(DRIPS))
        with pytest.raises(AttemptFailedError):
            await made.ask(asked)

        assert (asked.attempts[0].fault, made.counts, made.idle) == (Fault.PACE, (1, 0, 1), True)


async def test_one_that_was_slow_to_begin_with_is_counted_once() -> None:
    async with house(streams(ROLE, said("a"), hang=True), trips={"slow_first_token_seconds": 1e-9}) as made:
        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=time.monotonic(), decision=_with_deadlines(DRIPS)))

        assert made.counts == (1, 0, 1)


async def test_with_nobody_behind_it_may_drip_and_is_slow() -> None:
    async with house(streams(ROLE, said("a"), hang=True), attempts={"most": 1}) as made:
        asked = record(started=time.monotonic(), decision=_with_deadlines(DRIPS))
        asking = asyncio.ensure_future(made.ask(asked))
        while made.counts != (1, 0, 1):  # noqa: ASYNC110  the circuit sets no event
            await asyncio.sleep(0.001)
        made.held.go_on.set()
        with pytest.raises(AttemptFailedError):
            await asking

        assert (asked.attempts[0].dripped, asked.attempts[0].fault) == (True, Fault.NO_FINISH)


async def test_a_request_that_has_had_its_time_gets_no_other_attempt() -> None:
    async with house(answers(503, b"")) as made:
        asked = record(started=time.monotonic() - 10, decision=_with_deadlines({"request_seconds": 5}))
        asked.attempts.append(failed(CEREBRAS, 0, 1, 503))
        with pytest.raises(NotCalledError):
            await made.ask(asked)

        assert ([each.why for each in asked.skipped], made.held.bodies, made.idle) == (["deadline"], [], True)


async def test_nor_does_one_whose_time_is_over_before_its_turn_comes() -> None:
    async with house(answers(503, b""), attempts={"extra_minimum": 1, "extra_ratio": 0}) as made:
        assert await made.admission.budget.take_extra(1)
        asked = record(started=time.monotonic() - 10, decision=_with_deadlines({"request_seconds": 10.05}))
        asked.attempts.append(failed(CEREBRAS, 0, 1, 503))
        with pytest.raises(NotCalledError):
            await made.ask(asked)

        assert ([each.why for each in asked.skipped], made.held.bodies) == (["deadline"], [])


@pytest.mark.parametrize("mode", [Mode.STREAM, Mode.PLAIN])
async def test_what_others_left_of_the_requests_time_is_no_failure_of_the_last(mode: Mode) -> None:
    async with house(silent) as made:
        asked = record(started=time.monotonic() - 10, decision=_with_deadlines({"request_seconds": 10.05}))
        with pytest.raises(AttemptFailedError):
            await made.ask(asked, mode)

        assert (asked.attempts[0].fault, made.counts, made.idle) == (Fault.REQUEST_TIMEOUT, (0, 0, 0), True)


async def test_nor_if_it_had_begun_to_answer() -> None:
    async with house(streams(ROLE, said("a"), hang=True)) as made:
        asked = record(started=time.monotonic() - 10, decision=_with_deadlines({"request_seconds": 10.5}))
        with pytest.raises(AttemptFailedError):
            await made.ask(asked)

        assert (asked.attempts[0].fault, made.counts, made.idle) == (Fault.REQUEST_TIMEOUT, (1, 0, 0), True)


def _with_deadlines(changes: dict[str, Any]) -> Decision:
    decision = decided()
    deadlines = decision.route.deadlines.model_copy(update=changes)
    return replace(decision, route=replace(decision.route, deadlines=deadlines))


async def test_an_error_of_our_own_gives_the_permit_back() -> None:
    async with house(streams(*WHOLE)) as made:
        asked = record(started=time.monotonic())
        assert asked.decision is not None
        with pytest.raises(TypeError):
            await made._caller.call(
                asked,
                asked.decision.route,
                Call(CEREBRAS, made.held.url, {}, None),
                {"messages": [], "x": {1}},
                Mode.STREAM,
            )

        assert (made.counts, made.idle) == ((0, 0, 0), True)


def nowhere() -> Any:
    return SimpleNamespace(url=f"http://127.0.0.1:{free_port()}/v1/chat/completions")


# By the day, so that a slow test does not see it refill.
LIMITS = {"x-ratelimit-limit-tokens-day": "60000", "x-ratelimit-remaining-tokens-day": "30000"}


async def test_what_an_answer_says_is_left_decides_on_the_next_request() -> None:
    async with house(streams(*WHOLE, headers=LIMITS)) as made:
        await made.ask(record(started=time.monotonic(), size=Size(10, 1000)))

        large = record(started=time.monotonic(), size=Size(40_000, 1000))
        with pytest.raises(NotCalledError):
            await made.ask(large)
        await made.ask(record(started=time.monotonic(), size=Size(10, 1000)))

        ((skipped,), (left,)) = large.skipped, made.board.standing(CEREBRAS).snapshot(time.monotonic())["allowance"]
        assert skipped.why == "allowance"
        assert skipped.seconds == pytest.approx((41_000 - 30_899) * 86_400 / 60_000, rel=0.01)
        assert left["left"] == pytest.approx(30_899, abs=20)  # as told with the second, which did not use 899 of 1,010
        assert made.idle


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_call_that_failed_used_nothing(arrives: bool) -> None:
    async with house(streams(ROLE, cut=True, headers=LIMITS)) as made:
        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=time.monotonic(), size=Size(10, 0)))
        if not arrives:
            made.held = nowhere()
        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=time.monotonic(), size=Size(10, 10_000)))

        (left,) = made.board.standing(CEREBRAS).snapshot(time.monotonic())["allowance"]
        told = 40_010 if arrives else 30_010  # as told of the last that arrived, and what that one did not use
        assert left["left"] == pytest.approx(told, abs=20)


async def test_a_call_that_was_refused_gives_nothing_back_that_it_never_took() -> None:
    async with house(answers(429, b"", **LIMITS)) as made:
        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=time.monotonic(), size=Size(10, 10_000)))

        (left,) = made.board.standing(CEREBRAS).snapshot(time.monotonic())["allowance"]
        assert left["left"] == pytest.approx(30_000, abs=20)


async def test_a_target_that_carries_all_it_may_is_left_alone_until_an_answer_ends() -> None:
    async with house(silent, in_flight={"most_per_target": 1}) as made:
        waiting = asyncio.ensure_future(made.ask())
        await made.held.heard.wait()
        asked = record(started=time.monotonic())
        with pytest.raises(NotCalledError):
            await made.ask(asked)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        assert [(each.why, each.seconds) for each in asked.skipped] == [("full", 1.0)]
        assert made.idle


async def test_one_clients_failures_leave_a_target_that_serves_others_alone() -> None:
    async with house(answers(500, b""), trips={"consecutive_failures": 1}) as made:
        circuit, now = made.board.of(CEREBRAS), time.monotonic()
        permit = circuit.may_call(now)
        assert isinstance(permit, Permit)
        circuit.report(permit, Finding(Result.SUCCESS), now, "another")
        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=now))
        assert made.seen["state"] == "closed"

        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=now, client="a third"))

        assert made.seen["state"] == "open"


async def test_answers_of_one_client_that_break_leave_a_target_that_serves_others_alone() -> None:
    trips = {"minimum_calls": 1, "failure_ratio": 0.5}
    async with house(streams(ROLE, said("a"), cut=True), trips=trips) as made:
        circuit, now = made.board.of(CEREBRAS), time.monotonic()
        permit = circuit.may_call(now)
        assert isinstance(permit, Permit)
        circuit.report(permit, Finding(Result.SUCCESS), now, "another")
        for client, state in (("app", "closed"), ("a third", "open")):
            with pytest.raises(AttemptFailedError):
                await made.ask(record(started=now, client=client))

            assert made.seen["state"] == state


async def test_a_connection_that_is_refused_is_no_clients_doing() -> None:
    async with house(streams(*WHOLE), trips={"consecutive_failures": 1}) as made:
        await made.ask(record(started=time.monotonic(), client="another"))
        made.held = nowhere()
        with pytest.raises(AttemptFailedError):
            await made.ask(record(started=time.monotonic()))

        assert made.board.of(CEREBRAS).state is State.OPEN


@pytest.mark.parametrize(
    ("code", "size", "seconds"),
    [
        ("token_quota_exceeded", Size(10, 9000), 5),  # until there is enough for it, at 1,000 each second
        ("token_quota_exceeded", Size(10, 1000), 40),  # it should have fitted: as its reset says
        ("request_quota_exceeded", Size(10, 1000), 1),  # nothing says how long
        ("queue_exceeded", Size(10, 9000), 1),  # which is no quota
    ],
)
async def test_a_429_to_a_large_request_keeps_a_target_no_longer_from_others_than_it_must(
    code: str, size: Size, seconds: float
) -> None:
    left = {"x-ratelimit-limit-tokens-minute": "60000", "x-ratelimit-remaining-tokens-minute": "6000"}
    reset = {"x-ratelimit-reset-tokens-minute": "40"}
    async with house(answers(429, b'{"code":"%s"}' % code.encode(), **left, **reset)) as made:
        asked = record(started=time.monotonic(), size=size)
        with pytest.raises(AttemptFailedError):
            await made.ask(asked)

        assert made.told[0]["event"] == "circuit.gated"
        assert made.told[0]["seconds"] == pytest.approx(seconds, abs=1)
