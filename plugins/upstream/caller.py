"""One attempt: a target is called, and either begins to answer or has failed. Both lanes call through here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NoReturn

import orjson

from plugins.dialect import cerebras, openai
from plugins.dialect.openai import Body, UpstreamError
from plugins.policy.catalog import find
from plugins.policy.routing import Deadlines, Route
from plugins.policy.targets import CEREBRAS, Target
from plugins.stream.relay import Collector, Relay
from plugins.telemetry.record import Attempt, Fault, Outcome, Record
from plugins.upstream.answer import Answer, AnswerBrokenError, Clock
from plugins.upstream.pool import ConnectError, Exchange, Pool
from plugins.upstream.wire import WireError

ERROR_BODY_BYTES = 2**16


class Mode(Enum):
    STREAM = auto()  # the provider streams, and so do we
    COLLECT = auto()  # the provider streams, the answer is wanted in one piece
    PLAIN = auto()  # neither


@dataclass(frozen=True, slots=True)
class Call:
    """Where a target is and how it is addressed; the only place that holds its key."""

    target: Target
    url: str
    headers: Mapping[str, str]
    key: str | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A target that answers: a stream whose first token is there, or all of it."""

    attempt: Attempt
    headers: Mapping[str, str]
    stream: Answer | None = None
    payload: bytes = b""


class AttemptFailedError(Exception):
    """The target gave no first token; the attempt says why."""

    def __init__(self, attempt: Attempt, detail: str) -> None:
        super().__init__(detail)
        self.attempt = attempt


class Caller:
    def __init__(self, pool: Pool, now: Clock) -> None:
        self._pool = pool
        self._now = now

    async def call(self, record: Record, route: Route, call: Call, body: Body, mode: Mode) -> Begun:
        attempt = Attempt(call.target, self._now())
        record.attempts.append(attempt)
        shaped = shape(record, call.target, body, stream=mode is not Mode.PLAIN)
        exchange = await self._open(call, orjson.dumps(shaped), attempt, route.deadlines)
        wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        try:
            if exchange.status >= 300:  # a redirect is no answer either, and nobody follows one with our key
                await self._refused(exchange, attempt, call.key, route.deadlines)
            if mode is Mode.PLAIN:
                return await self._plain(exchange, attempt, route.deadlines)
            return await self._streamed(exchange, attempt, route, call.key, mode, wants_usage=wants_usage)
        except AttemptFailedError:
            raise
        except BaseException:
            attempt.end(Outcome.CLIENT_GONE, self._now())
            exchange.abort()  # nobody waits any more, so the provider need not go on
            raise

    async def close(self) -> None:
        await self._pool.close()

    async def _open(self, call: Call, body: bytes, attempt: Attempt, deadlines: Deadlines) -> Exchange:
        headers = {**call.headers, "content-type": "application/json"}
        try:
            exchange = await self._pool.request("POST", call.url, headers, body, deadlines)
        except TimeoutError:
            self._fail(attempt, Fault.FIRST_TOKEN_TIMEOUT, "no answer in time")
        except WireError as error:
            self._fail(attempt, Fault.CONNECT if isinstance(error, ConnectError) else Fault.CUT, str(error))
        except BaseException:
            attempt.end(Outcome.CLIENT_GONE, self._now())
            raise
        attempt.status = exchange.status
        return exchange

    async def _refused(self, exchange: Exchange, attempt: Attempt, key: str | None, deadlines: Deadlines) -> NoReturn:
        payload = await _beginning(exchange, deadlines.stall_seconds)
        attempt.error = openai.read_error(exchange.status, payload, key)
        attempt.retry_after = exchange.headers.get("retry-after")
        exchange.give_back(finished=True)
        self._fail(attempt, Fault.HTTP_STATUS, attempt.error.message)

    async def _plain(self, exchange: Exchange, attempt: Attempt, deadlines: Deadlines) -> Begun:
        try:
            async with asyncio.timeout(deadlines.total_seconds):
                payload = await exchange.read_all()
        except TimeoutError:
            exchange.abort()
            self._fail(attempt, Fault.TOTAL_TIMEOUT, "no answer in time")
        except WireError as error:
            self._fail(attempt, Fault.CUT, str(error))
        exchange.give_back(finished=True)
        completion = _object(payload)
        if completion is None:
            self._fail(attempt, Fault.MALFORMED, "the provider's answer is not a JSON object")
        usage = completion.get("usage")
        attempt.watch.usage = usage if isinstance(usage, dict) else None
        attempt.end(Outcome.WHOLE, self._now())
        return Begun(attempt, exchange.headers, payload=payload)

    async def _streamed(
        self, exchange: Exchange, attempt: Attempt, route: Route, key: str | None, mode: Mode, *, wants_usage: bool
    ) -> Begun:
        if not exchange.headers.get("content-type", "").startswith("text/event-stream"):
            exchange.abort()
            self._fail(attempt, Fault.NOT_A_STREAM, "asked for a stream, got none")
        collector = Collector(attempt.watch)
        relay = Relay(attempt.watch, merge=route.merge_window > 0, wants_usage=wants_usage)
        reader = collector if mode is Mode.COLLECT else relay
        answer = Answer(exchange, attempt, reader, route.deadlines, self._now)
        try:
            await answer.first_token()
            if mode is Mode.COLLECT:
                await answer.read_to_end(route.merge_window)
                return Begun(attempt, exchange.headers, payload=orjson.dumps(collector.completion()))
        except AnswerBrokenError as broken:
            _note_error(attempt, key)
            raise AttemptFailedError(attempt, str(broken)) from broken
        return Begun(attempt, exchange.headers, stream=answer)

    def _fail(self, attempt: Attempt, fault: Fault, detail: str) -> NoReturn:
        attempt.end(Outcome.FAILED, self._now(), fault)
        raise AttemptFailedError(attempt, detail)


def shape(record: Record, target: Target, body: Body, *, stream: bool) -> Body:
    if target.provider != CEREBRAS:
        return openai.shape(openai.without_cerebras_fields(body), target.upstream_model, stream=stream)
    found = find(record.policies.catalog, target.upstream_model)
    return cerebras.shape(body, target.upstream_model, found[1] if found else None, stream=stream)


def _note_error(attempt: Attempt, key: str | None) -> None:
    """An error that came inside a stream, before anything was passed on, is an error like any other."""
    told = attempt.watch.error
    if told is not None:
        attempt.status = told.status or 502
        message = told.message or "the provider reported an error"
        attempt.error = openai.presentable(UpstreamError(attempt.status, message, told.type, None, told.code), key)


async def _beginning(exchange: Exchange, seconds: float) -> bytes:
    """As much of an error's body as comes soon: its status is answer enough."""
    payload = bytearray()
    with suppress(TimeoutError, WireError):
        async with asyncio.timeout(seconds):
            while len(payload) < ERROR_BODY_BYTES and (part := await exchange.read()):
                payload += part
    return bytes(payload)


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
