"""Two targets at once: when the first is late to speak the next one starts as well, and who speaks first answers.

Both lanes call a target through here. At the end of a race nothing of the other is left: no task, no connection, no
permit, and nothing in the log but that it lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from plugins.telemetry.record import Attempt
from plugins.upstream.admission import NotCalledError
from plugins.upstream.answer import Clock
from plugins.upstream.caller import AttemptFailedError, Begun, Call, Caller, Errand


async def first_to_speak(caller: Caller, errand: Errand, behind: Iterable[Call], now: Clock) -> Begun:
    """Raises what Caller.call raises, of the target that was asked for. `behind`: whom else to ask when it is late."""
    if errand.route.hedge_after is None:
        return await caller.run(*await caller.begin(errand))
    record, others = errand.record, list(behind)
    try:
        return await _Race(caller, errand, now).run(others, errand.route.hedge_after)
    except AttemptFailedError:
        if record.has_tried(errand.call.target) or not all(record.has_tried(each.target) for each in others):
            raise
    # It was called off for a hedge that broke, and there is nobody else.
    return await caller.run(*await caller.begin(errand))


async def in_turn(caller: Caller, errand: Errand, behind: Iterable[Call], now: Clock) -> Begun:
    """The target that was asked for, then those behind it, until one speaks. Raises what the last one raised."""
    calls = [errand.call, *behind]
    reason: Exception = NotCalledError("there is nobody to call")
    for position, call in enumerate(calls, 1):
        if errand.record.has_tried(call.target):
            continue  # as a hedge
        try:
            return await first_to_speak(caller, replace(errand, call=call), calls[position:], now)
        except (NotCalledError, AttemptFailedError) as error:
            reason = error
        if errand.record.client_is_to_blame:
            break
    raise reason


class _Runner:
    """An attempt of its own task. `moved` once it spoke, or is over without."""

    def __init__(self, caller: Caller, attempt: Attempt, errand: Errand) -> None:
        self.attempt = attempt
        self.spoke = False
        self.moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task = asyncio.ensure_future(caller.run(attempt, replace(errand, spoke=self._speak)))
        self.task.add_done_callback(self._over)

    def _speak(self) -> None:
        self.spoke = True
        if not self.moved.done():
            self.moved.set_result(None)

    def _over(self, task: asyncio.Task[Begun]) -> None:
        if _begun(task) is not None:
            self._speak()
        elif not self.moved.done():
            self.moved.set_result(None)

    def stop(self) -> None:
        """Its provider hears of it at the next turn of the loop. What it has said already goes to nobody."""
        if not self.task.done():
            self.task.cancel()
        elif (begun := _begun(self.task)) and begun.stream:
            begun.stream.close()


def _begun(task: asyncio.Task[Begun]) -> Begun | None:
    return None if task.cancelled() or task.exception() is not None else task.result()


class _Race:
    def __init__(self, caller: Caller, errand: Errand, now: Clock) -> None:
        self._caller = caller
        self._errand = errand
        self._now = now
        self._runners: list[_Runner] = []

    async def run(self, behind: Iterable[Call], after: float) -> Begun:
        record, begun = self._errand.record, None
        try:
            lead = self._enter(*await self._caller.begin(self._errand))
            await asyncio.wait([lead.moved], timeout=after)
            if not lead.moved.done():
                await self._hedge(behind)
            winner = await self._first()
            for other in self._runners:
                if other is not winner:
                    other.attempt.lose(self._now())
                    other.stop()
            record.winner = winner.attempt if winner else None
            begun = await (winner or lead).task
        except AttemptFailedError:
            record.winner = None  # it broke before any of it left, so whoever is next may win
            raise
        finally:
            await self._clear(begun)
        return begun

    def _enter(self, attempt: Attempt, errand: Errand) -> _Runner:
        runner = _Runner(self._caller, attempt, errand)
        self._runners.append(runner)
        return runner

    async def _hedge(self, behind: Iterable[Call]) -> None:
        """The next target that may be called now. Those that may not are none the worse for it."""
        skipped = self._errand.record.skipped
        before = len(skipped)
        for call in behind:
            if self._errand.record.has_tried(call.target):
                continue
            try:
                self._enter(*await self._caller.begin(replace(self._errand, call=call), hedge=True))
            except NotCalledError:
                del skipped[before:]
            else:
                return

    async def _first(self) -> _Runner | None:
        """Who spoke first; None when nobody did, or when all would be told of the client's mistake."""
        while racing := [each for each in self._runners if each.spoke or not each.moved.done()]:
            if spoke := next((each for each in racing if each.spoke), None):
                return spoke
            if self._errand.record.client_is_to_blame:
                return None
            await asyncio.wait([each.moved for each in racing], return_when=asyncio.FIRST_COMPLETED)
        return None

    async def _clear(self, begun: Begun | None) -> None:
        for runner in self._runners:
            if begun is None or begun.attempt is not runner.attempt:
                runner.stop()
        if running := [each.task for each in self._runners if not each.task.done()]:
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError:  # nobody is there any more to take what the winner says
                for runner in self._runners:
                    runner.stop()
                raise
