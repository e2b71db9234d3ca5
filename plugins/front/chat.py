"""One chat completion: its facts, the verdict on it, and the lane that answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

from plugins.dialect.openai import wants_usage
from plugins.front import guard, lane
from plugins.front.asgi import App, Message, Receive, Scope, Send
from plugins.front.failure import outcome_of, unanswered
from plugins.front.gateway import Gateway
from plugins.front.reply import Reply
from plugins.policy import limits
from plugins.policy.access import Client
from plugins.policy.engine import Ask, Decision
from plugins.policy.routing import Lane
from plugins.policy.size import measure
from plugins.policy.verdict import Refuse
from plugins.telemetry.kept import Kept
from plugins.telemetry.record import Outcome, Record, Skipped
from plugins.upstream.shortcut import Shortcut, offered


async def chat(
    gateway: Gateway, record: Record, client: Client, app: App, scope: Scope, receive: Receive, send: Send
) -> Refuse | None:
    """The refusal to send, or None when an answer was; with a place of this worker's meanwhile."""
    places = gateway.places
    if overloaded := places.refusal():
        record.end(Outcome.SHED)
        return overloaded
    places.taken += 1
    try:
        return await _chat(gateway, record, client, app, scope, receive, send)
    finally:
        places.taken -= 1


async def _chat(
    gateway: Gateway, record: Record, client: Client, app: App, scope: Scope, receive: Receive, send: Send
) -> Refuse | None:
    body = await guard.read_json(scope, receive, record.policies.access.limits)
    if isinstance(body, Refuse):
        return body
    fit = limits.decide(record.policies.access.limits, body)
    if isinstance(fit, Refuse):
        return fit
    record.stream = body.get("stream") is True
    record.dropped = limits.droppable(body)
    wanted = body.get("response_format")
    json_mode = isinstance(wanted, dict) and wanted.get("type") == "json_object"
    ask = Ask(body["model"], record.stream, client, gateway.clock.today, json_mode)
    record.decision = gateway.precedents.decide(record.policies, ask)
    if record.decision.refusal:
        return record.decision.refusal
    shaped = lane.shaped(body, record.decision, record.dropped)
    record.size = measure(shaped)
    record.lane, _ = lane.choose(record.decision, gateway.direct, gateway.only_litellm)
    if nobody := _nobody_to_call(gateway, record, record.decision):
        return nobody
    if record.lane is Lane.EXPRESS:
        if gateway.loggers.listen:
            length = int(guard.header(scope, b"content-length") or 0)
            seen = _as_litellm_sees_it(scope, length, record)
            record.kept = Kept(seen, lane.for_litellm(shaped, record.decision))
        return await gateway.express.answer(record, record.decision, shaped, receive, send)
    record.unobserved = not (gateway.only_litellm or gateway.loggers.listen)
    if record.stream and not gateway.only_litellm:
        offered.set(Shortcut(wants_usage=wants_usage(body)))
    await _through_litellm(gateway, record, lane.for_litellm(shaped, record.decision), app, scope, receive, send)
    return None


def _nobody_to_call(gateway: Gateway, record: Record, decision: Decision) -> Refuse | None:
    """The refusal when no target's circuit lets anybody through, without a call and without LiteLLM."""
    board, now = gateway.board, gateway.clock.monotonic()
    rejected = board.all_rejected(decision.targets, now, record.size)
    if rejected and board.has_last_resort:
        record.last_resort = True
        rejected = board.all_rejected(decision.targets, now, record.size, last_resort=True)
    if not rejected:
        return None
    for target, each in rejected:
        record.skip(Skipped(target, str(each.why), each.seconds, now))
    refusal = unanswered((), record.skipped, now)
    record.end(outcome_of(refusal))
    return refusal


async def _through_litellm(
    gateway: Gateway, record: Record, body: dict[str, object], app: App, scope: Scope, receive: Receive, send: Send
) -> None:
    payload = orjson.dumps(body)
    reply = Reply(send, record, gateway.clock, lambda: inbox.client_gone, offered.get())
    inbox = Inbox(payload, receive, lambda: reply.complete)
    try:
        await app(_as_litellm_sees_it(scope, len(payload), record), inbox, reply)
    finally:
        if not reply.complete:
            record.end(Outcome.CLIENT_GONE if inbox.client_gone else Outcome.BROKEN)


class Inbox:
    """The `receive` that LiteLLM is given: our body first, then the client's silence or farewell."""

    def __init__(self, payload: bytes, receive: Receive, answered: Callable[[], bool]) -> None:
        self._payload: bytes | None = payload
        self._receive = receive
        self._answered = answered
        self.client_gone = False

    async def __call__(self) -> Message:
        if self._payload is not None:
            payload, self._payload = self._payload, None
            return {"type": "http.request", "body": payload, "more_body": False}
        message = await self._receive()
        if message["type"] == "http.disconnect" and self._answered():
            await asyncio.get_running_loop().create_future()  # it has what it asked for, and did not leave LiteLLM
        self.client_gone = self.client_gone or message["type"] == "http.disconnect"
        return message


# LiteLLM takes deadlines, retries, tags, a cache's lifetime and what to log from headers, under names that change.
_PASSED_ON = frozenset({b"host", b"authorization", b"accept", b"user-agent", b"traceparent", b"x-request-id"})


def _as_litellm_sees_it(scope: Scope, length: int, record: Record) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
    kept.append((b"x-litellm-call-id", record.request_id.encode()))  # so that its loggers name requests as our log does
    kept += [(b"content-length", str(length).encode()), (b"content-type", b"application/json")]
    return {
        **scope,
        "path": "/v1/chat/completions",
        "raw_path": b"/v1/chat/completions",
        "query_string": b"",
        "headers": kept,
    }
