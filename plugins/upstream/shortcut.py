"""From the transport to the client, past LiteLLM: it chose the target, and hears of the answer once that is over.

LiteLLM spends about half a millisecond on every event that passes through it. Where none of its callbacks acts on what
passes, the client is given the provider's stream itself, and LiteLLM the little that its loggers need.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import orjson

from plugins.stream.relay import Relay
from plugins.stream.watch import Watch
from plugins.telemetry.kept import Said, completion
from plugins.upstream.answer import Answer

_DONE = b"data: [DONE]\n\n"
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
_MESSAGE = frozenset({"role", "content", "reasoning", "reasoning_content"})


class Shortcut:
    """Of one request: the transport opens it, the front takes it, and the transport is told what passed."""

    def __init__(self, *, wants_usage: bool) -> None:
        self.wants_usage = wants_usage
        self.first = b""  # what it began with, which LiteLLM was given as well
        self.said: Said | None = Said()  # all that the client was given; None where LiteLLM is not to hear of it
        self.window = 0.0
        self.taken = False
        self._answer: Answer | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def open(self, answer: Answer, window: float, first: bytes) -> None:
        self._answer, self.window, self.first = answer, window, first

    def close(self) -> None:
        self._answer = None

    def take(self) -> Answer | None:
        """The answer, if there is one to give to the client: whoever takes it says when that has `ended`."""
        self.taken = self._answer is not None
        return self._answer

    def end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    async def passed_on(self) -> bytes:
        """What LiteLLM has not heard of it, once there is no more; of very long answers the beginning."""
        await self._over
        return b"".join(self.said.parts if self.said else ())[len(self.first) :]


# Offered by the front; LiteLLM carries it along to the transport.
offered: ContextVar[Shortcut | None] = ContextVar("waferline_shortcut", default=None)


def in_few_events(out: bytes) -> bytes:
    """Without what says nothing, and without the end."""
    return Relay(Watch(), merge=True, wants_usage=False, terse=True).feed([out], 0.0).removesuffix(_DONE)


def the_rest(out: bytes, watch: Watch) -> bytes:
    """With the counts, without which LiteLLM would tokenize the answer. Plain text is one event with its end."""
    answer = completion(Said(parts=[out]), streamed=True)
    chunk: dict[str, Any] = {"id": watch.id, "object": "chat.completion.chunk", "model": watch.model, "choices": []}
    usage = {"usage": watch.usage} if watch.usage else {}
    if plain := _plain(answer["choices"]):
        return _event({**chunk, **usage, "choices": [plain]}) + _DONE
    counts = _event({**chunk, **usage}) if usage and "usage" not in answer else b""
    return in_few_events(out) + counts + _DONE


def _plain(choices: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one choice as a delta, if it holds text and nothing else."""
    if len(choices) != 1 or set(choices[0]) - _CHOICE or set(choices[0]["message"]) - _MESSAGE:
        return None
    delta = {name: value for name, value in choices[0]["message"].items() if value and name != "role"}
    return {"index": choices[0]["index"], "delta": delta, "finish_reason": choices[0]["finish_reason"]}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
