"""An answer on its way to its client, past LiteLLM: as it arrives, and honest about its end. Both lanes end here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from plugins.front.asgi import Send
from plugins.front.failure import interrupted_chunk
from plugins.telemetry.kept import Said
from plugins.telemetry.record import Outcome, Record
from plugins.upstream.answer import Answer, AnswerBrokenError, Clock, written
from plugins.upstream.eager import started

LAST_WORD_SECONDS = 0.5  # for an answer that is broken off


async def relay(
    record: Record, answer: Answer, window: float, send: Send, now: Clock, said: Said | None, first: bytes = b""
) -> None:
    """`first`, everything it has still to say, and a last word if it did not end well. `said` hears all but that."""
    complete = False

    def passed_on(out: bytes) -> Coroutine[Any, Any, None]:
        nonlocal complete
        if record.delivered.first_token_at is None and answer.has_spoken:
            record.delivered.first_token_at = now()
        if said is not None:
            said.append(out)
        complete = answer.has_said_all
        return send({"type": "http.response.body", "body": out, "more_body": not complete})

    outcome, last = Outcome.WHOLE, b"data: [DONE]\n\n"  # a provider that finished without one owes it to clients
    try:
        try:
            if first:
                await written(started(passed_on(first)))
            await answer.relay(window, passed_on)
        except AnswerBrokenError:
            outcome, last = Outcome.BROKEN, _broken(record)
        if not complete:
            await written(started(send({"type": "http.response.body", "body": last})))
    except asyncio.CancelledError:  # the process ends, or the client has left, who hears nothing of this
        if not complete:
            await _said_last(send, _broken(record))
        raise
    except TimeoutError:
        outcome = Outcome.CLIENT_GONE  # it no longer reads; its connection is closed once it has, or has gone
    record.end(outcome)


async def _said_last(send: Send, last: bytes) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORD_SECONDS):
            await send({"type": "http.response.body", "body": last})


def _broken(record: Record) -> bytes:
    said = record.serving.watch if record.serving else record.delivered
    return interrupted_chunk(record.serving, said, record.request_id)
