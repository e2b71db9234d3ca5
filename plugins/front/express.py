"""The express lane: targets tried in order past LiteLLM, and the first to speak is relayed byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from plugins.front.asgi import Receive, Send
from plugins.front.failure import explain
from plugins.front.headers import answer_headers
from plugins.front.leash import Leash
from plugins.front.relaying import relay
from plugins.policy.engine import Decision
from plugins.policy.targets import Address, Target
from plugins.policy.verdict import Refuse
from plugins.telemetry.record import Outcome, Record
from plugins.upstream.admission import NotCalledError
from plugins.upstream.answer import Answer, Clock
from plugins.upstream.caller import AttemptFailedError, Begun, Call, Caller, Errand, Mode, direct
from plugins.upstream.race import in_turn

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Express:
    def __init__(self, caller: Caller, ways: Mapping[str, Address], now: Clock) -> None:
        self._caller = caller
        self._ways = ways
        self._now = now

    async def answer(
        self, record: Record, decision: Decision, body: dict[str, Any], receive: Receive, send: Send
    ) -> Refuse | None:
        """The refusal to send, or None when an answer was."""
        leash = Leash(receive)
        try:
            return await self._serve(record, decision, body, send)
        except asyncio.CancelledError:
            if not leash.pulled:
                record.end(Outcome.BROKEN)
                raise
            record.end(Outcome.CLIENT_GONE)
            return None
        finally:
            leash.release()

    async def _serve(self, record: Record, decision: Decision, body: dict[str, Any], send: Send) -> Refuse | None:
        begun = await self._first_to_speak(record, decision, body)
        if begun is None:
            record.end(Outcome.REJECTED if record.client_is_to_blame else Outcome.FAILED)
            return explain(503, b"", record.attempts, record.skipped, self._now())
        record.status = 200
        if record.kept is not None:
            record.kept.headers = begun.head.as_dict()
        if begun.stream is None:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(begun.payload))]
            await send(_start(headers, record))
            if record.kept is not None:
                record.kept.append(begun.payload)
            await send({"type": "http.response.body", "body": begun.payload})
            record.end(Outcome.WHOLE)
        else:
            await self._stream(record, begun.stream, decision.route.merge_window, send)
        return None

    async def _first_to_speak(self, record: Record, decision: Decision, body: dict[str, Any]) -> Begun | None:
        first, *behind = map(self._call, decision.targets)
        mode = Mode.of(decision.stream_mode, stream=record.stream)
        try:
            return await in_turn(self._caller, Errand(record, decision.route, first, body, mode), behind, self._now)
        except (NotCalledError, AttemptFailedError):
            return None

    def _call(self, target: Target) -> Call:
        return direct(target, self._ways[target.deployment])

    async def _stream(self, record: Record, answer: Answer, window: float, send: Send) -> None:
        try:
            await send(_start(_STREAM_HEADERS, record))
            await relay(record, answer, window, send, self._now, record.kept)
        finally:
            answer.close()


def _start(headers: list[tuple[bytes, bytes]], record: Record) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": [*headers, *answer_headers(record)]}
