"""The answer on its way back through LiteLLM: named, measured, and honest about its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

import orjson

from plugins.front.asgi import Message, Send, send_refusal
from plugins.front.clock import Clock
from plugins.front.failure import explain, interrupted_chunk
from plugins.front.headers import answer_headers
from plugins.front.relaying import relay
from plugins.stream.decode import Decoder, Event
from plugins.stream.watch import Kind
from plugins.telemetry.record import Outcome, Record
from plugins.upstream.answer import Answer
from plugins.upstream.shortcut import Shortcut

# LiteLLM tells clients our providers' addresses and passes their headers on, cookies included.
_KEPT_TO_OURSELVES = (b"llm_provider-", b"x-litellm-model-api-base", b"x-litellm-key-", b"x-litellm-timeout")
_BELIEVED = (b"x-litellm-model-id", b"x-litellm-model-name")  # of whom it asked, even where another answered
_FIRST_BYTES = 2**16
_MODEL = re.compile(rb'"model":"(?:[^"\\]|\\.)*+"')


class Reply:
    """The `send` that LiteLLM is given for one chat request."""

    def __init__(
        self,
        send: Send,
        record: Record,
        clock: Clock,
        client_gone: Callable[[], bool],
        shortcut: Shortcut | None = None,
    ) -> None:
        self._client_gone = client_gone
        self._send = send
        self._record = record
        self._clock = clock
        self._shortcut = shortcut
        self._held: list[bytes] = []
        self._decoder = Decoder()
        self._broken = False
        self._start: Message | None = None  # of an answer in one piece, until that is there
        self._names: tuple[bytes, bytes] | None = None  # LiteLLM's, and the one to put there
        self.complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body":
            await self._body(message)
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        self._record.status = message["status"]
        if message["status"] < 400:
            message["headers"] = [*self._kept(message), *answer_headers(self._record)]
            if not self._record.stream:
                self._start = message  # its length may change yet
                return
            await self._send(message)
            if self._shortcut is not None and (answer := self._shortcut.take()):
                await self._past_litellm(self._shortcut, answer)

    async def _past_litellm(self, shortcut: Shortcut, answer: Answer) -> None:
        """All of the answer, while LiteLLM waits for its headers to be sent. What it sends itself comes too late."""
        try:
            now, said = self._clock.monotonic, shortcut.said
            await relay(self._record, answer, shortcut.window, self._send, now, said, shortcut.first)
            self.complete = True
        finally:
            answer.close()
            shortcut.end()

    async def _body(self, message: Message) -> None:
        if self._shortcut is not None and self._shortcut.taken:
            return
        more = bool(message.get("more_body"))
        body = bytes(message.get("body", b""))
        if self._record.status is not None and self._record.status >= 400:
            await self._failure(body, more=more)
        elif self._record.stream:
            await self._stream(body, more=more)
        else:
            await self._piece(body, more=more)
        self.complete = self.complete or not more

    async def _piece(self, body: bytes, *, more: bool) -> None:
        """An answer in one piece, which is how LiteLLM sends it."""
        self._held.append(body)
        if more or self._start is None:
            return
        payload = b"".join(self._held)
        if said := self._said_model:
            payload = _MODEL.sub(lambda _: _named_model(said), payload, count=1)
        others = [each for each in self._start["headers"] if each[0] != b"content-length"]
        self._start["headers"] = [*others, (b"content-length", str(len(payload)).encode())]
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": payload})
        self._note_usage(payload)
        self._record.end(Outcome.WHOLE)

    async def _stream(self, body: bytes, *, more: bool) -> None:
        out = b"".join([self._passed_on(event) for event in self._decoder.feed(body)])
        if not more:
            out += self._decoder.close() + self._last_words()
        if out or not more:
            await self._send({"type": "http.response.body", "body": out, "more_body": more})

    def _passed_on(self, event: Event) -> bytes:
        kind = self._record.delivered.see(event, self._clock.monotonic())
        if self._broken:
            return b""
        if kind is Kind.ERROR or (kind is Kind.DONE and not self._record.delivered.whole):
            return self._break()
        return self._named(event.raw)

    @property
    def _said_model(self) -> str | None:
        return self._record.serving.watch.model if self._record.serving else None

    def _named(self, raw: bytes) -> bytes:
        """With the model's name as whoever answers has it, where LiteLLM writes the public one.

        No text can hold what is replaced: quotes within JSON strings are escaped.
        """
        if self._names is None:
            said, told = self._said_model, self._record.delivered.model
            if said is None or told is None:
                return raw
            self._names = _named_model(told), _named_model(said)
        told_as, said_as = self._names
        return raw if told_as == said_as else raw.replace(told_as, said_as, 1)

    def _last_words(self) -> bytes:
        if self._record.delivered.whole:
            self._record.end(Outcome.WHOLE)
            return b""
        return b"" if self._broken else self._break()

    def _break(self) -> bytes:
        """An error the client's SDK raises, and no [DONE] behind it: what came before is not the whole answer."""
        self._broken = True
        self._record.end(Outcome.BROKEN)
        return self._named(interrupted_chunk(self._record.serving, self._record.delivered, self._record.request_id))

    async def _failure(self, part: bytes, *, more: bool) -> None:
        """LiteLLM's error, which names its own classes and our deployments, becomes one the client can act on."""
        if sum(map(len, self._held)) < _FIRST_BYTES:
            self._held.append(part)
        if more or self._record.status is None:
            return
        record = self._record
        if self._client_gone():  # LiteLLM's error is about that, and nobody hears it
            record.status = None
            record.end(Outcome.CLIENT_GONE)
            return
        body = b"".join(self._held)
        refusal = explain(self._record.status, body, record.attempts, record.skipped, self._clock.monotonic())
        record.refusal, record.status = refusal, refusal.status
        record.end(Outcome.REJECTED if record.client_is_to_blame else Outcome.FAILED)
        await send_refusal(self._send, refusal, record.request_id, answer_headers(record))

    def _kept(self, message: Message) -> list[tuple[bytes, bytes]]:
        serving, asked = self._record.serving, self._record.asked
        wrong = _BELIEVED if serving is not None and asked is not None and serving.target is not asked else ()
        return [
            (name, value)
            for name, value in message["headers"]
            if not name.startswith(_KEPT_TO_OURSELVES) and name not in (b"x-request-id", *wrong)
        ]

    def _note_usage(self, payload: bytes) -> None:
        """Where LiteLLM called a provider past our transport, its answer is all there is to count by."""
        if self._record.attempts:
            return
        with suppress(orjson.JSONDecodeError, AttributeError):
            usage = orjson.loads(payload).get("usage")
            self._record.usage = usage if isinstance(usage, dict) else None


def _named_model(name: str) -> bytes:
    return b'"model":' + orjson.dumps(name)
