"""Records as the front and the transport leave them, with times that a person can add up."""

from __future__ import annotations

from typing import Any

from plugins.policy.access import MASTER_CLIENT
from plugins.policy.engine import Ask, Decision, decide
from plugins.policy.routing import Lane
from plugins.policy.targets import Target
from plugins.stream.decode import Decoder
from plugins.telemetry.record import Attempt, Fault, Outcome, Record
from tests.policy.cases import DEPLOYED, SHIPPED, TODAY
from tests.stream.cases import cerebras, dump, sse

CEREBRAS = DEPLOYED.by_deployment["cerebras/gpt-oss-120b"]
FALLBACK = DEPLOYED.by_deployment["fallback/gpt-oss-120b"]
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 101,
    "completion_tokens_details": {"reasoning_tokens": 40},
    "prompt_tokens_details": {"cached_tokens": 8},
}

ROLE = sse(dump(cerebras({"role": "assistant"})))
DONE = sse(b"[DONE]")


def said(text: str) -> bytes:
    return sse(dump(cerebras({"content": text})))


def finish(**more: Any) -> bytes:
    return sse(dump(cerebras({}, finish_reason="stop", **more)))


def decided(model: str = "chat", *, stream: bool = True) -> Decision:
    return decide(SHIPPED, DEPLOYED, Ask(model, stream, MASTER_CLIENT, TODAY))


def record(model: str = "chat", *, started: float = 100.0, stream: bool = True, **facts: Any) -> Record:
    made = Record("wl-1", started, SHIPPED, "/v1/chat/completions", client="app", stream=stream)
    made.decision = decided(model, stream=stream)
    made.lane = Lane.LITELLM
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def watched(target: Target, started: float, *seen: tuple[float, bytes]) -> Attempt:
    attempt = Attempt(target, started, status=200)
    for now, raw in seen:
        for event in Decoder().feed(raw):
            attempt.watch.see(event, now)
    return attempt


def failed(
    target: Target, started: float, ended: float, status: int | None, fault: Fault = Fault.HTTP_STATUS
) -> Attempt:
    attempt = Attempt(target, started, status=status)
    attempt.end(Outcome.FAILED, ended, fault)
    return attempt


def deliver(to: Record, *seen: tuple[float, bytes]) -> None:
    for now, raw in seen:
        for event in Decoder().feed(raw):
            to.delivered.see(event, now)
