"""Two targets at once: one answers, and of the other nothing is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.circuit.board import Board
from plugins.circuit.facts import State
from plugins.policy.circuits import CircuitsFile
from plugins.policy.commit import Commit
from plugins.telemetry.record import Outcome, Record
from plugins.upstream.admission import Admission, NotCalledError
from plugins.upstream.answer import Clock
from plugins.upstream.caller import AttemptFailedError, Begun, Call, Caller, Errand, Mode
from plugins.upstream.lag import Lag
from plugins.upstream.pool import Pool
from plugins.upstream.race import first_to_speak, in_turn
from tests.telemetry.cases import CEREBRAS, DONE, FALLBACK, ROLE, USAGE, failed, finish, record, said
from tests.upstream.provider import Provider, Script, answers, provider, silent, streams

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
SOON = 5.0
AT_ONCE = 1e-6
WHOLE = streams(ROLE, said("a"), finish(usage=USAGE), DONE)


class Course:
    """Two targets with their circuits, and one request between them."""

    def __init__(
        self, lead: Provider, hedge: Provider, pool: Pool, after: float, commit: Commit, **circuits: Any
    ) -> None:
        made = CircuitsFile.model_validate(circuits)
        self.told: list[dict[str, Any]] = []
        self.board = Board([CEREBRAS, FALLBACK], lambda: made, lambda: 0.0, self.told.append)
        lag = Lag(time.monotonic, lambda: 60)
        self.admission = Admission(self.board, lag, time.monotonic, lambda: datetime(2026, 11, 20, tzinfo=UTC))
        self._caller = Caller(pool, time.monotonic, self.admission)
        self.providers = {CEREBRAS: lead, FALLBACK: hedge}
        self.record: Record = record("gpt-oss-120b", started=time.monotonic())
        assert self.record.decision is not None
        self._route = replace(self.record.decision.route, hedge_after=after, commit=commit)

    async def run(self, mode: Mode = Mode.STREAM, now: Clock = time.monotonic) -> Begun:
        lead, hedge = (Call(target, held.url, {}, None) for target, held in self.providers.items())
        errand = Errand(self.record, self._route, lead, BODY, mode)
        return await first_to_speak(self._caller, errand, iter([hedge]), now)

    async def run_in_turn(self) -> Begun:
        lead, *behind = (Call(target, held.url, {}, None) for target, held in self.providers.items())
        route = replace(self._route, hedge_after=None)
        return await in_turn(self._caller, Errand(self.record, route, lead, BODY, Mode.STREAM), behind, time.monotonic)

    @property
    def outcomes(self) -> list[Outcome]:
        return [attempt.outcome for attempt in self.record.attempts]

    @property
    def permits(self) -> tuple[int, int]:
        return self.admission.budget.in_flight, self.admission.budget.extra

    def seen(self, target: Any) -> tuple[int, int, int]:
        row = self.board.of(target).snapshot(time.monotonic())
        return row["calls"], row["failures"], row["slow"]


@asynccontextmanager
async def course(
    lead: Script, hedge: Script, after: float = AT_ONCE, commit: Commit | None = None, **circuits: Any
) -> AsyncIterator[Course]:
    pool = Pool()
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(provider(script)) for script in (lead, hedge)]
        stack.push_async_callback(pool.close)
        await stack.enter_async_context(asyncio.timeout(SOON))
        yield Course(first, second, pool, after, commit or Commit(), **circuits)


def under_way() -> list[str]:
    return [name for task in asyncio.all_tasks() if "Caller.run" in (name := repr(task.get_coro()))]


async def read(begun: Begun) -> None:
    if begun.stream is not None:
        await begun.stream.read_to_end()


@pytest.mark.parametrize("mode", [Mode.STREAM, Mode.COLLECT])
async def test_whoever_speaks_first_answers_and_the_other_is_called_off(mode: Mode) -> None:
    heard = asyncio.Event()
    async with course(_telling(heard, silent), _after(heard, WHOLE)) as made:
        begun = await made.run(mode)
        assert under_way() == []
        await read(begun)

        assert begun.attempt is made.record.serving is made.record.attempts[1]
        assert made.outcomes == [Outcome.LOST_RACE, Outcome.WHOLE]
        assert (made.permits, begun.attempt.is_hedge) == ((0, 0), True)
        await made.providers[CEREBRAS].hung_up.wait()


async def test_of_two_that_speak_at_once_one_is_closed() -> None:
    go, here = asyncio.Event(), [asyncio.Event(), asyncio.Event()]
    lead, hedge = (_telling(each, _after(go, streams(ROLE, said("a"), hang=True))) for each in here)
    async with course(lead, hedge) as made:
        race = asyncio.ensure_future(made.run())
        for each in here:
            await each.wait()
        go.set()
        begun = await race

        loser = CEREBRAS if begun.attempt.target is FALLBACK else FALLBACK
        await made.providers[loser].hung_up.wait()
        assert begun.stream is not None
        begun.stream.close()


async def test_who_is_so_late_that_another_had_to_start_is_slow_and_no_failure() -> None:
    async with course(silent, WHOLE) as made:
        await read(await made.run())

        assert (made.seen(CEREBRAS), made.seen(FALLBACK)) == ((1, 0, 1), (1, 0, 0))


async def test_a_hedge_that_comes_to_nothing_counts_for_nothing() -> None:
    heard = asyncio.Event()
    async with course(_after(heard, WHOLE), _telling(heard, silent)) as made:
        await read(await made.run())

        assert made.outcomes == [Outcome.WHOLE, Outcome.LOST_RACE]
        assert (made.seen(CEREBRAS), made.seen(FALLBACK)) == ((1, 0, 0), (0, 0, 0))
        assert made.permits == (0, 0)
        await made.providers[FALLBACK].hung_up.wait()


async def test_nobody_is_hedged_who_speaks_in_time() -> None:
    async with course(WHOLE, silent, after=SOON) as made:
        await read(await made.run())

        assert (made.outcomes, made.providers[FALLBACK].bodies) == ([Outcome.WHOLE], [])


async def test_a_failure_in_time_is_left_to_whoever_is_next() -> None:
    async with course(answers(503, b""), WHOLE, after=SOON) as made:
        with pytest.raises(AttemptFailedError):
            await made.run()

        assert (made.outcomes, made.providers[FALLBACK].bodies, made.permits) == ([Outcome.FAILED], [], (0, 0))


async def test_if_one_fails_the_other_goes_on() -> None:
    heard = asyncio.Event()
    async with course(_after(heard, WHOLE), _telling(heard, answers(503, b""))) as made:
        await read(await made.run())
        assert made.record.serving is made.record.attempts[0]
        assert made.outcomes[0] is Outcome.WHOLE

    heard = asyncio.Event()
    async with course(_after(heard, answers(503, b"")), _telling(heard, _late(0.01))) as made:
        await read(await made.run())
        assert made.outcomes == [Outcome.FAILED, Outcome.WHOLE]


async def test_what_was_tried_before_is_no_hedge() -> None:
    async with course(_late(0.01), WHOLE) as made:
        made.record.attempts.append(failed(FALLBACK, 0, 1, 503))
        await read(await made.run())

        assert made.outcomes == [Outcome.FAILED, Outcome.WHOLE]
        assert made.providers[FALLBACK].bodies == []


async def test_if_both_fail_it_is_the_turn_of_the_next() -> None:
    heard = asyncio.Event()
    async with course(_after(heard, answers(503, b"")), _telling(heard, answers(500, b""))) as made:
        with pytest.raises(AttemptFailedError) as why:
            await made.run()

        assert (made.outcomes, why.value.attempt) == ([Outcome.FAILED] * 2, made.record.attempts[0])
        assert (made.permits, made.record.winner) == ((0, 0), None)


async def test_a_mistake_of_the_clients_ends_the_race() -> None:
    heard = asyncio.Event()
    async with course(_after(heard, answers(400, b"{}")), _telling(heard, silent)) as made:
        with pytest.raises(AttemptFailedError):
            await made.run()

        assert made.record.client_is_to_blame
        assert (made.permits, made.seen(FALLBACK)) == ((0, 0), (0, 0, 0))
        await made.providers[FALLBACK].hung_up.wait()


async def test_when_a_hedge_breaks_before_it_is_committed_the_one_that_it_beat_is_asked_again() -> None:
    scripts = iter([silent, WHOLE])

    async def late_once(held: Provider, request: web.Request) -> web.StreamResponse:
        return await next(scripts)(held, request)

    broken = streams(ROLE, said("a"), cut=True)
    async with course(late_once, broken, commit=Commit(atomic="always")) as made:
        begun = await made.run()
        await read(begun)

        assert made.outcomes == [Outcome.LOST_RACE, Outcome.BROKEN, Outcome.WHOLE]
        assert begun.attempt is made.record.serving
        assert made.permits == (0, 0)


async def test_when_the_first_breaks_before_it_is_committed_the_hedge_that_it_beat_is_next() -> None:
    heard = asyncio.Event()
    broken = streams(ROLE, said("a"), cut=True)
    async with course(_after(heard, broken), _telling(heard, silent), commit=Commit(atomic="always")) as made:
        with pytest.raises(AttemptFailedError):
            await made.run()

        assert (made.outcomes, made.record.winner) == ([Outcome.BROKEN, Outcome.LOST_RACE], None)
        assert (made.record.has_tried(CEREBRAS), made.record.has_tried(FALLBACK)) == (True, False)
        assert made.permits == (0, 0)


async def test_a_target_whose_circuit_is_open_is_no_hedge_and_none_the_worse_for_it() -> None:
    async with course(_late(0.05), WHOLE) as made:
        made.board.of(FALLBACK).force(State.FORCED_OPEN, time.monotonic())
        await read(await made.run())

        assert (made.outcomes, made.record.skipped, made.providers[FALLBACK].bodies) == ([Outcome.WHOLE], [], [])


@pytest.mark.parametrize("attempts", [{"most": 1}, {"extra_ratio": 0, "extra_minimum": 1}])
async def test_no_hedge_starts_that_a_second_attempt_could_not(attempts: dict[str, Any]) -> None:
    async with course(_late(0.05), WHOLE, attempts=attempts) as made:
        assert await made.admission.budget.take_extra(1)
        await read(await made.run())

        assert (made.outcomes, made.record.skipped) == ([Outcome.WHOLE], [])
        made.admission.budget.give_extra_back()
        assert made.permits == (0, 0)


async def test_a_target_that_may_not_be_called_is_not_raced_for() -> None:
    async with course(WHOLE, WHOLE) as made:
        made.board.of(CEREBRAS).force(State.FORCED_OPEN, time.monotonic())
        with pytest.raises(NotCalledError):
            await made.run()

        assert made.record.attempts == []


async def test_a_client_that_leaves_stops_both() -> None:
    async with course(silent, silent) as made:
        running = asyncio.ensure_future(made.run())
        for held in made.providers.values():
            await held.heard.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert (made.outcomes, made.permits) == ([Outcome.CLIENT_GONE] * 2, (0, 0))
        assert made.seen(CEREBRAS) == made.seen(FALLBACK) == (0, 0, 0)
        for held in made.providers.values():
            await held.hung_up.wait()


async def test_a_client_that_leaves_while_the_loser_is_called_off_stops_the_winner_as_well() -> None:
    heard = asyncio.Event()
    winner = _after(heard, streams(ROLE, said("a"), hang=True))
    async with course(_telling(heard, silent), winner) as made:

        def leaving() -> float:  # asked as the race is decided
            asyncio.get_running_loop().call_soon(running.cancel)
            return time.monotonic()

        running = asyncio.ensure_future(made.run(now=leaving))
        with pytest.raises(asyncio.CancelledError):
            await running

        assert (made.outcomes, made.permits) == ([Outcome.LOST_RACE, Outcome.CLIENT_GONE], (0, 0))
        for held in made.providers.values():
            await held.hung_up.wait()


# ---- whatever the timing ---------------------------------------------------------------------------------------------

MOMENTS = [0, 0.001, 0.002, 0.004]


@dataclass(frozen=True)
class Way:
    """How one provider behaves."""

    before: float
    script: str

    @property
    def does(self) -> Script:
        return _late(self.before, SCRIPTS[self.script])


SCRIPTS: dict[str, Script] = {
    "whole": WHOLE,
    "cut": streams(ROLE, said("a"), cut=True),
    "role": streams(ROLE, cut=True),
    "refused": answers(503, b""),
    "wrong": answers(400, b"{}"),
    "silent": silent,
}
ways = st.builds(Way, st.sampled_from(MOMENTS), st.sampled_from(sorted(SCRIPTS)))
commits = st.sampled_from([Commit(), Commit(atomic="always"), Commit(hold_ms=5)])


@given(
    lead=ways,
    hedge=ways,
    after=st.sampled_from([AT_ONCE, 0.001, 0.003]),
    mode=st.sampled_from([Mode.STREAM, Mode.COLLECT]),
    commit=commits,
    leaves=st.sampled_from([None, 0.0, 0.001, 0.002, 0.004, 0.006]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_timing_one_answers_or_none_and_nothing_is_left(
    lead: Way, hedge: Way, after: float, mode: Mode, commit: Commit, leaves: float | None
) -> None:
    asyncio.run(_one_race(lead, hedge, after, mode, commit, leaves))


async def _one_race(lead: Way, hedge: Way, after: float, mode: Mode, commit: Commit, leaves: float | None) -> None:
    async with course(lead.does, hedge.does, after, commit) as made:
        running = asyncio.ensure_future(made.run(mode))
        bounded = 0.05 if leaves is None else leaves  # of two silent ones nobody ever answers
        with_answer = await _until(running, bounded)
        if with_answer is not None and with_answer.stream is not None:
            await asyncio.gather(with_answer.stream.read_to_end(), return_exceptions=True)

        assert made.permits == (0, 0)
        assert Outcome.RUNNING not in made.outcomes
        whole = [attempt for attempt in made.record.attempts if attempt.outcome is Outcome.WHOLE]
        if with_answer is not None:
            assert made.record.serving is with_answer.attempt
            assert all(attempt is with_answer.attempt for attempt in whole)
        assert under_way() == []
        for held, way in zip(made.providers.values(), (lead, hedge), strict=True):
            if way.script == "silent" and held.bodies:
                await held.hung_up.wait()  # nobody waits for it any more


async def _until(running: asyncio.Future[Begun], seconds: float) -> Begun | None:
    try:
        return await asyncio.wait_for(running, seconds)
    except (AttemptFailedError, TimeoutError):
        return None


def _late(seconds: float, script: Script = WHOLE) -> Script:
    async def late(held: Provider, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await script(held, request)

    return late


def _telling(heard: asyncio.Event, script: Script) -> Script:
    async def telling(held: Provider, request: web.Request) -> web.StreamResponse:
        heard.set()
        return await script(held, request)

    return telling


def _after(heard: asyncio.Event, script: Script) -> Script:
    async def after(held: Provider, request: web.Request) -> web.StreamResponse:
        await heard.wait()
        return await script(held, request)

    return after


async def test_in_turn_the_next_target_takes_over_from_one_that_fails() -> None:
    async with course(answers(503, b"{}"), WHOLE) as made:
        begun = await made.run_in_turn()
        await read(begun)

        assert made.outcomes == [Outcome.FAILED, Outcome.WHOLE]
        assert begun.attempt.target is FALLBACK
        assert made.permits == (0, 0)


async def test_in_turn_one_that_is_left_alone_is_passed_by() -> None:
    async with course(WHOLE, WHOLE) as made:
        made.board.force(CEREBRAS.deployment, State.FORCED_OPEN, time.monotonic())
        await read(await made.run_in_turn())

        assert [attempt.target for attempt in made.record.attempts] == [FALLBACK]
        assert [skipped.target for skipped in made.record.skipped] == [CEREBRAS]


async def test_in_turn_a_mistake_of_the_clients_is_asked_about_once() -> None:
    async with course(answers(400, b"{}"), WHOLE) as made:
        with pytest.raises(AttemptFailedError):
            await made.run_in_turn()

        assert [attempt.status for attempt in made.record.attempts] == [400]


async def test_in_turn_the_last_to_fail_is_heard() -> None:
    async with course(answers(503, b"{}"), answers(500, b"{}")) as made:
        with pytest.raises(AttemptFailedError) as failure:
            await made.run_in_turn()

        assert failure.value.attempt.status == 500
        assert [attempt.status for attempt in made.record.attempts] == [503, 500]
