"""The transport LiteLLM uses for OpenAI-compatible providers, given to it as `litellm.aclient_session`.

LiteLLM spends about 450 us on every event and invents a finish reason for answers that were cut. So this is where a
stream is merged into fewer events, where a late first token becomes a failed attempt that the next target can repair,
and where a broken answer is made to look broken. A provider is asked to stream even when LiteLLM does not want one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from weakref import WeakSet

import httpx
import orjson

from plugins.dialect.openai import Body
from plugins.policy.engine import Decision
from plugins.policy.routing import Route
from plugins.policy.targets import Address, Target, chat_address
from plugins.telemetry.record import UNREACHED, Attempt, Fault, Record
from plugins.upstream.admission import NotCalledError
from plugins.upstream.answer import Answer, AnswerBrokenError, Clock
from plugins.upstream.caller import AttemptFailedError, Begun, Call, Caller, Errand, Mode, direct
from plugins.upstream.heard import Heard
from plugins.upstream.race import first_to_speak, in_turn
from plugins.upstream.shortcut import offered

# LiteLLM's client describes itself at length; the connection's own headers are ours to set.
_NOT_FORWARDED = frozenset(
    "host content-length content-type accept-encoding connection user-agent transfer-encoding".split()
)
_NOT_RETURNED = frozenset(
    "content-length content-encoding content-type transfer-encoding connection set-cookie".split()
)
_LATE = (Fault.FIRST_TOKEN_TIMEOUT, Fault.STALL, Fault.PACE, Fault.TOTAL_TIMEOUT, Fault.REQUEST_TIMEOUT)


class Transport(httpx.AsyncBaseTransport):
    """Calls the target that the gate let through, and nothing else."""

    def __init__(
        self, caller: Caller, current: Callable[[], Record | None], ways: Mapping[str, Address], now: Clock
    ) -> None:
        self._caller = caller
        self._current = current
        self._ways = ways
        self._now = now
        self._streams: WeakSet[_Stream] = WeakSet()  # that share LiteLLM now; nobody has to close one

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        record = self._current()
        target = record.calling if record else None
        decision = record.decision if record else None
        if record is None or decision is None or target is None:
            # Nobody vouched for this call: no client request of ours is behind it.
            raise httpx.RequestError("only requests that passed the front may call a provider", request=request)
        record.calling, record.asked = None, target
        body: Body = orjson.loads(await request.aread())
        mode = Mode.of(decision.stream_mode, stream=bool(body.get("stream")))
        shortcut = offered.get() if mode is Mode.STREAM else None
        terse = shortcut is None
        call = Call(target, chat_address(str(request.url)), _forwarded(request), _key(request), terse=terse)
        # LiteLLM leaves the usage out of what it passes on where the client did not ask for it.
        body["stream_options"] = {"include_usage": shortcut is None or shortcut.wants_usage}
        errand = Errand(record, decision.route, call, body, mode)
        behind = self._behind(decision, target, terse=terse)
        try:
            call_targets = in_turn if record.unobserved else first_to_speak
            begun = await call_targets(self._caller, errand, behind, self._now)
        except NotCalledError as reason:
            return httpx.Response(503, json={"error": {"message": str(reason)}})  # LiteLLM goes on to the next
        except AttemptFailedError as failed:
            return _as_failure(failed, request)
        if shortcut is not None and begun.stream is not None:
            heard = Heard(begun.attempt, begun.stream, shortcut, decision.route.merge_window, request)
            return _streamed(begun, heard)
        return _as_response(begun, decision.route, self._streams, request)

    def _behind(self, decision: Decision, target: Target, *, terse: bool) -> Iterator[Call]:
        """Whom else to ask, past LiteLLM, which will believe that the first answered.

        When one is late another is asked beside it. When one fails LiteLLM goes on to the next by itself, for a
        second request's worth of its CPU: where nobody hears whom it asked, that is spared.
        """
        later = decision.targets[decision.targets.index(target) + 1 :]
        for each in later:
            if each.deployment in self._ways:
                yield direct(each, self._ways[each.deployment], terse=terse)

    async def aclose(self) -> None:
        await self._caller.close()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: Answer, route: Route, crowd: WeakSet[_Stream], request: httpx.Request) -> None:
        self._answer = answer
        self._route = route
        self._crowd = crowd
        self._request = request
        crowd.add(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while out := await self._answer.next(self._route.litellm_window(len(self._crowd))):
                yield out
        except AnswerBrokenError as broken:
            raise httpx.RemoteProtocolError(str(broken), request=self._request) from broken
        finally:
            self._crowd.discard(self)

    async def aclose(self) -> None:
        self._crowd.discard(self)
        self._answer.close()


def _as_response(begun: Begun, route: Route, crowd: WeakSet[_Stream], request: httpx.Request) -> httpx.Response:
    if begun.stream is None:
        headers = [*_returned(begun.head.as_dict()), ("content-type", "application/json")]
        return httpx.Response(200, headers=headers, content=begun.payload)
    return _streamed(begun, _Stream(begun.stream, route, crowd, request))


def _streamed(begun: Begun, stream: httpx.AsyncByteStream) -> httpx.Response:
    headers = [*_returned(begun.head.as_dict()), ("content-type", "text/event-stream")]
    return httpx.Response(200, headers=headers, stream=stream)


def _as_failure(failed: AttemptFailedError, request: httpx.Request) -> httpx.Response:
    """A refusal with a status is passed on as one; anything else is a connection that did not work out."""
    attempt: Attempt = failed.attempt
    if attempt.error is not None:
        return httpx.Response(attempt.error.status, json=attempt.error.as_body())
    if attempt.fault in _LATE:
        raise httpx.ReadTimeout(str(failed), request=request) from failed
    if attempt.fault in UNREACHED:
        raise httpx.ConnectError(str(failed), request=request) from failed
    raise httpx.RemoteProtocolError(str(failed), request=request) from failed


def _forwarded(request: httpx.Request) -> dict[str, str]:
    kept = {
        name: value
        for name, value in request.headers.items()
        if name not in _NOT_FORWARDED and not name.startswith("x-stainless")
    }
    return {**kept, "accept-encoding": "identity"}


def _key(request: httpx.Request) -> str | None:
    """The key that was sent, so that no error message repeats it."""
    return request.headers.get("authorization", "").partition(" ")[2] or None


def _returned(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name not in _NOT_RETURNED]
