"""What LiteLLM hears of an answer that its client is given on the shortcut: how it began, and then the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from plugins.telemetry.record import Attempt
from plugins.upstream.answer import Answer, AnswerBrokenError
from plugins.upstream.shortcut import Shortcut, in_few_events, the_rest


class Heard(httpx.AsyncByteStream):
    def __init__(
        self, attempt: Attempt, answer: Answer, shortcut: Shortcut, window: float, request: httpx.Request
    ) -> None:
        self._answer = answer
        self._watch = attempt.watch
        self._shortcut = shortcut
        self._window = window
        self._request = request
        self._begun: bytes | AnswerBrokenError | None = None

    async def begin(self) -> bool:
        """Open the shortcut, if there is something to begin with."""
        if self._begun is None:
            try:
                self._begun = await self._answer.next(0)
                self._shortcut.open(self._answer, self._window, self._begun)
            except AnswerBrokenError as broken:
                self._begun = broken
        return isinstance(self._begun, bytes)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            await self.begin()
            if not isinstance(first := self._begun, bytes):
                raise first or AssertionError
            if self._answer.has_said_all:
                yield the_rest(first, self._watch)
                return
            yield in_few_events(first)
            self._shortcut.close()  # for whoever has not taken it by now
            async for out in self._told() if self._shortcut.taken else self._passed_on():
                yield out
        except AnswerBrokenError as broken:
            raise httpx.RemoteProtocolError(str(broken), request=self._request) from broken

    async def begin_unheard(self) -> bool:
        """For whoever has no use for the rest."""
        begun = await self.begin()
        if begun:
            self._shortcut.said = None
        return begun

    async def _told(self) -> AsyncIterator[bytes]:
        out = await self._shortcut.passed_on()
        if self._watch.whole:
            yield the_rest(out, self._watch)
        else:
            yield in_few_events(out)
            raise httpx.RemoteProtocolError("the answer broke off, or its client left", request=self._request)

    async def _passed_on(self) -> AsyncIterator[bytes]:
        while out := await self._answer.next(self._window):
            yield in_few_events(out)
        yield the_rest(b"", self._watch)

    async def aclose(self) -> None:
        self._shortcut.close()
        if not self._shortcut.taken:
            self._answer.close()
