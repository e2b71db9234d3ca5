"""One chat completion, from its body to its last byte."""

import datetime as dt
import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any, Literal

from simulator import catalog, faults, refusals, reply, strict, tiers
from simulator.answer import Answer, cached_tokens, compose, max_tokens, prompt_tokens
from simulator.catalog import Model
from simulator.cerebras_wire import CerebrasWire
from simulator.connection import Connection, Request
from simulator.frames import Frame, Timeline
from simulator.knobs import KnobError, Knobs, read_directives, turn
from simulator.ledger import MOST_BODY_BYTES, Entry, Ledger
from simulator.limiter import Limiter, Need, Permit, Refused, reservation
from simulator.luck import Luck
from simulator.openai_wire import OpenAIWire
from simulator.playback import Playback
from simulator.refusals import Refusal
from simulator.wheel import Wheel
from simulator.wire import Wire, compact, event, frames

Persona = Literal["cerebras", "openai"]


@dataclass(slots=True)
class Chat:
    persona: Persona
    wheel: Wheel
    ledger: Ledger
    limiter: Limiter
    luck: Luck

    def answer(self, request: Request, connection: Connection, entry: Entry, knobs: Knobs) -> None:
        body = _read(request)
        if isinstance(body, dict):
            entry.model, entry.stream = _text(body.get("model")), bool(body.get("stream"))
            entry.body, entry.body_bytes = body if len(request.body) <= MOST_BODY_BYTES else None, len(request.body)
        try:
            knobs, origin = _directed(request, body, knobs)
        except KnobError as error:
            return self._refuse(
                request, connection, entry, knobs, refusals.invalid(str(error), "x-simulator", "bad_knob")
            )
        if not self.luck.hits(origin, knobs, request.at):
            knobs = knobs.model_copy(update={"fault": "none"})
        entry.fault = knobs.fault
        if isinstance(body, dict):
            body = {**body, "model": _base(body.get("model"))}
        return _Exchange(self, request, connection, entry, knobs).run(body)

    def _refuse(self, request: Request, connection: Connection, entry: Entry, knobs: Knobs, refusal: Refusal) -> None:
        _Exchange(self, request, connection, entry, knobs).refuse(refusal)


@dataclass(slots=True)
class _Exchange:
    chat: Chat
    request: Request
    connection: Connection
    entry: Entry
    knobs: Knobs
    body: Any = None
    account: tuple[str, str] = ("", "")
    permit: Permit | None = None

    @property
    def wire(self) -> Wire:
        return speak_as(self.chat.persona, self.knobs)

    def run(self, body: object) -> None:
        if self.knobs.fault in faults.BEFORE:
            self._drop()
            return
        name = _text(body.get("model")) if isinstance(body, dict) else ""
        key = bearer(self.request)
        self.account = (key, name)
        if self.knobs.fault in faults.STATUS:
            self.refuse(self._by_fault(name))
            return
        refusal = self._refusal(body, name, key)
        if refusal:
            self.refuse(refusal)
            return
        self.body = body
        self._speak(_model(self.chat.persona, name, self.knobs))

    def refuse(self, refusal: Refusal) -> None:
        body = refusal.page.encode() if refusal.page is not None else compact(self.wire.refused(refusal))
        kind = "text/html; charset=UTF-8" if refusal.page is not None else reply.JSON
        headers = {"content-type": kind, **self.wire.headers(None), **refusal.headers}
        if refusal.limited:
            headers |= self._limit_headers(0)
        frame = Frame(self.knobs.headers_after or 0.0, body, 0, "body")
        self._play(Timeline([frame], ended="refused"), refusal.status, headers, len(body))

    def _drop(self) -> None:
        self.chat.ledger.close(self.entry, self.knobs.fault, 0, time.monotonic())
        if self.knobs.fault == "close_before_headers":
            self.connection.close()
        else:
            self.connection.reset()

    def _by_fault(self, name: str) -> Refusal:
        refusal = refusals.by_fault(self.knobs.fault, name, self.knobs.queue_param)
        if self.knobs.retry_after is None:
            return refusal
        return replace(refusal, headers={**refusal.headers, "retry-after": self.knobs.retry_after})

    def _refusal(self, body: object, name: str, key: str) -> Refusal | None:
        """The first reason to say no, in the order a gateway, a validator and a limiter would find it."""
        if not let_in(key, self.knobs):
            return refusals.WRONG_KEY
        misshapen = strict.shape(body)
        if misshapen or not isinstance(body, dict):
            return misshapen
        missing = _missing_model(self.chat.persona, name, self.knobs)
        if missing:
            return missing
        if self.chat.persona == "cerebras":
            refused = strict.refusal(body, catalog.describe(name), self.knobs)
            if refused:
                return refused
        return self._admit(body, name)

    def _admit(self, body: dict[str, Any], name: str) -> Refusal | None:
        prompt = prompt_tokens(body)
        need = reservation(
            prompt, cached_tokens(prompt, self.knobs.cached_share), max_tokens(body), self.knobs.reserve_cap
        )
        outcome = self.chat.limiter.admit(self.account, tiers.limits(name, self.knobs), need, self.request.at)
        if isinstance(outcome, Permit):
            self.permit = outcome
            return None
        return _over(outcome, self.knobs)

    def _speak(self, model: Model) -> None:
        identity = uuid.uuid4().hex
        streamed = bool(self.body.get("stream"))
        show_usage = not streamed or self.wire.wants_usage(self.body.get("stream_options"))
        answer = compose(self.body, self.knobs, model, identity, time.time(), show_usage)
        spoiling = self._spoiling(identity)
        line = frames(answer, self.wire, self.knobs)
        headers = {**self.wire.headers(answer.id), **self._limit_headers(answer.usage.prompt + answer.usage.completion)}
        if streamed and self.knobs.fault != "ignore_stream":
            spoiled = faults.spoil(Timeline(line), self.knobs.fault, spoiling)
            stream = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", **headers}
            self._play(spoiled, 200, stream, None, answer)
            return
        body = compact(self.wire.whole(answer))
        whole = Frame(line[-1].due, body, answer.usage.completion, "body")
        spoiled = faults.spoil_body(whole, self.knobs.fault, spoiling)
        self._play(spoiled, 200, {"content-type": reply.JSON, **headers}, len(body), answer)

    def _spoiling(self, identity: str) -> faults.Spoiling:
        refusal = refusals.by_status(self.knobs.error_status, self.knobs.queue_param)
        return faults.Spoiling(
            after=self.knobs.after,
            pause_seconds=self.knobs.pause_seconds,
            error=event(self.wire.error_event(refusal, identity)),
            flat_error=event(
                {"message": refusal.message, "type": refusal.type, "param": refusal.param, "code": refusal.code}
            ),
            done_after_error=self.knobs.done_after_error,
        )

    def _play(
        self, line: Timeline, status: int, headers: dict[str, str], length: int | None, answer: Answer | None = None
    ) -> None:
        if line.frames and length is not None:
            length = max(length, sum(len(frame.data) for frame in line.frames))
        self.entry.status = status
        head_after = None if line.hold_headers else self.knobs.headers_after
        playback = Playback(
            self.connection,
            self.chat.wheel,
            line,
            reply.head(status, headers, length, self.request.keep_alive),
            started=self.request.at,
            head_after=0.0 if line.headers_at_once else head_after,
            chunked=length is None,
            each_event=self.knobs.segment == "event",
            write_every=self.knobs.write_every,
            ended=lambda ended, tokens: self._ended(ended, tokens, answer),
        )
        self.connection.playback = playback
        playback.start()

    def _ended(self, ended: str, tokens: int, answer: Answer | None) -> None:
        now = time.monotonic()
        self.chat.ledger.close(self.entry, ended, tokens, now)
        if self.permit and answer:
            spoken = answer.usage.completion if ended == "whole" else tokens
            self.chat.limiter.settle(self.permit, Need(answer.usage.prompt, answer.usage.cached, spoken), now)

    def _limit_headers(self, spent: int) -> dict[str, str]:
        if self.chat.persona == "openai" and not tiers.limits(self.account[1], self.knobs):
            return {}
        enforced = tiers.limits(self.account[1], self.knobs)
        state = self.chat.limiter.remaining(self.account, enforced, self.request.at) if enforced else []
        return tiers.headers(state, self.knobs, spent)


def speak_as(persona: Persona, knobs: Knobs) -> Wire:
    if persona == "cerebras":
        return CerebrasWire(knobs)
    return OpenAIWire(knobs)


def bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def let_in(key: str, knobs: Knobs) -> bool:
    return bool(key) if knobs.api_key is None else key == knobs.api_key


def live(persona: Persona, knobs: Knobs) -> tuple[str, ...]:
    """Models that answer; for a provider that takes any model, those its list names."""
    if knobs.models or persona == "openai":
        return knobs.models
    return catalog.live_on(knobs.today or dt.datetime.now(dt.UTC).date())


def _over(refused: Refused, knobs: Knobs) -> Refusal:
    limit = refused.limit
    refusal = refusals.too_many(limit.kind, limit.per, limit.bucket if knobs.name_bucket else "")
    if not knobs.limit_retry_after:
        return refusal
    return replace(refusal, headers={"retry-after": str(max(1, -int(-refused.seconds // 1)))})


def _missing_model(persona: Persona, name: str, knobs: Knobs) -> Refusal | None:
    known = live(persona, knobs)
    if name in knobs.unlisted or (name not in known and (known or persona == "cerebras")):
        return refusals.no_model(name, knobs.retired_status if name in catalog.MODELS else 404)
    return None


def _model(persona: Persona, name: str, knobs: Knobs) -> Model:
    model = catalog.describe(name)
    if persona == "openai":
        return replace(model, reasoning="never" if knobs.reasoning_field == "none" else "optional")
    return model


def _read(request: Request) -> object:
    try:
        return json.loads(request.content())
    except (ValueError, RecursionError):
        return None


def _directed(request: Request, body: object, knobs: Knobs) -> tuple[Knobs, str]:
    """Knobs for this request, and where its fault comes from."""
    suffix = _text(body.get("model")).partition("+")[2] if isinstance(body, dict) else ""
    header = request.headers.get("x-simulator", "")
    if not suffix and not header:
        return knobs, ""
    by_name, by_header = read_directives(suffix), read_directives(header)
    turned = turn(turn(knobs, by_name, "model suffix"), by_header, "x-simulator")
    return turned, f"{suffix}|{header}" if "fault" in {**by_name, **by_header} else ""


def _base(model: object) -> object:
    return model.partition("+")[0] if isinstance(model, str) else model


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
