"""The transport LiteLLM uses for OpenAI-compatible providers, given to it as `litellm.aclient_session`.

LiteLLM spends about 450 us on every event and invents a finish reason for answers that were cut. So this is where a
stream is merged into fewer events, where a late first token becomes a failed attempt that the next target can repair,
and where a broken answer is made to look broken. A provider is asked to stream even when LiteLLM does not want one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import NoReturn

import httpx
import orjson

from plugins.dialect import cerebras, openai
from plugins.dialect.openai import Body, UpstreamError
from plugins.policy.catalog import find
from plugins.policy.routing import Deadlines, Route
from plugins.policy.targets import CEREBRAS, Target
from plugins.policy.verdict import StreamMode
from plugins.stream.aggregate import Aggregate
from plugins.telemetry.record import Attempt, Fault, Outcome, Record
from plugins.upstream.answer import Answer, AnswerBrokenError, Clock
from plugins.upstream.pool import ConnectError, Exchange, Pool
from plugins.upstream.wire import WireError

USER_AGENT = "waferline/0.1"
ERROR_BODY_BYTES = 2**16

# LiteLLM's client describes itself at length; the connection's own headers are ours to set.
_NOT_FORWARDED = frozenset("host content-length accept-encoding connection user-agent transfer-encoding".split())
_NOT_RETURNED = frozenset("content-length content-encoding transfer-encoding connection set-cookie".split())


class Transport(httpx.AsyncBaseTransport):
    """Calls the target that the gate let through, and nothing else."""

    def __init__(self, pool: Pool, now: Clock, current: Callable[[], Record | None]) -> None:
        self._pool = pool
        self._now = now
        self._current = current

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        record = self._current()
        target = record.calling if record else None
        decision = record.decision if record else None
        if record is None or decision is None or target is None:
            # Nobody vouched for this call: no client request of ours is behind it.
            raise httpx.RequestError("only requests that passed the front may call a provider", request=request)
        record.calling = None
        attempt = Attempt(target, self._now())
        record.attempts.append(attempt)
        body = orjson.loads(await request.aread())
        stream = bool(body.get("stream")) or decision.stream_mode is StreamMode.UPGRADE
        route = decision.route
        shaped = _shape(record, target, body, stream=stream)
        response = await self._call(request, orjson.dumps(shaped), attempt, route.deadlines)
        if response.status >= 300:  # a redirect is no answer either, and nobody follows one with our key
            return await self._refused(response, attempt, request, route.deadlines)
        if not stream:
            return await self._plain(response, attempt, request, route.deadlines)
        return await self._streamed(response, attempt, request, route, as_json=not body.get("stream"))

    async def aclose(self) -> None:
        await self._pool.close()

    async def _call(self, request: httpx.Request, body: bytes, attempt: Attempt, deadlines: Deadlines) -> Exchange:
        try:
            response = await self._pool.request(request.method, str(request.url), _forwarded(request), body, deadlines)
        except TimeoutError:
            self._failed(attempt, Fault.FIRST_TOKEN_TIMEOUT, httpx.ReadTimeout("no answer in time", request=request))
        except WireError as error:
            fault = Fault.CONNECT if isinstance(error, ConnectError) else Fault.CUT
            self._failed(attempt, fault, httpx.ConnectError(str(error), request=request))
        attempt.status = response.status
        return response

    def _failed(self, attempt: Attempt, fault: Fault, error: httpx.TransportError) -> NoReturn:
        attempt.end(Outcome.FAILED, self._now(), fault)
        raise error

    async def _refused(
        self, response: Exchange, attempt: Attempt, request: httpx.Request, deadlines: Deadlines
    ) -> httpx.Response:
        payload = await _beginning(response, deadlines.stall_seconds)
        attempt.error = openai.read_error(response.status, payload, _key(request))
        attempt.retry_after = response.headers.get("retry-after")
        attempt.end(Outcome.FAILED, self._now(), Fault.HTTP_STATUS)
        response.give_back(finished=True)
        return _as_json(response, attempt.error.as_body())

    async def _plain(
        self, response: Exchange, attempt: Attempt, request: httpx.Request, deadlines: Deadlines
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(deadlines.total_seconds):
                payload = await response.read_all()
        except TimeoutError:
            self._failed(attempt, Fault.TOTAL_TIMEOUT, httpx.ReadTimeout("no answer in time", request=request))
        except WireError as error:
            self._failed(attempt, Fault.CUT, httpx.ReadError(str(error), request=request))
        response.give_back(finished=True)
        completion = _object(payload)
        if completion is None:
            told = httpx.RemoteProtocolError("the provider's answer is not a JSON object", request=request)
            self._failed(attempt, Fault.MALFORMED, told)
        usage = completion.get("usage")
        attempt.watch.usage = usage if isinstance(usage, dict) else None
        attempt.end(Outcome.WHOLE, self._now())
        return httpx.Response(response.status, headers=_returned(response), content=payload)

    async def _streamed(
        self,
        response: Exchange,
        attempt: Attempt,
        request: httpx.Request,
        route: Route,
        *,
        as_json: bool,
    ) -> httpx.Response:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.abort()
            self._failed(attempt, Fault.NOT_A_STREAM, httpx.ReadError("asked for a stream, got none", request=request))
        answer = Answer(response, attempt, route.deadlines, self._now)
        try:
            await answer.first_token()
            if as_json:
                completion = await _collected(answer, route.merge_window)
                return _as_json(response, completion)
        except AnswerBrokenError as broken:
            return _as_failure(broken, attempt, request)
        except BaseException:
            answer.close()
            raise
        return httpx.Response(
            response.status, headers=_returned(response), stream=_Stream(answer, route.merge_window, request)
        )


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: Answer, window: float, request: httpx.Request) -> None:
        self._answer = answer
        self._window = window
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for out in self._answer.merged(self._window):
                yield out
        except AnswerBrokenError as broken:
            raise httpx.RemoteProtocolError(str(broken), request=self._request) from broken

    async def aclose(self) -> None:
        self._answer.close()


async def _collected(answer: Answer, window: float) -> Body:
    whole = Aggregate()
    async for batch in answer.events(window):
        for event in batch:
            if event.data:
                whole.add(event.data)
    answer.close()
    return whole.completion()


def _as_failure(broken: AnswerBrokenError, attempt: Attempt, request: httpx.Request) -> httpx.Response:
    """An error that came inside a stream, before anything was passed on, is an error like any other."""
    told = attempt.watch.error
    if broken.fault is Fault.ERROR_EVENT and told is not None:
        status = told.status or 502
        attempt.status = status
        message = told.message or "the provider reported an error"
        attempt.error = openai.presentable(UpstreamError(status, message, told.type, None, told.code), _key(request))
        return httpx.Response(status, json=attempt.error.as_body())
    if broken.fault in (Fault.FIRST_TOKEN_TIMEOUT, Fault.STALL, Fault.TOTAL_TIMEOUT):
        raise httpx.ReadTimeout(str(broken), request=request) from broken
    raise httpx.RemoteProtocolError(str(broken), request=request) from broken


def _shape(record: Record, target: Target, body: Body, *, stream: bool) -> Body:
    if target.provider != CEREBRAS:
        return openai.shape(body, target.upstream_model, stream=stream)
    found = find(record.policies.catalog, target.upstream_model)
    return cerebras.shape(body, target.upstream_model, found[1] if found else None, stream=stream)


def _forwarded(request: httpx.Request) -> dict[str, str]:
    kept = {
        name: value
        for name, value in request.headers.items()
        if name not in _NOT_FORWARDED and not name.startswith("x-stainless")
    }
    return {**kept, "user-agent": USER_AGENT, "accept-encoding": "identity", "content-type": "application/json"}


def _returned(response: Exchange) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.items() if name not in _NOT_RETURNED]


def _as_json(response: Exchange, body: Body) -> httpx.Response:
    """Our words in place of the provider's, whose content type was that of a stream, or of a web page."""
    headers = [(name, value) for name, value in _returned(response) if name.lower() != "content-type"]
    return httpx.Response(response.status, headers=headers, json=body)


async def _beginning(response: Exchange, seconds: float) -> bytes:
    """As much of an error's body as comes soon: its status is answer enough."""
    payload = bytearray()
    with suppress(TimeoutError, WireError):
        async with asyncio.timeout(seconds):
            while len(payload) < ERROR_BODY_BYTES and (part := await response.read()):
                payload += part
    return bytes(payload)


def _key(request: httpx.Request) -> str | None:
    return request.headers.get("authorization", "").removeprefix("Bearer ") or None


def _object(payload: bytes) -> Body | None:
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
