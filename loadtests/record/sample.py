"""One request as whoever sent it saw it, and what happened meanwhile. Times are seconds since the run began. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    WHOLE = "whole"
    BROKEN = "broken"  # visibly: an error event, a cut, a stall that was given up
    TRUNCATED = "truncated"  # silently: it looks whole, and is not
    BUFFERED = "buffered"  # whole, but it arrived at once though a stream was asked for
    WRONG_MODEL = "wrong_model"
    EMPTY = "empty"  # finished without a word
    REFUSED = "refused"  # 4xx but 429
    LIMITED = "limited"  # 429
    SHED = "shed"  # 503 at once: whoever answered had enough to do
    FAILED = "failed"  # 5xx, no connection, no first token in time


class Phase(StrEnum):
    """Of a stage; figures are taken from what began while it was steady."""

    RAMP = "ramp"
    STEADY = "steady"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    id: str  # x-request-id of the answer, or our own where there was none
    stage: str  # of the scenario: a sweep and a spike have several
    phase: Phase
    way: str  # "target", or what it is compared with: "direct", "sdk"
    workload: str  # what was asked for, be it a workload or a model
    outcome: Outcome
    intended: float  # when it was due; later starts are the generator's fault or the closed loop's nature
    sent: float
    end: float
    status: int | None = None
    error: str | None = None  # the code of the answer's error, or what went wrong on the way
    headers: float | None = None
    role: float | None = None  # the first event, whatever it held
    first: float | None = None  # the first token
    last: float | None = None  # the last delivery that held tokens
    gap: float | None = None  # the longest wait between two such deliveries
    deliveries: int = 0  # reads that held tokens
    events: int = 0  # that held tokens
    first_events: int = 0  # of them, those of the first delivery, which no time was spent on after the first token
    octets: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    estimated: bool = False  # the tokens are counted by events, as no usage was told
    finish: str | None = None
    model_served: str | None = None
    target: str | None = None  # the deployment that served, where the gateway tells
    lane: str | None = None
    attempts: int | None = None
    reused: bool = True  # the connection was open before
    retry_after: float | None = None
    queue_seconds: float | None = None  # of time_info, where the provider tells
    numbers_hold: bool | None = None  # every word of a simulated answer once and in order; None: they are not numbered

    @property
    def ttft(self) -> float | None:
        return None if self.first is None else self.first - self.intended

    @property
    def total(self) -> float:
        return self.end - self.intended

    @property
    def lag(self) -> float:
        """How late the generator was; nothing of it is the target's."""
        return self.sent - self.intended

    @property
    def tokens_per_s(self) -> float | None:
        """Over the streamed output: the tokens that came after the first delivery, in the time they took."""
        if self.first is None or self.last is None or not self.completion_tokens or self.events <= self.first_events:
            return None
        seconds = self.last - self.first
        streamed = self.completion_tokens * (1 - self.first_events / self.events)
        return streamed / seconds if seconds > 0 else None


class MarkKind(StrEnum):
    STAGE = "stage"
    FAULT = "fault"  # injected into the simulator
    CIRCUIT = "circuit"
    GENERATOR = "generator"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point or a stretch of the timeline."""

    kind: MarkKind
    what: str
    at: float
    until: float | None = None
    target: str | None = None
