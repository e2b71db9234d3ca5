"""What stands in for the providers at the rehearsal, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import orjson

from plugins.telemetry.record import Record

_DELTAS: tuple[dict[str, str], ...] = (
    {"role": "assistant", "content": ""},
    {"content": "One."},
    {"content": " Two."},
    {},
)


class Understudy(httpx.AsyncBaseTransport):
    """Passes every call on to the real transport, but for those of one record that it was shown.

    Clients get a record of their own from the front, so none of theirs can be that one. It stays this one's for as
    long as the process lives: what a rehearsal that was given up still does must not reach a provider either.
    """

    def __init__(self, real: httpx.AsyncBaseTransport, current: Callable[[], Record | None]) -> None:
        self._real = real
        self._current = current
        self._covered: Record | None = None

    def cover(self, record: Record) -> None:
        self._covered = record

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        record = self._current()
        if record is None or record is not self._covered:
            return await self._real.handle_async_request(request)
        record.calling = None
        body = orjson.loads(await request.aread())
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=_stream(str(body["model"])))

    async def aclose(self) -> None:
        await self._real.aclose()


def _stream(model: str) -> bytes:
    """A streamed answer of two words, as Cerebras sends it."""
    said = {"id": "chatcmpl-rehearsal", "object": "chat.completion.chunk", "created": 0, "model": model}
    chunks = [
        {**said, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]}
        for delta in _DELTAS
    ]
    chunks[-1]["usage"] = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
