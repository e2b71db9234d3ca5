"""One chat completion, from its body to its last byte."""

import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any

from simulator import faults, refusals, reply, tiers
from simulator.answer import Answer, compose
from simulator.cerebras_wire import CerebrasWire
from simulator.connection import Connection, Request
from simulator.door import Caller, Persona, admit, bearer, model_of
from simulator.frames import Frame, Timeline
from simulator.knobs import KnobError, Knobs, read_directives, turn
from simulator.ledger import MOST_BODY_BYTES, Entry, Ledger
from simulator.limiter import Limiter, Need, Permit
from simulator.luck import Luck
from simulator.openai_wire import OpenAIWire
from simulator.playback import Playback
from simulator.refusals import Refusal
from simulator.wheel import Wheel
from simulator.wire import Wire, compact, event, frames


def speak_as(persona: Persona, knobs: Knobs) -> Wire:
    return CerebrasWire(knobs) if persona == "cerebras" else OpenAIWire(knobs)


@dataclass(slots=True)
class Chat:
    persona: Persona
    wheel: Wheel
    ledger: Ledger
    limiter: Limiter
    luck: Luck

    def answer(self, request: Request, connection: Connection, entry: Entry, knobs: Knobs) -> None:
        body = _read(request)
        name, _, suffix = _model_name(body).partition("+")
        _note(entry, body, name, len(request.body))
        caller = Caller(bearer(request.headers), name)
        try:
            knobs, origin = _directed(suffix, request.headers.get("x-simulator", ""), knobs)
        except KnobError as error:
            refusal = refusals.invalid(str(error), "x-simulator", "bad_knob")
            _Exchange(self, request, connection, entry, knobs, caller).refuse(refusal)
            return
        if not self.luck.hits(origin, knobs, request.at):
            knobs = knobs.model_copy(update={"fault": "none"})
        entry.fault = knobs.fault
        if isinstance(body, dict):
            body = {**body, "model": name} if name else body
        _Exchange(self, request, connection, entry, knobs, caller).run(body)


@dataclass(slots=True)
class _Exchange:
    chat: Chat
    request: Request
    connection: Connection
    entry: Entry
    knobs: Knobs
    caller: Caller
    permit: Permit | None = None

    def run(self, body: object) -> None:
        if self.knobs.fault in faults.BEFORE:
            self._drop()
            return
        if self.knobs.fault in faults.STATUS:
            self.refuse(self._by_fault())
            return
        outcome = admit(self.chat.persona, self.caller, body, self.knobs, self.chat.limiter, self.request.at)
        if isinstance(outcome, Refusal):
            self.refuse(outcome)
        elif isinstance(body, dict):
            self.permit = outcome
            self._speak(body)

    def refuse(self, refusal: Refusal) -> None:
        wire = speak_as(self.chat.persona, self.knobs)
        body = refusal.page.encode() if refusal.page is not None else compact(wire.refused(refusal))
        kind = "text/html; charset=UTF-8" if refusal.page is not None else reply.JSON
        limits = self._limit_headers(0, refusal) if refusal.limited else {}
        headers = {"content-type": kind, **wire.headers(None), **limits, **refusal.headers}
        frame = Frame(self.knobs.headers_after or 0.0, body, 0, "body")
        self._play(Timeline([frame], ended="refused"), refusal.status, headers, len(body))

    def _drop(self) -> None:
        self.chat.ledger.close(self.entry, self.knobs.fault, 0, time.monotonic())
        if self.knobs.fault == "close_before_headers":
            self.connection.close()
        else:
            self.connection.reset()

    def _by_fault(self) -> Refusal:
        knobs = self.knobs
        refusal = refusals.by_fault(knobs.fault, self.caller.model, knobs.queue_param)
        if knobs.fault_message is not None or knobs.fault_code is not None:
            refusal = refusals.reworded(refusal, knobs.fault_message, knobs.fault_code)
        if knobs.retry_after is None:
            return refusal
        return replace(refusal, headers={**refusal.headers, "retry-after": knobs.retry_after})

    def _speak(self, body: dict[str, Any]) -> None:
        identity, wire = uuid.uuid4().hex, speak_as(self.chat.persona, self.knobs)
        streamed = bool(body.get("stream"))
        show_usage = not streamed or wire.wants_usage(body.get("stream_options"))
        model = model_of(self.chat.persona, self.caller.model, self.knobs)
        answer = compose(body, self.knobs, model, identity, time.time(), show_usage)
        line, spoiling = frames(answer, wire, self.knobs), self._spoiling(wire, identity)
        headers = {**wire.headers(answer.id), **self._limit_headers(answer.usage.prompt + answer.usage.completion)}
        if streamed and self.knobs.fault != "ignore_stream":
            spoiled = faults.spoil(Timeline(line), self.knobs.fault, spoiling)
            kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
            self._play(spoiled, 200, {**kind, **headers}, None, answer)
            return
        whole = compact(wire.whole(answer))
        at_end = Frame(line[-1].due, whole, answer.usage.completion, "body")
        spoiled = faults.spoil_body(at_end, self.knobs.fault, spoiling)
        self._play(spoiled, 200, {"content-type": reply.JSON, **headers}, len(whole), answer)

    def _spoiling(self, wire: Wire, identity: str) -> faults.Spoiling:
        refusal = refusals.by_status(self.knobs.error_status, self.knobs.queue_param)
        flat = {"message": refusal.message, "type": refusal.type, "param": refusal.param, "code": refusal.code}
        return faults.Spoiling(
            after=self.knobs.after,
            pause_seconds=self.knobs.pause_seconds,
            error=event(wire.error_event(refusal, identity)),
            flat_error=event(flat),
            done_after_error=self.knobs.done_after_error,
        )

    def _play(
        self, line: Timeline, status: int, headers: dict[str, str], length: int | None, answer: Answer | None = None
    ) -> None:
        """`length` is what the head promises; a spoiled body may keep less. Without one the body is chunked."""
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
            ended=lambda ended, tokens: self._ended(ended, tokens, answer, playback),
        )
        self.connection.playback = playback
        playback.start()

    def _ended(self, ended: str, tokens: int, answer: Answer | None, playback: Playback) -> None:
        now = time.monotonic()
        if playback.first_token_at is not None:
            first, last = playback.first_token_at, playback.last_token_at
            self.chat.ledger.spoke(self.entry, first, last, playback.first_tokens)
        self.chat.ledger.close(self.entry, ended, tokens, now)
        if self.permit and answer:
            spoken = answer.usage.completion if ended == "whole" else tokens
            self.chat.limiter.settle(self.permit, Need(answer.usage.prompt, answer.usage.cached, spoken), now)

    def _limit_headers(self, spent: int, refusal: Refusal | None = None) -> dict[str, str]:
        enforced = tiers.limits(self.caller.model, self.knobs)
        if not self.knobs.rate_headers or (self.chat.persona == "openai" and not enforced):
            return {}
        state = self.chat.limiter.remaining(self.caller.account, enforced, self.request.at) if enforced else []
        told = tiers.headers(state, self.knobs, spent)
        if refusal and self.knobs.fault in faults.STATUS:
            return tiers.exhausted(told, refusal.code, self.knobs.reset)
        return told


def _read(request: Request) -> object:
    try:
        return json.loads(request.content())
    except (ValueError, RecursionError):
        return None


def _note(entry: Entry, body: object, model: str, size: int) -> None:
    entry.body_bytes = size
    if isinstance(body, dict):
        entry.model, entry.stream = model, bool(body.get("stream"))
        entry.body = body if size <= MOST_BODY_BYTES else None


def _model_name(body: object) -> str:
    name = body.get("model") if isinstance(body, dict) else None
    return name if isinstance(name, str) else ""


def _directed(suffix: str, header: str, knobs: Knobs) -> tuple[Knobs, str]:
    """Knobs for this request, and where its fault comes from: the header wins over the model's suffix."""
    if not suffix and not header:
        return knobs, ""
    by_name, by_header = read_directives(suffix), read_directives(header)
    turned = turn(turn(knobs, by_name, "model suffix"), by_header, "x-simulator")
    return turned, f"{suffix}|{header}" if "fault" in {**by_name, **by_header} else ""
