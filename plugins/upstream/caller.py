"""One attempt: a target is called, and either begins to answer or has failed. Both lanes call through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from typing import NoReturn

import orjson

from plugins.dialect import cerebras, openai
from plugins.dialect.openai import Body, UpstreamError
from plugins.policy.catalog import Row, find
from plugins.policy.routing import Route
from plugins.policy.size import TOKEN_LIMITS
from plugins.policy.targets import CEREBRAS, Address, Target
from plugins.policy.verdict import StreamMode
from plugins.stream.relay import Collector, Relay
from plugins.telemetry.record import Attempt, Fault, Outcome, Record
from plugins.upstream.admission import Admission
from plugins.upstream.answer import Answer, AnswerBrokenError, Clock
from plugins.upstream.piece import beginning, finished, json_object
from plugins.upstream.pool import ConnectError, Exchange, Pool, UnresolvedError, UntrustedError
from plugins.upstream.wire import Head, WireError

_UNREACHED: dict[type[WireError], Fault] = {
    ConnectError: Fault.CONNECT,
    UnresolvedError: Fault.DNS,
    UntrustedError: Fault.TLS,
}


class Mode(Enum):
    STREAM = auto()  # the provider streams, and so do we
    COLLECT = auto()  # the provider streams, the answer is wanted in one piece
    PLAIN = auto()  # neither

    @classmethod
    def of(cls, stream_mode: StreamMode, *, stream: bool) -> Mode:
        if stream:
            return cls.STREAM
        return cls.COLLECT if stream_mode is StreamMode.UPGRADE else cls.PLAIN


@dataclass(frozen=True, slots=True)
class Call:
    """Where a target is and how it is addressed. The key is there to be kept out of error messages.

    `terse`: who asks pays by the event, and names the role itself.
    """

    target: Target
    url: str
    headers: Mapping[str, str]
    key: str | None
    terse: bool = False


def direct(target: Target, way: Address, *, terse: bool = False) -> Call:
    """As it is called past LiteLLM."""
    headers = {"authorization": f"Bearer {way.key}", "accept": "text/event-stream", "accept-encoding": "identity"}
    return Call(target, way.url, headers, way.key, terse)


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Errand:
    """What one attempt is to do. `spoke` is called at its first token, which may be long before it is done."""

    record: Record
    route: Route
    call: Call
    body: Body
    mode: Mode
    spoke: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Begun:
    """A target that answers: a stream that may leave, or all of it."""

    attempt: Attempt
    head: Head
    stream: Answer | None = None
    payload: bytes = b""


class AttemptFailedError(Exception):
    """The target gave no answer that could be committed; the attempt says why."""

    def __init__(self, attempt: Attempt, detail: str) -> None:
        super().__init__(detail)
        self.attempt = attempt


class Caller:
    """With an admission, it calls only targets whose circuits let it; without, as the doctor does, any."""

    def __init__(self, pool: Pool, now: Clock, admission: Admission | None = None) -> None:
        self._pool = pool
        self._now = now
        self._admission = admission

    async def call(self, record: Record, route: Route, call: Call, body: Body, mode: Mode) -> Begun:
        """AttemptFailedError when nothing of it may be passed on, NotCalledError when its provider was left alone."""
        return await self.run(*await self.begin(Errand(record, route, call, body, mode)))

    async def begin(self, errand: Errand, *, hedge: bool = False) -> tuple[Attempt, Errand]:
        """The attempt, noted in the record. Whoever has it sees to it that it ends."""
        record, target = errand.record, errand.call.target
        if self._admission is None:
            attempt = Attempt(target, self._now())
            record.attempts.append(attempt)
            return attempt, errand
        attempt = await self._admission.begin(record, errand.route, target, hedge=hedge)
        if attempt.is_probe:
            errand = replace(errand, route=self._admission.probing(record, errand.route))
        return attempt, errand

    async def run(self, attempt: Attempt, errand: Errand) -> Begun:
        try:
            return await self._call(attempt, errand)
        except AttemptFailedError:
            raise
        except BaseException:
            attempt.end(Outcome.CLIENT_GONE, self._now())
            raise

    async def _call(self, attempt: Attempt, errand: Errand) -> Begun:
        body, deadlines = errand.body, errand.route.deadlines
        plain = errand.mode is Mode.PLAIN
        shaped = shape(errand.record, errand.call.target, body, stream=not plain)
        attempt.watch.asked = _choices(body)
        # A provider that does not stream says nothing at all until it is done.
        silence = deadlines.total_seconds if plain else deadlines.first_token_seconds
        exchange = await self._open(errand, orjson.dumps(shaped), attempt, silence)
        try:
            if exchange.status >= 300:  # a redirect is no answer either, and nobody follows one with our key
                await self._refused(exchange, attempt, errand.call.key)
            if plain:
                return await self._plain(exchange, attempt, errand)
            return await self._streamed(exchange, attempt, errand)
        except AttemptFailedError:
            raise
        except BaseException:
            exchange.abort()  # nobody waits any more, so the provider need not go on
            raise

    async def close(self) -> None:
        await self._pool.close()

    async def _open(self, errand: Errand, body: bytes, attempt: Attempt, silence: float) -> Exchange:
        call = errand.call
        headers = {**call.headers, "content-type": "application/json"}
        left = _over_at(errand) - self._now()
        connect = errand.route.deadlines.connect_seconds
        try:
            exchange = await self._pool.request(
                "POST", call.url, headers, body, connect_seconds=connect, answer_seconds=min(silence, left)
            )
        except TimeoutError:
            late = Fault.FIRST_TOKEN_TIMEOUT if silence <= left else Fault.REQUEST_TIMEOUT
            self._fail(attempt, late, "no answer in time")
        except WireError as error:
            self._fail(attempt, _UNREACHED.get(type(error), Fault.CUT), str(error))
        attempt.answered(exchange.status, exchange.head.fields, self._now())
        return exchange

    async def _refused(self, exchange: Exchange, attempt: Attempt, key: str | None) -> NoReturn:
        payload = await beginning(exchange)
        attempt.error = openai.read_error(exchange.status, payload, key)
        if exchange.status == 429 and self._admission is not None:
            self._admission.note_wait(attempt, exchange.head.get)
        exchange.give_back(finished=True)
        self._fail(attempt, Fault.HTTP_STATUS, attempt.error.message)

    async def _plain(self, exchange: Exchange, attempt: Attempt, errand: Errand) -> Begun:
        total = attempt.started + errand.route.deadlines.total_seconds
        over_at = _over_at(errand)
        try:
            async with asyncio.timeout(min(total, over_at) - self._now()):
                payload = await exchange.read_all()
        except TimeoutError:
            exchange.abort()
            late = Fault.TOTAL_TIMEOUT if total <= over_at else Fault.REQUEST_TIMEOUT
            self._fail(attempt, late, "no answer in time")
        except WireError as error:
            self._fail(attempt, Fault.CUT, str(error))
        exchange.give_back(finished=True)
        completion = json_object(payload)
        if completion is None:
            self._fail(attempt, Fault.MALFORMED, "the provider's answer is not a JSON object")
        model = completion.get("model")
        attempt.watch.model = model if isinstance(model, str) else None
        usage, time_info = completion.get("usage"), completion.get("time_info")
        attempt.watch.usage = usage if isinstance(usage, dict) else None
        attempt.watch.time_info = time_info if isinstance(time_info, dict) else None
        if not finished(completion):
            self._fail(attempt, Fault.NO_FINISH, "the provider's answer has no finish reason")
        attempt.end(Outcome.WHOLE, self._now())
        return Begun(attempt, exchange.head, payload=payload)

    async def _streamed(self, exchange: Exchange, attempt: Attempt, errand: Errand) -> Begun:
        if not (exchange.head.get(b"content-type") or "").startswith("text/event-stream"):
            exchange.abort()
            self._fail(attempt, Fault.NOT_A_STREAM, "asked for a stream, got none")
        collector = Collector(attempt.watch) if errand.mode is Mode.COLLECT else None
        reader = collector or _relay(attempt, errand)
        others = partial(self._others, errand.record)
        answer = Answer(exchange, attempt, reader, errand.route.deadlines, self._now, _over_at(errand), others)
        try:
            await answer.first_token()
            attempt.spoke(self._now())
            errand.spoke()
            if collector is not None:
                await answer.read_to_end()
                return Begun(attempt, exchange.head, payload=self._written(attempt, collector))
            await _committed(answer, errand)
        except AnswerBrokenError as broken:
            _note_error(attempt, errand.call.key)
            raise AttemptFailedError(attempt, str(broken)) from broken
        return Begun(attempt, exchange.head, stream=answer)

    def _others(self, record: Record) -> bool:
        return self._admission is not None and self._admission.others(record)

    def _written(self, attempt: Attempt, collector: Collector) -> bytes:
        try:
            return orjson.dumps(collector.completion())
        except TypeError:  # half a character, or a number or a depth that JSON can hold and we cannot
            attempt.outcome = Outcome.RUNNING  # it ended whole, and is of no use all the same
            self._fail(attempt, Fault.MALFORMED, "the provider sent something that cannot be passed on")

    def _fail(self, attempt: Attempt, fault: Fault, detail: str) -> NoReturn:
        attempt.end(Outcome.FAILED, self._now(), fault)
        raise AttemptFailedError(attempt, detail)


def _over_at(errand: Errand) -> float:
    """When the request has had its time, whichever attempt it is at."""
    return errand.record.started + errand.route.deadlines.request_seconds


def _relay(attempt: Attempt, errand: Errand) -> Relay:
    merge = errand.route.merge_window > 0
    wants_usage = openai.wants_usage(errand.body)
    return Relay(attempt.watch, merge=merge, wants_usage=wants_usage, terse=merge and errand.call.terse)


async def _committed(answer: Answer, errand: Errand) -> None:
    """Keep it back for as long as its workload wants."""
    commit = errand.route.commit
    limits = [limit for name in TOKEN_LIMITS if isinstance(limit := errand.body.get(name), int)]
    if commit.reads_whole(min(limits, default=None)):
        await answer.hold_whole(errand.route.merge_window, commit.atomic_most_seconds)
    elif commit.hold_ms:
        await answer.hold(commit.hold_ms / 1000)
    answer.commit()


def _choices(body: Body) -> int:
    asked = body.get("n")
    return asked if isinstance(asked, int) else 1


def shape(record: Record, target: Target, body: Body, *, stream: bool) -> Body:
    """The body in the target's dialect. The same weights refuse the same efforts, whoever serves them."""
    if target.provider == CEREBRAS:
        return cerebras.shape(body, target.upstream_model, _row(record, target.upstream_model), stream=stream)
    shaped = openai.shape(openai.without_cerebras_fields(body), target.upstream_model, stream=stream)
    cerebras.fit_effort(shaped, _row(record, target.model))
    return shaped


def _row(record: Record, model: str) -> Row | None:
    found = find(record.policies.catalog, model)
    return found[1] if found else None


def _note_error(attempt: Attempt, key: str | None) -> None:
    """An error that came inside a stream, before anything was passed on, is an error like any other."""
    told = attempt.watch.error
    if told is not None:
        attempt.status = told.meant_status
        message = told.message or "the provider reported an error"
        attempt.error = openai.presentable(UpstreamError(attempt.status, message, told.type, None, told.code), key)
