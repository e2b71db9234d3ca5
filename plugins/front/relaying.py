"""An answer on its way to its client, past LiteLLM: as it arrives, and honest about its end. Both lanes end here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from plugins.front.asgi import Send
from plugins.front.failure import interrupted_chunk
from plugins.front.straight import straight
from plugins.telemetry.kept import Said
from plugins.telemetry.record import Outcome, Record
from plugins.upstream.answer import Answer, AnswerBrokenError, Clock, written
from plugins.upstream.eager import left_of

LAST_WORD_SECONDS = 0.5  # for an answer that is broken off


async def relay(
    record: Record, answer: Answer, window: float, send: Send, now: Clock, said: Said | None, first: bytes = b""
) -> None:
    """`first`, everything it has still to say, and a last word if it did not end well. `said` hears all but that."""
    complete = False
    sent = _sender(send)

    def passed_on(out: bytes) -> Awaitable[None] | None:
        nonlocal complete
        if record.delivered.first_token_at is None and answer.has_spoken:
            record.delivered.first_token_at = now()
        if said is not None:
            said.append(out)
        complete = answer.has_said_all
        return sent(out, not complete)

    outcome, last = Outcome.WHOLE, b"data: [DONE]\n\n"  # a provider that finished without one owes it to clients
    try:
        try:
            if first:
                await written(passed_on(first))
            await answer.relay(window, passed_on)
        except AnswerBrokenError:
            outcome, last = Outcome.BROKEN, _broken(record)
        if not complete:
            await written(sent(last, False))
    except asyncio.CancelledError:  # the process ends, or the client has left, who hears nothing of this
        if not complete:
            await _said_last(send, _broken(record))
        raise
    except TimeoutError:
        outcome = Outcome.CLIENT_GONE  # it no longer reads; its connection is closed once it has, or has gone
    record.end(outcome)


def _sender(send: Send) -> Callable[[bytes, bool], Awaitable[None] | None]:
    """Sends a part, and says what is left of that; told whether more follows."""
    write = straight(send)

    def sent(part: bytes, more: bool) -> Awaitable[None] | None:
        if more and write(part):
            return None
        return left_of(send({"type": "http.response.body", "body": part, "more_body": more}))

    return sent


async def _said_last(send: Send, last: bytes) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORD_SECONDS):
            await send({"type": "http.response.body", "body": last})


def _broken(record: Record) -> bytes:
    said = record.serving.watch if record.serving else record.delivered
    return interrupted_chunk(record.serving, said, record.request_id)
